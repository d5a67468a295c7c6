import type { IpFamily } from "../base/mod.ts";
import { STUN_METHOD, type StunView } from "../wire/mod.ts";
import { DEFAULT_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS } from "./constants.ts";

/** Error codes of STUN and TURN that a relay gives (p2p spec §8). */
export type ErrorCode = 400 | 401 | 437 | 438 | 440 | 443 | 508;

/** Reason phrases, RFC 8489 §14.8 and RFC 8656 §19. */
export const REASONS: Readonly<Record<ErrorCode, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  437: "Allocation Mismatch",
  438: "Stale Nonce",
  440: "Address Family not Supported",
  443: "Peer Address Family Mismatch",
  508: "Insufficient Capacity",
};

/** Tells whether a request has the method, and the attributes with proper values, that it needs (p2p spec §8.2). */
export function isWellFormed(stun: StunView): boolean {
  const isMacWrong = stun.hasIntegrity && stun.integrityLength !== MAC_LENGTH;
  if (isMacWrong || hasMalformedValue(stun)) return false;
  switch (stun.method) {
    case STUN_METHOD.binding:
    case STUN_METHOD.refresh:
    case STUN_METHOD.createPermission:
      return true;
    case STUN_METHOD.allocate:
      return stun.requestedTransport() !== undefined;
    case STUN_METHOD.channelBind:
      return stun.channelNumber() !== undefined && stun.xorPeer() !== undefined;
    default:
      return false;
  }
}

/** Returns the families that an ALLOCATE gets, or why it gets none (p2p spec §8.5). */
export function allocatedFamilies(
  stun: StunView,
  hasIpv4: boolean,
  hasIpv6: boolean,
): readonly IpFamily[] | 400 | 440 {
  const requested = stun.requestedFamily();
  const additional = stun.additionalFamily();
  if (additional === 4) return 400;
  if (additional === 6) {
    if (requested !== undefined) return 400;
    if (hasIpv4) return hasIpv6 ? [4, 6] : [4];
    return [6];
  }
  const family = requested ?? 4;
  return (family === 4 ? hasIpv4 : hasIpv6) ? [family] : 440;
}

/** Returns the lifetime that a request gets, in seconds (p2p spec §8.5). */
export function grantedLifetime(stun: StunView): number {
  const requested = stun.lifetime() ?? DEFAULT_LIFETIME_SECONDS;
  return Math.min(requested, MAX_LIFETIME_SECONDS);
}

/** Length of HMAC-SHA1, in bytes. */
const MAC_LENGTH = 20;

function hasMalformedValue(stun: StunView): boolean {
  return (stun.has("xor-peer-address") && !stun.xorPeer()) ||
    (stun.has("channel-number") && stun.channelNumber() === undefined) ||
    (stun.has("lifetime") && stun.lifetime() === undefined) ||
    (stun.has("requested-transport") &&
      stun.requestedTransport() === undefined) ||
    (stun.has("requested-address-family") && !stun.requestedFamily()) ||
    (stun.has("additional-address-family") && !stun.additionalFamily());
}

import type { ChannelDataView } from "./channel_data.ts";
import { STUN_METHOD, type StunView } from "./stun.ts";
import { wireguardMessageType } from "./wireguard.ts";

/**
 * UDP port of every relay. A datagram from any other port is never relay
 * traffic; one from this port may still come from a peer behind a NAT (p2p spec §6).
 */
export const RELAY_PORT = 3478;

/** What a datagram from port 3478 is if it comes from a relay. */
export type RelayFormat = "stun" | "channel-data" | "none";

/** What a datagram is that comes from a peer, or came through a relay from one. */
export type PeerFormat =
  | "check-request"
  | "check-response"
  | "ignored-stun"
  | "wireguard"
  | "unknown";

/**
 * Tells what the datagram `[start, end)` is, given that it comes from a relay (p2p spec §6, rules 1 and 2).
 *
 * Leaves the view that the answer names attached to it.
 */
export function relayFormat(
  bytes: Uint8Array,
  start: number,
  end: number,
  stun: StunView,
  channelData: ChannelDataView,
): RelayFormat {
  const first = start < end ? bytes[start]! : 0xff;
  if (first <= LAST_STUN_BYTE) {
    return stun.attach(bytes, start, end) ? "stun" : "none";
  }
  return channelData.attach(bytes, start, end) && channelData.isExact
    ? "channel-data"
    : "none";
}

/**
 * Tells what the datagram `[start, end)` is, given that a peer sent it (p2p spec §6, rules 3 to 5).
 *
 * First bytes of STUN and WireGuard overlap; magic cookie, attributes and
 * exact lengths tell them apart. Leaves `stun` attached to a check.
 */
export function peerFormat(
  bytes: Uint8Array,
  start: number,
  end: number,
  stun: StunView,
): PeerFormat {
  const mayBeStun = start < end && bytes[start]! <= LAST_BINDING_BYTE;
  if (mayBeStun && stun.attach(bytes, start, end)) {
    const format = checkFormat(stun);
    if (format !== "unknown") return format;
  }
  return wireguardMessageType(bytes, start, end) === 0
    ? "unknown"
    : "wireguard";
}

/** Greatest first byte of a STUN message with any method that relays use. */
const LAST_STUN_BYTE = 0x03;
/** Greatest first byte of a BINDING message: request and indication have 0, success and error 1. */
const LAST_BINDING_BYTE = 0x01;

/** A STUN message that lacks what its class must carry is no STUN message (p2p spec §2.8). */
function checkFormat(stun: StunView): PeerFormat {
  if (stun.method !== STUN_METHOD.binding) return "unknown";
  switch (stun.class) {
    case "request":
      return stun.hasIntegrity && stun.priority() !== undefined &&
          stun.namesTwoUsers
        ? "check-request"
        : "unknown";
    case "success":
      return stun.hasIntegrity && stun.xorMapped() !== undefined
        ? "check-response"
        : "unknown";
    case "indication":
    case "error":
      return "ignored-stun";
  }
}

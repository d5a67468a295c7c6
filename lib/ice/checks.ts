import type { SocketAddress } from "../base/mod.ts";
import { encodeCheck } from "../stun/mod.ts";
import { STUN_METHOD, type StunAttribute } from "../wire/mod.ts";
import type { IceRole } from "./priority.ts";

/** What a connectivity check says, p2p spec §2.7. */
export interface CheckRequest {
  /** 12 bytes, fresh for every check. */
  readonly transactionId: Uint8Array;
  /** `<receiver's ufrag>:<sender's ufrag>`. */
  readonly username: string;
  /** The sender's role. */
  readonly role: IceRole;
  /** 64 bits, the same throughout a connection. */
  readonly tieBreaker: bigint;
  /** What a peer-reflexive candidate learned from the check is worth. */
  readonly priority: number;
  /** Whether the controlling side names the pair for use. */
  readonly useCandidate: boolean;
}

/** Encodes a check, signed with the password of its receiver. */
export function encodeCheckRequest(
  request: CheckRequest,
  receiverKey: Uint8Array,
): Uint8Array {
  const { role, tieBreaker, priority, username } = request;
  const attributes: StunAttribute[] = [
    { kind: "username", text: username },
    role === "controlling"
      ? { kind: "ice-controlling", tieBreaker }
      : { kind: "ice-controlled", tieBreaker },
    { kind: "priority", priority },
  ];
  if (request.useCandidate) attributes.push({ kind: "use-candidate" });
  return encodeCheck({
    class: "request",
    method: STUN_METHOD.binding,
    transactionId: request.transactionId,
    attributes,
  }, receiverKey);
}

/** Encodes the answer to a check from `source`, signed with the password of the side that answers. */
export function encodeCheckResponse(
  transactionId: Uint8Array,
  source: SocketAddress,
  ownKey: Uint8Array,
): Uint8Array {
  return encodeCheck({
    class: "success",
    method: STUN_METHOD.binding,
    transactionId,
    attributes: [{ kind: "xor-mapped-address", address: source }],
  }, ownKey);
}

/**
 * The client side of TURN: one allocation on one relay, RFC 8656, without I/O.
 *
 * An `Allocation` first asks every address of its relay who we are (BINDING).
 * The answers reveal our host and server-reflexive candidates, and the address
 * that answers first is the active socket: all that follows goes there. It
 * asks for an allocation, signed from the first message on so that the relay
 * can sign its refusal too, and repeats the request with the nonce of that
 * refusal. The relayed addresses become relay candidates.
 *
 * From then on it refreshes the allocation at half its lifetime, keeps the NAT
 * open by a BINDING after 25 s of silence, and binds channels to peers on
 * demand. A channel number rests before another peer gets it, because the relay
 * keeps it bound for five minutes longer than it carries data.
 *
 * Whatever the relay answers without our key is ignored. A request that is
 * never answered means that the relay is gone, at once: candidates are taken
 * back, channels forgotten, and after `failed` the user drops the allocation.
 *
 * The user passes datagrams and time in, and after each call drains
 * `pollTransmit` and `pollEvent`. `channelTo` and `peerOf` serve the data path.
 *
 * @module
 */
export { Allocation, type AllocationOptions } from "./allocation.ts";
export {
  type AllocationEvent,
  type AllocationFailure,
} from "./allocation_event.ts";
export { type LocalCandidate } from "./candidates.ts";

import { assert, MAX_PACKET_BYTES, writeU16 } from "../base/mod.ts";
import type { IpPacketView } from "./ip_packet.ts";
import {
  IPV6_DESTINATION,
  IPV6_HEADER_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from "./ipv6.ts";

/** IP protocol number of Firezone's in-tunnel messages (data-plane spec §1.4). */
const P2P_CONTROL_PROTOCOL = 255;

/** Event code and seven reserved bytes (data-plane spec §9.1). */
const P2P_HEADER_LENGTH = 8;

/** Event code: a client announces the proxy addresses of a domain. */
export const P2P_ASSIGNED_IPS = 0;
/** Event code: a gateway answers whether a domain can be reached. */
export const P2P_DOMAIN_STATUS = 1;
/** Event code: the sender forgets the connection. */
export const P2P_GOODBYE = 2;

/**
 * Tells whether a packet is an in-tunnel message: IPv6, protocol 255, from `::` to `::`, at least 8 payload bytes.
 *
 * Such a packet is never forwarded. Its event code is `p2pControlEvent` and
 * its payload starts at `p2pControlPayloadAt`.
 */
export function isP2pControl(packet: IpPacketView): boolean {
  return packet.version === 6 && packet.protocol === P2P_CONTROL_PROTOCOL &&
    packet.end - packet.transportAt >= P2P_HEADER_LENGTH &&
    isUnspecified(packet.bytes, packet.start + IPV6_SOURCE) &&
    isUnspecified(packet.bytes, packet.start + IPV6_DESTINATION);
}

/** Returns the event code of an in-tunnel message. Codes other than the `P2P_` constants are to be ignored. */
export function p2pControlEvent(packet: IpPacketView): number {
  return packet.bytes[packet.transportAt]!;
}

/** Returns the index of an in-tunnel message's payload, which reaches to the end of the packet. */
export function p2pControlPayloadAt(packet: IpPacketView): number {
  return packet.transportAt + P2P_HEADER_LENGTH;
}

/** Builds an in-tunnel message. The payload is JSON as UTF-8, or empty. */
export function encodeP2pControl(
  event: number,
  payload: Uint8Array,
): Uint8Array {
  const length = IPV6_HEADER_LENGTH + P2P_HEADER_LENGTH + payload.length;
  assert(length <= MAX_PACKET_BYTES, "An in-tunnel message is too long");
  const packet = new Uint8Array(length);
  packet[0] = 0x60;
  writeU16(packet, IPV6_PAYLOAD_LENGTH, P2P_HEADER_LENGTH + payload.length);
  packet[IPV6_NEXT_HEADER] = P2P_CONTROL_PROTOCOL;
  packet[IPV6_HEADER_LENGTH] = event;
  packet.set(payload, IPV6_HEADER_LENGTH + P2P_HEADER_LENGTH);
  return packet;
}

/** Builds the message that tells a peer to forget the connection (data-plane spec §9.4). */
export function encodeGoodbye(): Uint8Array {
  return encodeP2pControl(P2P_GOODBYE, new Uint8Array(0));
}

function isUnspecified(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 16; i++) {
    if (bytes[at + i] !== 0) return false;
  }
  return true;
}

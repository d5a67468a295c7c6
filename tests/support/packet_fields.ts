import { formatIp, ipFromBytes } from "../../lib/base/mod.ts";

/** Reads the source address of a packet. */
export function sourceOf(packet: Uint8Array): string {
  return addressAt(packet, isIpv4(packet) ? 12 : 8);
}

/** Reads the destination address of a packet. */
export function destinationOf(packet: Uint8Array): string {
  return addressAt(packet, isIpv4(packet) ? 16 : 24);
}

function addressAt(packet: Uint8Array, at: number): string {
  return formatIp(
    ipFromBytes(packet.slice(at, at + (isIpv4(packet) ? 4 : 16))),
  );
}

function isIpv4(packet: Uint8Array): boolean {
  return packet[0]! >> 4 === 4;
}

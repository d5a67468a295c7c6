import type { IpPacketView } from "./ip_packet.ts";

/** The flag of a sender that has nothing more to say, RFC 9293 §3.1. */
export const TCP_FIN = 0x01;
/** The flag that ends a connection at once. */
export const TCP_RST = 0x04;

const FLAGS = 13;

/** Returns the flags of a TCP packet. */
export function tcpFlags({ bytes, transportAt }: IpPacketView): number {
  return bytes[transportAt + FLAGS]!;
}

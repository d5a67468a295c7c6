import type { IpPacketView } from "./ip_packet.ts";
import { PROTOCOL_TCP } from "./selector.ts";

/** The flag of a sender that has nothing more to say, RFC 9293 §3.1. */
export const TCP_FIN = 0x01;
/** The flag that opens a connection. */
export const TCP_SYN = 0x02;
/** The flag that ends a connection at once. */
export const TCP_RST = 0x04;
/** The flag of a packet that acknowledges something. */
export const TCP_ACK = 0x10;

const DATA_OFFSET = 12;
const FLAGS = 13;
const UDP_HEADER_LENGTH = 8;

/** Returns the flags of a TCP packet. */
export function tcpFlags({ bytes, transportAt }: IpPacketView): number {
  return bytes[transportAt + FLAGS]!;
}

/** Returns the length of a TCP or UDP packet without all headers. */
export function transportPayloadLength(packet: IpPacketView): number {
  const { bytes, transportAt, end } = packet;
  const headerLength = packet.protocol === PROTOCOL_TCP
    ? (bytes[transportAt + DATA_OFFSET]! >> 4) * 4
    : UDP_HEADER_LENGTH;
  return end - transportAt - headerLength;
}

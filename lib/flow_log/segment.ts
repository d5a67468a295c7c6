import { type IpPacketView, PROTOCOL_TCP } from "../wire/mod.ts";

/** TCP flags, RFC 9293 §3.1. */
export const FIN = 0x01;
/** Synchronize sequence numbers. */
export const SYN = 0x02;
/** Reset the connection. */
export const RST = 0x04;
/** The acknowledgement number counts. */
export const ACK = 0x10;

const TCP_DATA_OFFSET = 12;
const TCP_FLAGS = 13;
const UDP_HEADER_LENGTH = 8;

/** Returns the flags of a TCP packet. */
export function tcpFlags({ bytes, transportAt }: IpPacketView): number {
  return bytes[transportAt + TCP_FLAGS]!;
}

/** Returns the length of a TCP or UDP packet without all headers. */
export function transportPayloadLength(packet: IpPacketView): number {
  const { bytes, transportAt, end } = packet;
  const headerLength = packet.protocol === PROTOCOL_TCP
    ? (bytes[transportAt + TCP_DATA_OFFSET]! >> 4) * 4
    : UDP_HEADER_LENGTH;
  return end - transportAt - headerLength;
}

/** Tells whether a packet of a client that belongs to no flow starts one: what only ends or acknowledges does not. */
export function startsFlow(packet: IpPacketView): boolean {
  if (packet.protocol !== PROTOCOL_TCP) return true;
  const flags = tcpFlags(packet);
  if ((flags & (FIN | RST)) !== 0) return false;
  const isBareAck = (flags & (ACK | SYN)) === ACK &&
    transportPayloadLength(packet) === 0;
  return !isBareAck;
}

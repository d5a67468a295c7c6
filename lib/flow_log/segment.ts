import {
  type IpPacketView,
  PROTOCOL_TCP,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  tcpFlags,
  transportPayloadLength,
} from "../wire/mod.ts";

/** Tells whether a packet of a client that belongs to no flow starts one: what only ends or acknowledges does not. */
export function startsFlow(packet: IpPacketView): boolean {
  if (packet.protocol !== PROTOCOL_TCP) return true;
  const flags = tcpFlags(packet);
  if ((flags & (TCP_FIN | TCP_RST)) !== 0) return false;
  const isBareAck = (flags & (TCP_ACK | TCP_SYN)) === TCP_ACK &&
    transportPayloadLength(packet) === 0;
  return !isBareAck;
}

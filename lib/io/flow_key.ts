import { type Datagram, finishHash, mixAddress, mixWord } from "../base/mod.ts";

/** First byte of a WireGuard data message, and of ChannelData after its lowest bits. */
const DATA = 4;
const CHANNEL_DATA = 0x40;
const CHANNEL_MASK = 0xf0;
const CHANNEL_HEADER_BYTES = 4;

/** Where a data message says whom it is for. The lowest byte, which comes first, is the session, the others are the peer. */
const RECEIVER_AT = 4;

/** Shortest data message. */
const DATA_BYTES = 32;

/** Where an IP header has its destination. */
const IPV4_DESTINATION_AT = 16;
const IPV6_DESTINATION_AT = 24;

const scratch = new Uint8Array(16);

/**
 * Returns a number that all datagrams of one flow have: the messages of one
 * peer's tunnel, also through a relay, and all else from one address. Handshakes
 * and STUN of a heavy peer thus do not count with his data. Allocates nothing.
 */
export function flowOfDatagram(datagram: Datagram, seed: number): number {
  const { bytes, end } = datagram;
  let { start } = datagram;
  if ((bytes[start]! & CHANNEL_MASK) === CHANNEL_DATA) {
    start += CHANNEL_HEADER_BYTES;
  }
  if (end - start >= DATA_BYTES && bytes[start] === DATA) {
    const at = start + RECEIVER_AT;
    const peer = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) |
      bytes[at + 3]!;
    return finishHash(mixWord(seed, peer));
  }
  const family = datagram.copySourceIp(scratch);
  const mixed = mixAddress(seed, scratch, 0, family === 4 ? 4 : 16);
  return finishHash(mixWord(mixed, datagram.sourcePort));
}

/** Returns a number that all packets to one destination have. Allocates nothing. */
export function flowOfPacket(
  bytes: Uint8Array,
  start: number,
  seed: number,
): number {
  const mixed = bytes[start]! >>> 4 === 4
    ? mixAddress(seed, bytes, start + IPV4_DESTINATION_AT, 4)
    : mixAddress(seed, bytes, start + IPV6_DESTINATION_AT, 16);
  return finishHash(mixed);
}

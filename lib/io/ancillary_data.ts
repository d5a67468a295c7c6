import {
  type Ecn,
  type IpAddress,
  type IpFamily,
  readU32LE,
  writeU16LE,
  writeU32LE,
} from "../base/mod.ts";

/** Levels and types of the ancillary data (`cmsg`) of a UDP socket, Linux `in.h`, `in6.h` and `udp.h`. */
const IPPROTO_IP = 0;
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const IP_TOS = 1;
const IP_PKTINFO = 8;
const IPV6_PKTINFO = 50;
const IPV6_TCLASS = 67;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;

/** Layout of `cmsghdr`: a 64-bit length that counts the header, then level, type and data. */
const LENGTH = 0;
const LEVEL = 8;
const TYPE = 12;
const DATA = 16;
const ALIGNMENT = 8;

/** `in_pktinfo` is interface index, local address, destination; `in6_pktinfo` is address, interface index. */
const IPV4_INFO_LENGTH = 12;
const IPV4_INFO_LOCAL = 4;
const IPV6_INFO_LENGTH = 20;
const IPV6_INFO_LOCAL = 0;

const CLASS_LENGTH = 4;
const SEGMENT_LENGTH = 2;
const GRO_LENGTH = 4;
const ECN_MASK = 3;

/** Room for all ancillary data of one datagram either way, in bytes. */
export const ANCILLARY_ROOM_BYTES = 128;

/** A reusable view of the ancillary data of one received datagram. */
export class AncillaryView {
  /** Address of the local IP address in the bytes given, -1 when there is none. */
  localAt = -1;
  /** Family of the local address. */
  localFamily: IpFamily = 4;
  /** Congestion bits; Not-ECT when the kernel does not tell. */
  ecn: Ecn = 0;
  /** Bytes of each datagram but the last when the payload is several; -1 when it is one. */
  segmentSize = -1;

  /** Reads the `length` bytes at `at`. Stops at the first entry that does not fit. */
  attach(bytes: Uint8Array, at: number, length: number): void {
    this.localAt = -1;
    this.ecn = 0;
    this.segmentSize = -1;
    const end = at + length;
    while (at + DATA <= end) {
      const entryLength = readU32LE(bytes, at + LENGTH);
      if (entryLength < DATA || at + entryLength > end) return;
      this.#readEntry(bytes, at, entryLength - DATA);
      at += align(entryLength);
    }
  }

  #readEntry(bytes: Uint8Array, at: number, dataLength: number): void {
    const level = readU32LE(bytes, at + LEVEL);
    const type = readU32LE(bytes, at + TYPE);
    if (level === IPPROTO_IP) {
      if (type === IP_PKTINFO && dataLength >= IPV4_INFO_LENGTH) {
        this.localAt = at + DATA + IPV4_INFO_LOCAL;
        this.localFamily = 4;
      } else if (type === IP_TOS && dataLength >= 1) {
        this.ecn = (bytes[at + DATA]! & ECN_MASK) as Ecn;
      }
    } else if (level === IPPROTO_IPV6) {
      if (type === IPV6_PKTINFO && dataLength >= IPV6_INFO_LENGTH) {
        this.localAt = at + DATA + IPV6_INFO_LOCAL;
        this.localFamily = 6;
      } else if (type === IPV6_TCLASS && dataLength >= CLASS_LENGTH) {
        this.ecn = (bytes[at + DATA]! & ECN_MASK) as Ecn;
      }
    } else if (level === IPPROTO_UDP) {
      if (type === UDP_GRO && dataLength >= GRO_LENGTH) {
        this.segmentSize = readU32LE(bytes, at + DATA);
      }
    }
  }
}

/**
 * Writes the ancillary data of a datagram to send, and returns its length in bytes.
 *
 * `source` pins the source address, `null` leaves it to the kernel. Allocates nothing.
 */
export function writeAncillary(
  bytes: Uint8Array,
  at: number,
  family: IpFamily,
  source: IpAddress | null,
  ecn: Ecn,
): number {
  const start = at;
  if (source !== null) at = writePinnedSource(bytes, at, source);
  if (ecn !== 0) at = writeEcn(bytes, at, family, ecn);
  return at - start;
}

/** Writes that the payload is several datagrams of `size` bytes, the last one perhaps shorter. Returns the length in bytes. */
export function writeSegmentSize(
  bytes: Uint8Array,
  at: number,
  size: number,
): number {
  const end = writeHeader(bytes, at, IPPROTO_UDP, UDP_SEGMENT, SEGMENT_LENGTH);
  writeU16LE(bytes, at + DATA, size);
  return end - at;
}

function writePinnedSource(
  bytes: Uint8Array,
  at: number,
  source: IpAddress,
): number {
  if (source.family === 4) {
    const end = writeHeader(
      bytes,
      at,
      IPPROTO_IP,
      IP_PKTINFO,
      IPV4_INFO_LENGTH,
    );
    bytes.set(source.bytes, at + DATA + IPV4_INFO_LOCAL);
    return end;
  }
  const end = writeHeader(
    bytes,
    at,
    IPPROTO_IPV6,
    IPV6_PKTINFO,
    IPV6_INFO_LENGTH,
  );
  bytes.set(source.bytes, at + DATA + IPV6_INFO_LOCAL);
  return end;
}

function writeEcn(
  bytes: Uint8Array,
  at: number,
  family: IpFamily,
  ecn: Ecn,
): number {
  const end = family === 4
    ? writeHeader(bytes, at, IPPROTO_IP, IP_TOS, CLASS_LENGTH)
    : writeHeader(bytes, at, IPPROTO_IPV6, IPV6_TCLASS, CLASS_LENGTH);
  bytes[at + DATA] = ecn;
  return end;
}

/** Writes a header with zeroed data behind it and returns where the next entry starts. */
function writeHeader(
  bytes: Uint8Array,
  at: number,
  level: number,
  type: number,
  dataLength: number,
): number {
  const end = at + align(DATA + dataLength);
  bytes.fill(0, at, end);
  writeU32LE(bytes, at + LENGTH, DATA + dataLength);
  writeU32LE(bytes, at + LEVEL, level);
  writeU32LE(bytes, at + TYPE, type);
  return end;
}

function align(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

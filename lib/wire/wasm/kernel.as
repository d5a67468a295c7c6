/**
 * Internet checksums (RFC 1071) with SIMD, and the split of a large TCP or UDP
 * packet into segments (data-plane spec §3.5).
 *
 * Sums are kept in the machine's byte order, little-endian: a one's complement
 * sum of swapped words is the swapped sum, so only a result is ever swapped.
 *
 * The host checks a packet before it calls `beginSplit`; nothing is checked here.
 */

/** Where the headers of the packet under work are kept: at most 60 bytes of IP and 60 of TCP. */
const TEMPLATE: usize = 4096;

const IPV4_LENGTH = 2;
const IPV4_IDENTIFICATION = 4;
const IPV4_FLAGS = 6;
const IPV4_TTL = 8;
const IPV4_CHECKSUM = 10;
const IPV4_SOURCE = 12;
const IPV6_LENGTH = 4;
const IPV6_NEXT_HEADER = 6;
const IPV6_SOURCE = 8;
const IPV6_HEADER_BYTES: u32 = 40;

const TCP: u32 = 6;
const TCP_SEQUENCE = 4;
const TCP_ACKNOWLEDGEMENT = 8;
const TCP_DATA_OFFSET = 12;
const TCP_FLAGS = 13;
const TCP_CHECKSUM = 16;
const TCP_OPTIONS = 20;
const TCP_ACK: u32 = 0x10;
const TCP_ACK_PSH: u32 = 0x18;
/** FIN and PSH, which only the last segment keeps. */
const TCP_LAST_FLAGS: u8 = 0x09;
const UDP_LENGTH = 4;
const UDP_CHECKSUM = 6;

/** The packet under work. */
let packet: usize = 0;
let headerLength: u32 = 0;
let ipHeaderLength: u32 = 0;
let payloadLength: u32 = 0;
let segmentSize: u32 = 0;
let protocol: u32 = 0;
let isIpv4: bool = false;
/** Sum of the addresses and the protocol: the pseudo-header without its length. */
let pseudoHeader: u64 = 0;

/** Returns the sum of `length` bytes at `at`, folded to 16 bits. */
export function sum(at: usize, length: u32): u32 {
  return swap(fold(add(at, length)));
}

/** Tells whether the checksums of the TCP or UDP packet of `length` bytes at `at` are right. */
export function isIntact(
  at: usize,
  length: u32,
  ipHeaderBytes: u32,
  transport: u32,
): bool {
  const transportLength = length - ipHeaderBytes;
  let addresses: u64;
  if (load<u8>(at) >> 4 === 4) {
    if (fold(add(at, ipHeaderBytes)) !== 0xffff) return false;
    addresses = add(at + IPV4_SOURCE, 8);
  } else addresses = add(at + IPV6_SOURCE, 32);
  const message = add(at + ipHeaderBytes, transportLength);
  const rest = swap(transport) + swap(transportLength);
  return fold(addresses + message + rest) === 0xffff;
}

/**
 * Tells whether the `length` bytes at `at` are a TCP packet that goes on where
 * the one at `first` and those after it end, and have right checksums.
 *
 * Returns its flags, ACK or ACK and PSH, or 0. The packet at `first` is one
 * without IP options or extension headers; `length` exceeds its headers.
 */
export function continuesTcp(
  first: usize,
  at: usize,
  length: u32,
  ipHeaderBytes: u32,
  headerBytes: u32,
  sequence: u32,
): u32 {
  const isAlike = load<u8>(first) >> 4 === 4
    ? isAlikeIpv4(first, at, length)
    : isAlikeIpv6(first, at, length);
  if (!isAlike) return 0;

  const a = first + ipHeaderBytes;
  const b = at + ipHeaderBytes;
  if (load<u32>(a) !== load<u32>(b)) return 0;
  if (bswap<u32>(load<u32>(b, TCP_SEQUENCE)) !== sequence) return 0;
  if (load<u32>(a, TCP_ACKNOWLEDGEMENT) !== load<u32>(b, TCP_ACKNOWLEDGEMENT)) {
    return 0;
  }
  if (load<u8>(a, TCP_DATA_OFFSET) !== load<u8>(b, TCP_DATA_OFFSET)) return 0;
  const flags = load<u8>(b, TCP_FLAGS) as u32;
  if (flags !== TCP_ACK && flags !== TCP_ACK_PSH) return 0;
  for (let i = ipHeaderBytes + TCP_OPTIONS; i < headerBytes; i += 4) {
    if (load<u32>(first + i) !== load<u32>(at + i)) return 0;
  }
  return isIntact(at, length, ipHeaderBytes, TCP) ? flags : 0;
}

/** The identification may differ. */
function isAlikeIpv4(a: usize, b: usize, length: u32): bool {
  return load<u16>(a) === load<u16>(b) &&
    swap(load<u16>(b, IPV4_LENGTH)) === length &&
    load<u16>(a, IPV4_FLAGS) === load<u16>(b, IPV4_FLAGS) &&
    load<u16>(a, IPV4_TTL) === load<u16>(b, IPV4_TTL) &&
    load<u64>(a, IPV4_SOURCE) === load<u64>(b, IPV4_SOURCE);
}

/** The flow label may differ. */
function isAlikeIpv6(a: usize, b: usize, length: u32): bool {
  return load<u8>(a) === load<u8>(b) &&
    load<u8>(a, 1) >> 4 === load<u8>(b, 1) >> 4 &&
    swap(load<u16>(b, IPV6_LENGTH)) + IPV6_HEADER_BYTES === length &&
    load<u16>(a, IPV6_NEXT_HEADER) === load<u16>(b, IPV6_NEXT_HEADER) &&
    load<u64>(a, IPV6_SOURCE) === load<u64>(b, IPV6_SOURCE) &&
    load<u64>(a, IPV6_SOURCE + 8) === load<u64>(b, IPV6_SOURCE + 8) &&
    load<u64>(a, IPV6_SOURCE + 16) === load<u64>(b, IPV6_SOURCE + 16) &&
    load<u64>(a, IPV6_SOURCE + 24) === load<u64>(b, IPV6_SOURCE + 24);
}

/** Takes the packet of `length` bytes at `at`. Its headers are kept aside, as segments overwrite them. */
export function beginSplit(
  at: usize,
  length: u32,
  ipHeaderBytes: u32,
  transportHeaderBytes: u32,
  transport: u32,
  bytesPerSegment: u32,
): void {
  packet = at;
  ipHeaderLength = ipHeaderBytes;
  headerLength = ipHeaderBytes + transportHeaderBytes;
  payloadLength = length - headerLength;
  segmentSize = bytesPerSegment;
  protocol = transport;
  isIpv4 = load<u8>(at) >> 4 === 4;
  pseudoHeader = (isIpv4 ? add(at + IPV4_SOURCE, 8) : add(at + IPV6_SOURCE, 32)) +
    swap(transport);
  copyWords(at, TEMPLATE, headerLength);
}

/**
 * Writes the headers of segment `index` before its payload and returns its length.
 *
 * They overwrite payload of the segments before it: take them in order, each
 * after the last one has served.
 */
export function writeSegment(index: u32): u32 {
  const offset = index * segmentSize;
  const at = packet + offset;
  const size = min(segmentSize, payloadLength - offset);
  const length = headerLength + size;
  copyWords(TEMPLATE, at, headerLength);

  if (isIpv4) writeIpv4(at, length, index);
  else store<u16>(at, swap(length - IPV6_HEADER_BYTES), IPV6_LENGTH);

  const transport = at + ipHeaderLength;
  const transportLength = length - ipHeaderLength;
  const partial = fold(pseudoHeader + swap(transportLength));
  if (protocol === TCP) {
    const isLast = offset + size === payloadLength;
    const sequence = bswap<u32>(load<u32>(transport, TCP_SEQUENCE)) + offset;
    store<u32>(transport, bswap<u32>(sequence), TCP_SEQUENCE);
    if (!isLast) {
      const flags = load<u8>(transport, TCP_FLAGS) & ~TCP_LAST_FLAGS;
      store<u8>(transport, flags, TCP_FLAGS);
    }
    store<u16>(transport, partial, TCP_CHECKSUM);
    store<u16>(transport, ~fold(add(transport, transportLength)), TCP_CHECKSUM);
  } else {
    store<u16>(transport, swap(transportLength), UDP_LENGTH);
    store<u16>(transport, partial, UDP_CHECKSUM);
    const checksum = ~fold(add(transport, transportLength)) & 0xffff;
    // Zero would mean "absent".
    store<u16>(transport, checksum === 0 ? 0xffff : checksum, UDP_CHECKSUM);
  }
  return length;
}

function writeIpv4(at: usize, length: u32, index: u32): void {
  const identification = swap(load<u16>(at, IPV4_IDENTIFICATION)) + index;
  store<u16>(at, swap(length), IPV4_LENGTH);
  store<u16>(at, swap(identification & 0xffff), IPV4_IDENTIFICATION);
  store<u16>(at, 0, IPV4_CHECKSUM);
  store<u16>(at, ~fold(add(at, ipHeaderLength)), IPV4_CHECKSUM);
}

/** Adds up `length` bytes as little-endian words. 64 KiB stay far below the limit of a 32-bit lane. */
function add(at: usize, length: u32): u64 {
  const end = at + length;
  let sum0 = i32x4.splat(0);
  let sum1 = i32x4.splat(0);
  while (at + 64 <= end) {
    const a = i32x4.extadd_pairwise_i16x8_u(v128.load(at));
    const b = i32x4.extadd_pairwise_i16x8_u(v128.load(at, 16));
    const c = i32x4.extadd_pairwise_i16x8_u(v128.load(at, 32));
    const d = i32x4.extadd_pairwise_i16x8_u(v128.load(at, 48));
    sum0 = i32x4.add(sum0, i32x4.add(a, b));
    sum1 = i32x4.add(sum1, i32x4.add(c, d));
    at += 64;
  }
  while (at + 16 <= end) {
    sum0 = i32x4.add(sum0, i32x4.extadd_pairwise_i16x8_u(v128.load(at)));
    at += 16;
  }
  sum0 = i32x4.add(sum0, sum1);
  let total: u64 = (i32x4.extract_lane(sum0, 0) as u32 as u64) +
    (i32x4.extract_lane(sum0, 1) as u32 as u64) +
    (i32x4.extract_lane(sum0, 2) as u32 as u64) +
    (i32x4.extract_lane(sum0, 3) as u32 as u64);
  // Words of 32 bits fold to the same: 2^16 is 1 modulo 2^16 - 1.
  if (length & 8) {
    total += (load<u32>(at) as u64) + (load<u32>(at, 4) as u64);
    at += 8;
  }
  if (length & 4) {
    total += load<u32>(at) as u64;
    at += 4;
  }
  if (length & 2) {
    total += load<u16>(at) as u64;
    at += 2;
  }
  if (length & 1) total += load<u8>(at) as u64;
  return total;
}

/** Folds the carries of a sum below 2^48 into 16 bits. */
function fold(total: u64): u32 {
  total = (total & 0xffff) + ((total >> 16) & 0xffff) + (total >> 32);
  total = (total & 0xffff) + (total >> 16);
  total = (total & 0xffff) + (total >> 16);
  return total as u32;
}

/** Swaps the bytes of a 16-bit word. */
function swap(word: u32): u32 {
  return ((word & 0xff) << 8) | (word >> 8);
}

/** Copies headers, whose length is a multiple of 4. */
function copyWords(source: usize, target: usize, length: u32): void {
  const end = source + length;
  while (source + 16 <= end) {
    v128.store(target, v128.load(source));
    source += 16;
    target += 16;
  }
  while (source < end) {
    store<u32>(target, load<u32>(source));
    source += 4;
    target += 4;
  }
}

import { readU16, readU32 } from "../base/mod.ts";
import { type SegmentKernel, TransportView } from "../wire/mod.ts";

/** Longest packet that merging makes: what the length field of IPv4 can say. */
const MERGED_BYTES = 65_535;

/** Most datagrams in one (data-plane spec §14.2). */
const UDP_SEGMENTS = 128;

const TCP = 6;
const UDP = 17;

/** Offsets in the IP headers. */
const IPV4_CLASS = 1;
const IPV4_FLAGS = 6;
const IPV4_TTL = 8;
const IPV4_HEADER_LENGTH = 20;
const IPV6_HOP_LIMIT = 7;

/** Offsets in the TCP and UDP headers. */
const TCP_SEQUENCE = 4;
const TCP_ACKNOWLEDGEMENT = 8;
const TCP_DATA_OFFSET = 12;
const TCP_FLAGS = 13;
const TCP_OPTIONS = 20;
const TCP_ACK = 0x10;
const TCP_ACK_PSH = 0x18;
const UDP_LENGTH = 4;
const UDP_CHECKSUM = 6;

const FLOWS = 256;
const NONE = -1;

/** One or more packets that are written as one. The first packet's headers stand for all. */
export interface MergedPacket {
  /** Index of the first packet. The others follow by `PacketMerger.after`. */
  readonly first: number;
  /** How many packets there are. */
  readonly count: number;
  /** Length of the whole, headers counted once. */
  readonly length: number;
  /** Payload of each packet but the last. */
  readonly segmentSize: number;
  /** IP version. */
  readonly version: 4 | 6;
  /** 6 or 17. */
  readonly protocol: number;
  /** Length of the IP header. */
  readonly ipHeaderLength: number;
  /** Length of the IP and the transport header. */
  readonly headerLength: number;
  /** Whether any packet has PSH set. */
  readonly pushes: boolean;
}

/** A `MergedPacket` as its one writer sees it. Reused from batch to batch. */
class Item implements MergedPacket {
  first = 0;
  last = 0;
  at = 0;
  count = 0;
  length = 0;
  segmentSize = 0;
  version: 4 | 6 = 4;
  protocol = 0;
  ipHeaderLength = 0;
  headerLength = 0;
  pushes = false;
  /** Whether another packet may be appended. */
  isOpen = false;
  /** Whether the checksums of the first packet were found right. */
  isVerified = false;
  /** Sequence number that the next packet must have, as a signed integer. */
  nextSequence = 0;
  /** The item before of the flows with the same hash. */
  previous = NONE;
}

/**
 * Finds out which packets of one batch can be written as one (data-plane spec §14.2).
 *
 * A packet joins only the latest item of its flow, so packets of one flow
 * never overtake each other. A packet whose flow cannot be told joins nothing,
 * and nothing is merged across it. Checksums of merged packets are verified:
 * the kernel is told to trust them.
 */
export class PacketMerger {
  /** Whether UDP is merged, too. */
  readonly #mergesUdp: boolean;
  readonly #bytes: Uint8Array;
  readonly #kernel: SegmentKernel;
  readonly #transport = new TransportView();
  readonly #items: readonly Item[];
  /** By packet: the next one of the same item. */
  readonly #after: Int32Array;
  /** By hash of a flow: its latest item. */
  readonly #latest = new Int32Array(FLOWS).fill(NONE);
  /** The item that the last packet of a flow joined or began: what follows most likely goes on there. */
  #current: Item | undefined;
  #count = 0;

  /** Has room for `capacity` packets between two calls of `clear`. */
  constructor(kernel: SegmentKernel, capacity: number, mergesUdp: boolean) {
    this.#bytes = kernel.bytes;
    this.#kernel = kernel;
    this.#mergesUdp = mergesUdp;
    this.#items = Array.from({ length: capacity }, () => new Item());
    this.#after = new Int32Array(capacity);
  }

  /** How many items there are to write. */
  get count(): number {
    return this.#count;
  }

  /** Returns item `index`, in the order to write them. */
  item(index: number): MergedPacket {
    return this.#items[index] as Item;
  }

  /** Returns the packet that follows `packet` in its item. */
  after(packet: number): number {
    return this.#after[packet]!;
  }

  /** Takes packet number `packet`, which has `length` bytes at `at`. */
  add(packet: number, at: number, length: number): void {
    const current = this.#current;
    if (current && this.#goesOn(current, packet, at, length)) return;
    const transport = this.#transport;
    const kind = transport.attach(this.#bytes, at, at + length);
    switch (kind) {
      case "opaque":
        this.#latest.fill(NONE);
        this.#current = undefined;
        this.#append(packet, at, length);
        return;
      case "portless":
        this.#append(packet, at, length);
        return;
      case "tcp":
        return this.#addToFlow(packet, at, TCP, this.#isMergeableTcp());
      case "udp":
        return this.#addToFlow(packet, at, UDP, this.#isMergeableUdp());
    }
  }

  /** Forgets all packets: the batch has been written. */
  clear(): void {
    this.#count = 0;
    this.#latest.fill(NONE);
    this.#current = undefined;
  }

  /**
   * Appends a packet to `item` if it is the next segment of its TCP stream, told in one look.
   *
   * Accepts nothing that `#join` would not: the latest item of all is the
   * latest of its flow.
   */
  #goesOn(item: Item, packet: number, at: number, length: number): boolean {
    const payloadLength = length - item.headerLength;
    if (!item.isOpen || !item.isVerified || item.protocol !== TCP) return false;
    if (payloadLength <= 0 || payloadLength > item.segmentSize) return false;
    if (item.length + payloadLength > MERGED_BYTES) return false;
    const flags = this.#kernel.continuesTcp(
      item.at,
      at,
      length,
      item.ipHeaderLength,
      item.headerLength,
      item.nextSequence,
    );
    if (flags === 0) return false;
    this.#extend(item, packet, payloadLength, flags === TCP_ACK_PSH);
    item.nextSequence = (item.nextSequence + payloadLength) | 0;
    return true;
  }

  #addToFlow(
    packet: number,
    at: number,
    protocol: number,
    isMergeable: boolean,
  ): void {
    const transport = this.#transport;
    const hash = transport.flowHash;
    if (isMergeable) {
      const latest = this.#latestOf(hash, protocol);
      const outcome = latest ? this.#join(latest, packet, at) : "apart";
      if (outcome === "joined") return;
      if (outcome === "wrong-checksum") isMergeable = false;
    }
    const item = this.#append(packet, at, transport.length);
    item.version = transport.version;
    item.protocol = protocol;
    item.ipHeaderLength = transport.ipHeaderLength;
    item.headerLength = transport.headerLength;
    item.segmentSize = transport.payloadLength;
    item.pushes = protocol === TCP && this.#pushes;
    item.isOpen = isMergeable && !item.pushes;
    if (protocol === TCP) this.#expectAfter(item);
    item.previous = this.#latest[hash]!;
    this.#latest[hash] = this.#count - 1;
    this.#current = item;
  }

  #append(packet: number, at: number, length: number): Item {
    const item = this.#items[this.#count++] as Item;
    item.first = item.last = packet;
    item.at = at;
    item.count = 1;
    item.length = length;
    item.isOpen = false;
    item.isVerified = false;
    return item;
  }

  #latestOf(hash: number, protocol: number): Item | undefined {
    const { version } = this.#transport;
    for (let i = this.#latest[hash]!; i !== NONE;) {
      const item = this.#items[i] as Item;
      const isSame = item.version === version && item.protocol === protocol &&
        this.#transport.isSameFlow(item.at, item.ipHeaderLength);
      if (isSame) return item;
      i = item.previous;
    }
    return undefined;
  }

  #join(
    item: Item,
    packet: number,
    at: number,
  ): "joined" | "apart" | "wrong-checksum" {
    const { payloadLength } = this.#transport;
    if (!item.isOpen || !this.#continues(item, at)) return "apart";
    if (!item.isVerified) {
      item.isVerified = this.#isVerified(item.at, item.length, item);
      if (!item.isVerified) {
        item.isOpen = false;
        return "apart";
      }
    }
    if (!this.#isVerified(at, this.#transport.length, item)) {
      return "wrong-checksum";
    }
    const isTcp = item.protocol === TCP;
    this.#extend(item, packet, payloadLength, isTcp && this.#pushes);
    if (isTcp) this.#expectAfter(item);
    this.#current = item;
    return "joined";
  }

  /** Appends a packet that continues `item`. */
  #extend(
    item: Item,
    packet: number,
    payloadLength: number,
    pushes: boolean,
  ): void {
    this.#after[item.last] = packet;
    item.last = packet;
    item.count++;
    item.length += payloadLength;
    item.pushes = pushes;
    item.isOpen = payloadLength === item.segmentSize && !pushes;
  }

  /** Tells whether the packet at hand is what would follow if one large packet were split. */
  #continues(item: Item, at: number): boolean {
    const { headerLength, ipHeaderLength, payloadLength } = this.#transport;
    if (headerLength !== item.headerLength) return false;
    if (payloadLength > item.segmentSize) return false;
    if (item.length + payloadLength > MERGED_BYTES) return false;
    const isAlike = item.version === 4
      ? this.#isAlikeIpv4(item.at, at)
      : this.#isAlikeIpv6(item.at, at);
    if (!isAlike) return false;
    if (item.protocol === UDP) return item.count < UDP_SEGMENTS;
    return this.#continuesTcp(item, at + ipHeaderLength, headerLength);
  }

  #continuesTcp(item: Item, at: number, headerLength: number): boolean {
    const bytes = this.#bytes;
    const first = item.at + item.ipHeaderLength;
    const sequence = readU32(bytes, at + TCP_SEQUENCE) | 0;
    if (sequence !== item.nextSequence) return false;
    const end = headerLength - item.ipHeaderLength;
    return isEqual(bytes, first, at, TCP_ACKNOWLEDGEMENT, TCP_DATA_OFFSET) &&
      isEqual(bytes, first, at, TCP_OPTIONS, end);
  }

  /** The identification and the flow label may differ. */
  #isAlikeIpv4(a: number, b: number): boolean {
    const bytes = this.#bytes;
    return bytes[a + IPV4_CLASS] === bytes[b + IPV4_CLASS] &&
      bytes[a + IPV4_TTL] === bytes[b + IPV4_TTL] &&
      bytes[a + IPV4_FLAGS] === bytes[b + IPV4_FLAGS];
  }

  #isAlikeIpv6(a: number, b: number): boolean {
    const bytes = this.#bytes;
    return bytes[a] === bytes[b] &&
      bytes[a + 1]! >> 4 === bytes[b + 1]! >> 4 &&
      bytes[a + IPV6_HOP_LIMIT] === bytes[b + IPV6_HOP_LIMIT];
  }

  #isMergeableTcp(): boolean {
    const { payloadLength, transportAt } = this.#transport;
    const flags = this.#bytes[transportAt + TCP_FLAGS]!;
    const reserved = this.#bytes[transportAt + TCP_DATA_OFFSET]! & 0x0f;
    return payloadLength > 0 && !this.#hasIpOptions && reserved === 0 &&
      (flags === TCP_ACK || flags === TCP_ACK_PSH);
  }

  /** A datagram without a checksum would get one, so it stays alone. */
  #isMergeableUdp(): boolean {
    const { payloadLength, transportAt } = this.#transport;
    const bytes = this.#bytes;
    const length = payloadLength + this.#transport.transportHeaderLength;
    return this.#mergesUdp && payloadLength > 0 && !this.#hasIpOptions &&
      readU16(bytes, transportAt + UDP_LENGTH) === length &&
      readU16(bytes, transportAt + UDP_CHECKSUM) !== 0;
  }

  get #hasIpOptions(): boolean {
    const { ipHeaderLength, version } = this.#transport;
    return version === 4 && ipHeaderLength !== IPV4_HEADER_LENGTH;
  }

  get #pushes(): boolean {
    return this.#bytes[this.#transport.transportAt + TCP_FLAGS] === TCP_ACK_PSH;
  }

  /** Notes that the packet at hand is the last one of `item`. */
  #expectAfter(item: Item): void {
    const { payloadLength, transportAt } = this.#transport;
    const sequence = readU32(this.#bytes, transportAt + TCP_SEQUENCE);
    item.nextSequence = (sequence + payloadLength) | 0;
  }

  #isVerified(at: number, length: number, shape: MergedPacket): boolean {
    const { ipHeaderLength, protocol } = shape;
    return this.#kernel.isIntact(at, length, ipHeaderLength, protocol);
  }
}

function isEqual(
  bytes: Uint8Array,
  a: number,
  b: number,
  from: number,
  to: number,
): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[a + i] !== bytes[b + i]) return false;
  }
  return true;
}

import {
  type Ecn,
  equalSocketAddresses,
  type IpAddress,
  type SocketAddress,
} from "../base/mod.ts";

/** Most datagrams of one group, and what they may come to with the headers that the kernel adds up (data-plane spec §14.3). */
const GROUP_DATAGRAMS = 64;
const GROUP_BYTES = 65_535;
const IPV4_HEADERS_BYTES = 68;
const IPV6_HEADERS_BYTES = 48;

const BUCKETS = 256;
const NONE = -1;

const NOWHERE: SocketAddress = {
  ip: { family: 4, bytes: new Uint8Array(4) },
  port: 0,
};

/** Datagrams that leave in one send: of one socket, to one destination, all of one length but the last. */
export interface DatagramGroup {
  /** The socket. */
  readonly fd: number;
  /** Where they go. */
  readonly destination: SocketAddress;
  /** The source address to pin, or `null`. */
  readonly source: IpAddress | null;
  /** Congestion bits. */
  readonly ecn: Ecn;
  /** Slot of the first datagram. The others follow by `DatagramGroups.after`. */
  readonly first: number;
  /** How many datagrams there are. */
  readonly count: number;
  /** Length of each datagram but the last, which may be shorter. */
  readonly segmentSize: number;
}

/** A `DatagramGroup` as its one writer sees it. Reused from batch to batch. */
class Group implements DatagramGroup {
  fd = -1;
  destination = NOWHERE;
  source: IpAddress | null = null;
  ecn: Ecn = 0;
  first = 0;
  last = 0;
  count = 0;
  segmentSize = 0;
  /** How many datagrams there may be; as many as there are once a shorter one has closed it. */
  limit = 1;
  /** The group before of the destinations with the same hash. */
  previous = NONE;
}

/**
 * Sorts the datagrams of one batch into groups, in the order of their first datagrams (data-plane spec §14.3).
 *
 * A datagram joins only the latest group to its destination, so what one peer
 * is sent never gets out of order. Deviation: upstream looks for the latest
 * group with the same congestion bits, which lets packets of one flow overtake
 * each other after a router has marked some.
 */
export class DatagramGroups {
  readonly #groups: readonly Group[];
  /** By slot: the next one of the same group. */
  readonly #after: Int32Array;
  /** By hash of socket and destination: the latest group. */
  readonly #latest = new Int32Array(BUCKETS).fill(NONE);
  #count = 0;

  /** Has room for `capacity` datagrams between two calls of `clear`. */
  constructor(capacity: number) {
    this.#groups = Array.from({ length: capacity }, () => new Group());
    this.#after = new Int32Array(capacity);
  }

  /** How many groups there are. */
  get count(): number {
    return this.#count;
  }

  /** Returns group `index`, in the order to send them. */
  group(index: number): DatagramGroup {
    return this.#groups[index] as Group;
  }

  /** Returns the slot that follows `slot` in its group. */
  after(slot: number): number {
    return this.#after[slot]!;
  }

  /** Takes the datagram of `length` bytes in `slot`. Unless `mayJoin`, it gets a group of its own. */
  add(
    slot: number,
    length: number,
    fd: number,
    source: IpAddress | null,
    destination: SocketAddress,
    ecn: Ecn,
    mayJoin: boolean,
  ): void {
    const bucket = bucketOf(fd, destination);
    if (mayJoin) {
      const latest = this.#latestTo(bucket, fd, destination);
      if (latest?.source === source && latest.ecn === ecn) {
        if (this.#join(latest, slot, length)) return;
      }
    }
    const index = this.#count++;
    const group = this.#groups[index] as Group;
    group.fd = fd;
    group.source = source;
    group.destination = destination;
    group.ecn = ecn;
    group.first = group.last = slot;
    group.count = 1;
    group.segmentSize = length;
    group.limit = limitOf(length, destination);
    group.previous = this.#latest[bucket]!;
    this.#latest[bucket] = index;
  }

  /** Forgets all datagrams: the batch has been sent. */
  clear(): void {
    this.#count = 0;
    this.#latest.fill(NONE);
  }

  #join(group: Group, slot: number, length: number): boolean {
    if (length > group.segmentSize || group.count >= group.limit) return false;
    this.#after[group.last] = slot;
    group.last = slot;
    group.count++;
    if (length < group.segmentSize) group.limit = group.count;
    return true;
  }

  #latestTo(
    bucket: number,
    fd: number,
    destination: SocketAddress,
  ): Group | undefined {
    for (let i = this.#latest[bucket]!; i !== NONE;) {
      const group = this.#groups[i] as Group;
      if (group.fd === fd && isSame(group.destination, destination)) {
        return group;
      }
      i = group.previous;
    }
    return undefined;
  }
}

function isSame(a: SocketAddress, b: SocketAddress): boolean {
  return a === b || equalSocketAddresses(a, b);
}

function bucketOf(fd: number, { ip, port }: SocketAddress): number {
  const { bytes } = ip;
  const { length } = bytes;
  return (fd ^ port ^ (port >> 8) ^ bytes[length - 1]! ^
    (bytes[length - 2]! << 3)) & 0xff;
}

function limitOf(length: number, { ip }: SocketAddress): number {
  if (length === 0) return 1;
  const headers = ip.family === 4 ? IPV4_HEADERS_BYTES : IPV6_HEADERS_BYTES;
  const fitting = Math.floor((GROUP_BYTES - headers) / length);
  return Math.min(GROUP_DATAGRAMS, fitting);
}

import {
  type Ecn,
  formatSocketAddress,
  type IpAddress,
  type Logger,
  type SocketAddress,
} from "../base/mod.ts";
import type { PacketCipher } from "../crypto/mod.ts";
import { writeAncillary, writeSegmentSize } from "./ancillary_data.ts";
import { type DatagramGroup, DatagramGroups } from "./datagram_groups.ts";
import {
  EAGAIN,
  EINTR,
  EINVAL,
  EIO,
  EMSGSIZE,
  EOPNOTSUPP,
  errnoName,
} from "./errno.ts";
import type { IoCounters } from "./io_counters.ts";
import { errno, type Libc, libc } from "./libc.ts";
import { MessageRing, SLOT_BYTES } from "./message_ring.ts";
import type { NativeMemory } from "./native_memory.ts";
import { writeSockaddr } from "./sockaddr.ts";
import { SendPatience } from "./send_patience.ts";
import { sendRefusalOf } from "./send_refusal.ts";

/** Most datagrams of one batch. Our own choice: what four large packets of the TUN device make. */
const BATCH_DATAGRAMS = 256;

/**
 * After so many refused groups in a row none is tried again. Our own choice.
 *
 * Deviation: upstream gives up after one. But a route with a small MTU refuses
 * groups, too, and one such peer must not slow down all others.
 */
const REFUSALS_IN_A_ROW = 16;

/**
 * Collects datagrams and sends them in batches.
 *
 * Where the kernel can, those to one destination leave as one group
 * (`UDP_SEGMENT`), gathered from where they lie. What one destination gets
 * keeps its order.
 */
export class SendRing {
  readonly #libc: Libc = libc();
  readonly #ring: MessageRing;
  readonly #groups = new DatagramGroups(BATCH_DATAGRAMS);
  readonly #lengths = new Int32Array(BATCH_DATAGRAMS);
  readonly #counters: IoCounters;
  readonly #cipher: PacketCipher | undefined;
  readonly #log: Logger;
  readonly #patience = new SendPatience();
  /** What each message's name and ancillary data say, to be rewritten only when that changes. */
  readonly #headings: readonly Heading[];
  #count = 0;
  #segments = false;
  #refusalsInARow = 0;

  /** Allocates the ring in the arena of `memory`. `cipher` finishes before anything is sent. */
  constructor(
    memory: NativeMemory,
    counters: IoCounters,
    log: Logger,
    cipher?: PacketCipher,
  ) {
    const shape = { count: BATCH_DATAGRAMS, roomBytes: SLOT_BYTES };
    this.#ring = new MessageRing(memory, shape);
    this.#counters = counters;
    this.#cipher = cipher;
    this.#log = log;
    this.#headings = Array.from({ length: BATCH_DATAGRAMS }, newHeading);
  }

  /** Lets datagrams leave in groups from here on. Only for a kernel that knows `UDP_SEGMENT`: others would send them as one. */
  allowSegments(): void {
    this.#segments = true;
  }

  /** Returns the address of room for one datagram. Sends first when full. */
  reserve(): number {
    if (this.#count === BATCH_DATAGRAMS) this.flush();
    return this.#ring.slotAt(this.#count);
  }

  /** Queues the `length` bytes at the last reserved address for socket `fd`. */
  commit(
    fd: number,
    length: number,
    source: IpAddress | null,
    destination: SocketAddress,
    ecn: Ecn,
  ): void {
    const slot = this.#count++;
    this.#lengths[slot] = length;
    this.#groups.add(
      slot,
      length,
      fd,
      source,
      destination,
      ecn,
      this.#segments,
    );
  }

  /** Sends all that waits. What the kernel refuses is counted and lost, never fatal (p2p spec §7). */
  flush(): void {
    if (this.#count === 0) return;
    const groups = this.#groups;
    this.#patience.begin();
    this.#describe();
    this.#cipher?.finish();
    for (let first = 0; first < groups.count;) {
      const { fd } = groups.group(first);
      let end = first + 1;
      while (end < groups.count && groups.group(end).fd === fd) end++;
      this.#send(fd, first, end);
      first = end;
    }
    groups.clear();
    this.#count = 0;
  }

  /** Writes a message for each group. */
  #describe(): void {
    const groups = this.#groups;
    const ring = this.#ring;
    let vector = 0;
    for (let i = 0; i < groups.count; i++) {
      const group = groups.group(i);
      (this.#headings[i] as Heading).firstVector = vector;
      ring.gather(i, vector, group.count);
      let slot = group.first;
      for (let k = 0; k < group.count; k++) {
        ring.setVector(vector++, slot, this.#lengths[slot]!);
        slot = groups.after(slot);
      }
      this.#writeHeading(i, group);
    }
  }

  /** Sends groups `[first, end)` through one socket. */
  #send(fd: number, first: number, end: number): void {
    while (first < end) {
      const pointer = this.#ring.pointer(first);
      const sent = this.#libc.sendmmsg(fd, pointer, end - first, 0);
      if (sent > 0) {
        this.#noteSent(first, first + sent);
        first += sent;
      } else first = this.#handleRefusal(errno(), fd, first, end);
    }
  }

  #noteSent(first: number, end: number): void {
    for (let i = first; i < end; i++) {
      const { count } = this.#groups.group(i);
      this.#counters.add("datagrams-sent", count);
      if (count > 1) this.#refusalsInARow = 0;
    }
  }

  /** Returns the group to go on with. */
  #handleRefusal(code: number, fd: number, first: number, end: number): number {
    if (code === EINTR) return first;
    if (code === EAGAIN) {
      if (this.#patience.awaitRoom(fd)) return first;
      for (let i = first; i < end; i++) {
        this.#counters.add("send-blocked", this.#groups.group(i).count);
      }
      return end;
    }
    const group = this.#groups.group(first);
    const { count } = group;
    if (count > 1 && isAboutSegments(code)) this.#sendSingly(fd, first);
    else this.#noteRefused(code, group, count);
    return first + 1;
  }

  /** Sends the datagrams of a group that was refused as a whole. The reason may be another one than its being a group. */
  #sendSingly(fd: number, index: number): void {
    const group = this.#groups.group(index);
    const ring = this.#ring;
    const { firstVector } = this.#headings[index] as Heading;
    this.#setSegmentSize(index, 0);
    ring.gather(index, firstVector, 1);
    let slot = group.first;
    let sent = 0;
    for (let k = 0; k < group.count; k++) {
      ring.setVector(firstVector, slot, this.#lengths[slot]!);
      if (this.#sendOne(fd, index)) sent++;
      slot = this.#groups.after(slot);
    }
    this.#counters.add("datagrams-sent", sent);
    if (sent > 0) this.#noteSegmentsRefused();
  }

  #sendOne(fd: number, index: number): boolean {
    for (;;) {
      const pointer = this.#ring.pointer(index);
      if (this.#libc.sendmmsg(fd, pointer, 1, 0) > 0) return true;
      const code = errno();
      if (code === EINTR) continue;
      if (code !== EAGAIN) {
        this.#noteRefused(code, this.#groups.group(index), 1);
        return false;
      }
      if (this.#patience.awaitRoom(fd)) continue;
      this.#counters.increment("send-blocked");
      return false;
    }
  }

  #noteSegmentsRefused(): void {
    this.#counters.increment("send-segments-refused");
    if (++this.#refusalsInARow !== REFUSALS_IN_A_ROW) return;
    this.#segments = false;
    this.#log.log("info", "Kernel refuses groups of datagrams");
  }

  #noteRefused(
    code: number,
    { destination }: DatagramGroup,
    count: number,
  ): void {
    const refusal = sendRefusalOf(code);
    const isFirst = this.#counters.get(refusal) === 0;
    this.#counters.add(refusal, count);
    if (!isFirst) return;
    if (refusal === "send-forbidden") {
      this.#log.log(
        "info",
        "Datagram refused, check the firewall of this host",
      );
      return;
    }
    this.#log.log("debug", "Datagram refused", {
      counter: refusal,
      reason: errnoName(code),
      to: formatSocketAddress(destination),
    });
  }

  /** Writes name and ancillary data. Addresses are immutable, so the same object says the same. */
  #writeHeading(index: number, group: DatagramGroup): void {
    const { destination, ecn, source } = group;
    const heading = this.#headings[index] as Heading;
    const ring = this.#ring;
    if (heading.destination !== destination) {
      heading.destination = destination;
      const at = ring.nameAt(index);
      ring.setNameLength(index, writeSockaddr(ring.bytes, at, destination));
      heading.controlLength = -1;
    }
    const isWritten = heading.controlLength >= 0 &&
      heading.source === source && heading.ecn === ecn;
    if (!isWritten) {
      heading.source = source;
      heading.ecn = ecn;
      const { family } = destination.ip;
      const at = ring.controlAt(index);
      heading.controlLength = writeAncillary(
        ring.bytes,
        at,
        family,
        source,
        ecn,
      );
      heading.segmentSize = -1;
    }
    const segmentSize = group.count > 1 ? group.segmentSize : 0;
    this.#setSegmentSize(index, segmentSize);
  }

  /** Says how long the datagrams of a group are; 0 for a single one. */
  #setSegmentSize(index: number, segmentSize: number): void {
    const heading = this.#headings[index] as Heading;
    const ring = this.#ring;
    if (heading.segmentSize === segmentSize) return;
    heading.segmentSize = segmentSize;
    let length = heading.controlLength;
    if (segmentSize > 0) {
      const at = ring.controlAt(index) + length;
      length += writeSegmentSize(ring.bytes, at, segmentSize);
    }
    ring.setControlLength(index, length);
  }
}

/** What the kernel is told about one message beside its payload. */
interface Heading {
  destination: SocketAddress | undefined;
  source: IpAddress | null;
  ecn: Ecn;
  /** Length of the ancillary data before the segment size; -1 when there is none yet. */
  controlLength: number;
  /** The segment size that the ancillary data ends with; 0 for none, -1 when that has to be said yet. */
  segmentSize: number;
  /** Where the vectors of the message begin. */
  firstVector: number;
}

function newHeading(): Heading {
  return {
    ...{ destination: undefined, source: null, ecn: 0 },
    ...{ controlLength: -1, segmentSize: -1, firstVector: 0 },
  };
}

/** Tells whether a group may have been refused for being one. */
function isAboutSegments(code: number): boolean {
  return code === EINVAL || code === EIO || code === EMSGSIZE ||
    code === EOPNOTSUPP;
}

import {
  type Ecn,
  type IpAddress,
  type Logger,
  type SocketAddress,
} from "../base/mod.ts";
import { writeAncillary } from "./ancillary_data.ts";
import { EACCES, EAGAIN, EINTR, EPERM } from "./errno.ts";
import type { IoCounters } from "./io_counters.ts";
import { errno, type Libc, libc } from "./libc.ts";
import { BATCH_SIZE, MessageRing } from "./message_ring.ts";
import type { NativeMemory } from "./native_memory.ts";
import { waitUntilWritable } from "./wait.ts";
import { writeSockaddr } from "./sockaddr.ts";

/**
 * How long a full socket buffer may hold up the loop, in ms. Our own choice:
 * nothing is read meanwhile (data-plane spec §14.4), and a device that takes
 * nothing for this long has lost the batch anyhow.
 */
const SEND_PATIENCE_MS = 100;

/**
 * Collects datagrams and sends them in batches, in the order of their commits.
 *
 * A batch is for one socket; a commit for another one sends it first.
 */
export class SendRing {
  readonly #libc: Libc = libc();
  readonly #ring: MessageRing;
  readonly #counters: IoCounters;
  readonly #log: Logger;
  /** What each slot's name and ancillary data say, to be rewritten only when that changes. */
  readonly #headings: Heading[] = [];
  /** Messages in [first, next) wait to be sent through `fd`. */
  #first = 0;
  #next = 0;
  #fd = -1;

  /** Allocates the ring in the arena of `memory`. */
  constructor(memory: NativeMemory, counters: IoCounters, log: Logger) {
    this.#ring = new MessageRing(memory);
    this.#counters = counters;
    this.#log = log;
    for (let i = 0; i < BATCH_SIZE; i++) {
      this.#headings.push({ destination: undefined, source: null, ecn: 0 });
    }
  }

  /** Returns the address of room for one datagram. Sends first when full. */
  reserve(): number {
    if (this.#next === BATCH_SIZE) this.flush();
    if (this.#first === this.#next) this.#first = this.#next = 0;
    return this.#ring.slotAt(this.#next);
  }

  /** Queues the `length` bytes at the last reserved address for socket `fd`. */
  commit(
    fd: number,
    length: number,
    source: IpAddress | null,
    destination: SocketAddress,
    ecn: Ecn,
  ): void {
    if (fd !== this.#fd) {
      this.flush();
      this.#fd = fd;
    }
    this.#writeHeading(this.#next, source, destination, ecn);
    this.#ring.setPayloadLength(this.#next, length);
    this.#next++;
  }

  /** Sends all that waits. What the kernel refuses is counted and lost, never fatal (p2p spec §7). */
  flush(): void {
    while (this.#first < this.#next) {
      const sent = this.#libc.sendmmsg(
        this.#fd,
        this.#ring.pointer(this.#first),
        this.#next - this.#first,
        0,
      );
      if (sent > 0) {
        this.#first += sent;
        this.#counters.add("datagrams-sent", sent);
      } else this.#handleRefusal(errno());
    }
  }

  #handleRefusal(code: number): void {
    if (code === EINTR) return;
    if (code === EAGAIN) {
      if (waitUntilWritable(this.#fd, SEND_PATIENCE_MS)) return;
      this.#counters.add("send-blocked", this.#next - this.#first);
      this.#first = this.#next;
      return;
    }
    this.#first++;
    if (code !== EPERM && code !== EACCES) {
      this.#counters.increment("send-error");
      return;
    }
    if (this.#counters.get("send-forbidden") === 0) {
      this.#log.log(
        "info",
        "Datagram refused, check the firewall of this host",
      );
    }
    this.#counters.increment("send-forbidden");
  }

  /** Writes name and ancillary data. Addresses are immutable, so the same object says the same. */
  #writeHeading(
    index: number,
    source: IpAddress | null,
    destination: SocketAddress,
    ecn: Ecn,
  ): void {
    const heading = this.#headings[index] as Heading;
    const ring = this.#ring;
    if (heading.destination !== destination) {
      heading.destination = destination;
      const at = ring.nameAt(index);
      ring.setNameLength(index, writeSockaddr(ring.bytes, at, destination));
    } else if (heading.source === source && heading.ecn === ecn) return;
    heading.source = source;
    heading.ecn = ecn;
    const family = destination.ip.family;
    const at = ring.controlAt(index);
    ring.setControlLength(
      index,
      writeAncillary(ring.bytes, at, family, source, ecn),
    );
  }
}

/** What the kernel is told about one message beside its payload. */
interface Heading {
  destination: SocketAddress | undefined;
  source: IpAddress | null;
  ecn: Ecn;
}

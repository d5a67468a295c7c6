import type { Logger, PacketSink } from "../base/mod.ts";
import type { SegmentKernel } from "../wire/mod.ts";
import { EINVAL } from "./errno.ts";
import type { IoCounters } from "./io_counters.ts";
import { errno, type Libc, libc } from "./libc.ts";
import { writeMergedHeaders } from "./merged_headers.ts";
import { SLOT_BYTES } from "./message_ring.ts";
import type { NativeMemory } from "./native_memory.ts";
import { type MergedPacket, PacketMerger } from "./packet_merger.ts";
import type { TunOffloads } from "./tun_offloads.ts";
import { clearHeader, VIRTIO_HEADER_BYTES } from "./virtio_header.ts";

/**
 * Most packets of one batch. Our own choice: two and a half of the largest
 * packets that merging can make, and little enough to stay in the cache.
 */
const BATCH_PACKETS = 128;

/** Room before a packet, so that it starts on a multiple of 16 and its header just before. */
const HEADROOM_BYTES = 16;
const STRIDE_BYTES = HEADROOM_BYTES + SLOT_BYTES;

/** Layout of `iovec` on a 64-bit machine. */
const VECTOR_BYTES = 16;
const VECTOR_LENGTH = 8;

/** Longest headers that are kept aside: 60 bytes of IP and 60 of TCP. */
const HEADERS_BYTES = 120;

/** The system calls that write. */
export type TunCalls = Pick<Libc, "write" | "writev">;

/** What a `TunWriter` is made of. */
export interface TunWriterOptions {
  /** The descriptor of the interface. */
  readonly fd: number;
  /** What the kernel takes. */
  readonly offloads: TunOffloads;
  /** Computes checksums; without it nothing is merged. */
  readonly kernel: SegmentKernel | undefined;
  /** Where writes and refusals are counted. */
  readonly counters: IoCounters;
  /** Hears of the first refusal of a merged packet. */
  readonly log: Logger;
}

/**
 * Collects the packets of one batch and writes them to the TUN interface in order, merged where that is possible.
 *
 * A merged packet is gathered by the kernel from where its parts lie, so no
 * payload is copied. Without offloads each packet is written at once.
 */
export class TunWriter implements PacketSink {
  /** The arena. */
  readonly bytes: Uint8Array;
  readonly #calls: TunCalls;
  readonly #options: TunWriterOptions;
  readonly #memory: NativeMemory;
  readonly #slots: number;
  readonly #vectors: number;
  readonly #headers: number;
  readonly #vectorsPointer: Deno.PointerObject;
  readonly #pointers: readonly Deno.PointerObject[];
  readonly #lengths = new Int32Array(BATCH_PACKETS);
  /** `undefined` when nothing is merged. */
  #merging: Merging | undefined;
  #count = 0;

  /** Allocates room for a batch in the arena of `memory`. `calls` is the C library unless a test stands in for it. */
  constructor(
    memory: NativeMemory,
    options: TunWriterOptions,
    calls: TunCalls = libc(),
  ) {
    const { arena } = memory;
    const { kernel, offloads } = options;
    this.bytes = arena.bytes;
    this.#calls = calls;
    this.#options = options;
    this.#memory = memory;
    this.#slots = arena.allocate(BATCH_PACKETS * STRIDE_BYTES, 64);
    this.#vectors = arena.allocate(BATCH_PACKETS * VECTOR_BYTES);
    this.#headers = arena.allocate(HEADERS_BYTES);
    this.#vectorsPointer = memory.pointer(this.#vectors);
    this.#pointers = Array.from(
      { length: BATCH_PACKETS },
      (_, i) => memory.pointer(this.#packetAt(i) - VIRTIO_HEADER_BYTES),
    );
    if (kernel !== undefined && offloads !== "none") {
      const mergesUdp = offloads === "tcp+udp";
      const merger = new PacketMerger(kernel, BATCH_PACKETS, mergesUdp);
      this.#merging = { kernel, merger };
    }
  }

  /** Returns the address of room for one packet. Writes first when full. */
  reserve(): number {
    if (this.#count === BATCH_PACKETS) this.flush();
    return this.#packetAt(this.#count);
  }

  /** Takes the packet at the reserved address. */
  commit(length: number): void {
    const packet = this.#count;
    this.#lengths[packet] = length;
    if (this.#merging === undefined) return this.#writeOne(packet);
    this.#merging.merger.add(packet, this.#packetAt(packet), length);
    this.#count++;
  }

  /** Writes all packets: the batch ends. */
  flush(): void {
    const merging = this.#merging;
    if (this.#count === 0 || merging === undefined) return;
    const { merger } = merging;
    for (let i = 0; i < merger.count; i++) {
      const item = merger.item(i);
      if (item.count === 1) this.#writeOne(item.first);
      else if (this.#merging === undefined) this.#writeSingly(merger, item);
      else this.#writeMerged(merging, item);
    }
    merger.clear();
    this.#count = 0;
  }

  /** The header before a packet is always zero: nothing left to the kernel. */
  #writeOne(packet: number): void {
    const { counters, fd } = this.#options;
    const length = VIRTIO_HEADER_BYTES + this.#lengths[packet]!;
    const pointer = this.#pointers[packet] as Deno.PointerObject;
    if (this.#calls.write(fd, pointer, length) > 0) {
      counters.increment("packets-written");
    } else counters.increment("tun-write-error");
  }

  #writeMerged({ kernel, merger }: Merging, item: MergedPacket): void {
    const { counters, fd } = this.#options;
    const bytes = this.bytes;
    const at = this.#packetAt(item.first);
    bytes.copyWithin(this.#headers, at, at + item.headerLength);
    writeMergedHeaders(kernel, at, item);
    this.#gather(merger, item);
    const written = this.#calls.writev(fd, this.#vectorsPointer, item.count);
    const code = written > 0 ? 0 : errno();
    clearHeader(bytes, at - VIRTIO_HEADER_BYTES);

    if (written > 0) counters.add("packets-written", item.count);
    else if (code === EINVAL) {
      this.#stopMerging();
      const end = this.#headers + item.headerLength;
      bytes.copyWithin(at, this.#headers, end);
      this.#writeSingly(merger, item);
    } else counters.add("tun-write-error", item.count);
  }

  #writeSingly(merger: PacketMerger, item: MergedPacket): void {
    let packet = item.first;
    for (let i = 0; i < item.count; i++) {
      this.#writeOne(packet);
      packet = merger.after(packet);
    }
  }

  /** Points the vectors at the first packet with its headers and at the payload of each other one. */
  #gather(merger: PacketMerger, item: MergedPacket): void {
    const { view } = this.#memory.arena;
    let packet = item.first;
    let skipped = -VIRTIO_HEADER_BYTES;
    for (let i = 0; i < item.count; i++) {
      const vector = this.#vectors + i * VECTOR_BYTES;
      this.#memory.writePointer(vector, this.#packetAt(packet) + skipped);
      const length = this.#lengths[packet]! - skipped;
      view.setUint32(vector + VECTOR_LENGTH, length, true);
      packet = merger.after(packet);
      skipped = item.headerLength;
    }
  }

  /** The kernel does not take what it promised to take. Once is enough to know (data-plane spec §14.2). */
  #stopMerging(): void {
    this.#merging = undefined;
    this.#options.counters.increment("tun-merge-refused");
    this.#options.log.log("warn", "TUN device refuses merged packets", {});
  }

  #packetAt(packet: number): number {
    return this.#slots + packet * STRIDE_BYTES + HEADROOM_BYTES;
  }
}

/** What merging takes. */
interface Merging {
  readonly kernel: SegmentKernel;
  readonly merger: PacketMerger;
}

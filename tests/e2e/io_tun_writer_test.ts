import assert from "node:assert/strict";
import {
  Arena,
  type LogFields,
  type Logger,
  NO_LOG,
} from "../../lib/base/mod.ts";
import { createIoCounters } from "../../lib/io/io_counters.ts";
import { libc } from "../../lib/io/libc.ts";
import { NativeMemory } from "../../lib/io/native_memory.ts";
import type { TunOffloads } from "../../lib/io/tun_offloads.ts";
import { type TunCalls, TunWriter } from "../../lib/io/tun_writer.ts";
import { SegmentKernel } from "../../lib/wire/mod.ts";
import { type FlowPacket, flowPacket } from "../support/flow_packet.ts";
import { heapBytesPerCall } from "../support/heap.ts";

// Loaded for all tests: a library is never closed, which a single test would be blamed for.
libc();

const HEADER = 10;

Deno.test("[dp 23] packets that cannot be merged leave one by one behind a header of zeros", () => {
  const writer = new WriterUnderTest();
  const packets = [stream(0), stream(2), stream(4)];

  writer.write(packets);

  assert.deepEqual(writer.written, packets.map(withZeroHeader));
  assert.equal(writer.counters.get("packets-written"), 3);
});

Deno.test("packets of one stream leave as one, all of it gathered from where it lies", () => {
  const writer = new WriterUnderTest();
  const packets = [0, 1, 2].map(stream);

  writer.write(packets);

  const [whole, ...others] = writer.written;
  assert.deepEqual(others, []);
  assert.equal(whole!.length, HEADER + 40 + 3 * 500);
  const payload = packets.flatMap((packet) => [...packet.slice(40)]);
  assert.deepEqual([...whole!.slice(HEADER + 40)], payload);
  assert.equal(writer.counters.get("packets-written"), 3);
});

Deno.test("a batch leaves no trace in the next one", () => {
  const writer = new WriterUnderTest();
  writer.write([0, 1, 2].map(stream));
  writer.written.length = 0;

  writer.write([stream(7)]);

  assert.deepEqual(writer.written, [withZeroHeader(stream(7))]);
});

Deno.test("[dp 27] after the first refusal with EINVAL nothing is merged any more, and nothing is lost", () => {
  const writer = new WriterUnderTest({ mergedFail: "EINVAL" });
  const packets = [0, 1, 2, 10, 11, 20].map(stream);

  writer.write(packets);
  writer.write(packets);

  const all = [...packets, ...packets].map(withZeroHeader);
  assert.deepEqual(writer.written, all);
  assert.equal(writer.counters.get("tun-merge-refused"), 1);
  assert.equal(writer.counters.get("tun-write-error"), 0);
  assert.deepEqual(writer.logged, ["TUN device refuses merged packets"]);
});

Deno.test("[dp 28] another error of a merged write costs those packets, and merging goes on", () => {
  const writer = new WriterUnderTest({ mergedFail: "EBADF" });
  const packets = [0, 1, 2].map(stream);

  writer.write([...packets, stream(9)]);
  writer.mergedFail = undefined;
  writer.write(packets);

  assert.equal(writer.written.length, 2);
  assert.deepEqual(writer.written[0], withZeroHeader(stream(9)));
  assert.equal(writer.counters.get("tun-write-error"), 3);
  assert.equal(writer.counters.get("tun-merge-refused"), 0);
});

Deno.test("[dp 28] [dp 120] a packet that the device refuses is lost alone", () => {
  const writer = new WriterUnderTest();
  const packets = [stream(0), stream(2), stream(4)];
  writer.refused = 1;

  writer.write(packets);

  const others = [packets[0]!, packets[2]!];
  assert.deepEqual(writer.written, others.map(withZeroHeader));
  assert.equal(writer.counters.get("tun-write-error"), 1);
});

Deno.test("without offloads each packet is written at once", () => {
  const writer = new WriterUnderTest({ offloads: "none" });
  const packets = [0, 1, 2].map(stream);

  for (const packet of packets) writer.commit(packet);

  assert.deepEqual(writer.written, packets.map(withZeroHeader));
});

Deno.test("[dp 119] a batch too large for the room is written in parts, in order", () => {
  const writer = new WriterUnderTest();
  const packets = Array.from({ length: 300 }, (_, i) => stream(2 * i));

  writer.write(packets);

  assert.deepEqual(writer.written, packets.map(withZeroHeader));
});

Deno.test("a reservation that is not committed leaves no trace", () => {
  const writer = new WriterUnderTest();

  writer.tun.bytes.fill(9, writer.tun.reserve(), writer.tun.reserve() + 100);
  writer.write([stream(3)]);

  assert.deepEqual(writer.written, [withZeroHeader(stream(3))]);
});

Deno.test("writing allocates nothing per packet", () => {
  const writer = new WriterUnderTest({ counts: true });
  const packets = [0, 1, 2, 3, 9, 20, 21, 22].map(stream);

  const bytes = heapBytesPerCall(() => writer.write(packets));

  assert.ok(bytes < packets.length, `${bytes} bytes for each batch`);
});

/** Segment number `i` of a stream, 500 bytes of its number. */
function stream(i: number): Uint8Array {
  const fields: FlowPacket = {
    payload: new Uint8Array(500).fill(i),
    sequence: 1 + i * 500,
  };
  return flowPacket(fields);
}

function withZeroHeader(packet: Uint8Array): Uint8Array {
  return Uint8Array.from([...new Uint8Array(HEADER), ...packet]);
}

interface WriterOptions {
  readonly offloads?: TunOffloads;
  /** How merged writes fail. */
  readonly mergedFail?: "EINVAL" | "EBADF";
  /** Whether what is written is thrown away. */
  readonly counts?: boolean;
}

/** A `TunWriter` whose device is an array. */
class WriterUnderTest {
  readonly written: Uint8Array[] = [];
  readonly logged: string[] = [];
  readonly counters = createIoCounters();
  readonly tun: TunWriter;
  mergedFail: "EINVAL" | "EBADF" | undefined;
  /** Number of the write that fails. */
  refused = -1;
  #writes = 0;

  constructor(
    { offloads = "tcp+udp", mergedFail, counts = false }: WriterOptions = {},
  ) {
    const memory = new NativeMemory(new Arena(2 ** 20));
    const { arena } = memory;
    this.mergedFail = mergedFail;
    const anywhere = memory.pointer(0);
    const calls: TunCalls = {
      write: (_fd, pointer, length) => {
        if (this.#writes++ === this.refused) {
          return failingWrite("EBADF", anywhere);
        }
        if (!counts) this.written.push(bytesAt(pointer, length));
        return length;
      },
      writev: (_fd, pointer, count) => {
        if (this.mergedFail !== undefined) {
          return failingWrite(this.mergedFail, anywhere);
        }
        if (counts) return 1;
        const vectors = new DataView(
          bytesAt(pointer, 16 * count).slice().buffer,
        );
        const parts = Array.from({ length: count }, (_, i) => {
          const address = vectors.getBigUint64(16 * i, true);
          const part = Deno.UnsafePointer.create(address);
          return [...bytesAt(part, vectors.getUint32(16 * i + 8, true))];
        });
        this.written.push(Uint8Array.from(parts.flat()));
        return 1;
      },
    };
    const log: Logger = {
      ...NO_LOG,
      log: (_level: string, message: string, _fields?: LogFields) => {
        this.logged.push(message);
      },
    };
    const kernel = SegmentKernel.create(arena);
    this.tun = new TunWriter(
      memory,
      { fd: 3, offloads, kernel, counters: this.counters, log },
      calls,
    );
  }

  commit(packet: Uint8Array): void {
    this.tun.bytes.set(packet, this.tun.reserve());
    this.tun.commit(packet.length);
  }

  write(packets: readonly Uint8Array[]): void {
    for (const packet of packets) this.commit(packet);
    this.tun.flush();
  }
}

function bytesAt(pointer: Deno.PointerValue, length: number): Uint8Array {
  assert.ok(pointer);
  return new Uint8Array(
    new Deno.UnsafePointerView(pointer).getArrayBuffer(length).slice(0),
  );
}

/** Makes the C library fail with an error number. No epoll set can be written to. */
function failingWrite(
  error: "EINVAL" | "EBADF",
  anywhere: Deno.PointerObject,
): number {
  if (error === "EBADF") return libc().write(-1, anywhere, 1);
  const set = libc().epoll_create1(0);
  const result = libc().write(set, anywhere, 1);
  // The error number outlives a call that succeeds.
  libc().close(set);
  return result;
}

import assert from "node:assert/strict";
import {
  Arena,
  type Datagram,
  formatIp,
  type IpAddress,
  NO_LOG,
  parseIp,
  type SocketAddress,
} from "../../lib/base/mod.ts";
import { Epoll } from "../../lib/io/epoll.ts";
import { createIoCounters } from "../../lib/io/io_counters.ts";
import { Clock, KernelRefusedError } from "../../lib/io/mod.ts";
import { libc } from "../../lib/io/libc.ts";
import { NativeMemory } from "../../lib/io/native_memory.ts";
import { localAddressTowards } from "../../lib/io/network_watch.ts";
import { ReceiveRing } from "../../lib/io/receive_ring.ts";
import {
  closeUdpSocket,
  openUdpSocket,
  type UdpSocket,
} from "../../lib/io/udp_socket.ts";
import { UdpSockets } from "../../lib/io/udp_sockets.ts";
import { addressOf } from "../support/datagram.ts";

// Loaded for all tests: a library is never closed, which a single test would be blamed for.
libc();

for (
  const { family, loopback, other } of [
    { family: 4, loopback: "127.0.0.1", other: "127.0.0.2" },
    { family: 6, loopback: "[::1]", other: "[::1]" },
  ] as const
) {
  Deno.test(`[p2p 134] an IPv${family} datagram leaves from the pinned address and tells where it arrived`, () => {
    using loop = new LoopbackSockets();
    const port = loop.portOf(family);
    const source = addressOf(`${other}:1`).ip;

    loop.sockets.bytes.set([1, 2, 3], loop.sockets.reserve());
    loop.sockets.commit(3, source, 0, addressOf(`${loopback}:${port}`), 0);
    loop.sockets.flush();

    assert.deepEqual(loop.receive(family), [{
      payload: [1, 2, 3],
      source: addressOf(`${other}:${port}`),
      local: addressOf(`${loopback}:${port}`),
      ecn: 0,
      isFrom: true,
      isTo: true,
    }]);
  });

  Deno.test(`[dp 117] IPv${family} congestion bits of a datagram arrive as sent`, () => {
    using loop = new LoopbackSockets();
    const to = addressOf(`${loopback}:${loop.portOf(family)}`);

    for (const ecn of [0, 1, 2, 3, 0] as const) {
      loop.sockets.bytes[loop.sockets.reserve()] = ecn;
      loop.sockets.commit(1, null, 0, to, ecn);
    }
    loop.sockets.flush();

    const seen = loop.receive(family).map((
      { payload, ecn },
    ) => [...payload, ecn]);
    assert.deepEqual(seen, [[0, 0], [1, 1], [2, 2], [3, 3], [0, 0]]);
  });
}

for (const offload of [true, false]) {
  const how = offload ? "joined by the kernel" : "sent singly";

  Deno.test(`[p2p 136] [dp 119] more datagrams than one batch, ${how}, arrive in order`, () => {
    using loop = new LoopbackSockets({ offload });
    const to = addressOf(`127.0.0.1:${loop.portOf(4)}`);

    for (let i = 0; i < 300; i++) {
      const at = loop.sockets.reserve();
      loop.sockets.bytes[at] = i & 255;
      // Every seventh is shorter and ends a group.
      loop.sockets.commit(i % 7 === 0 ? 2 : 3, null, 0, to, 0);
    }
    loop.sockets.flush();

    const seen = loop.receiveAll(4, 300).map(({ payload }) => payload[0]);
    assert.deepEqual(seen, Array.from({ length: 300 }, (_, i) => i & 255));
  });

  Deno.test(`[dp 123] datagrams that are empty or longer than 1316 bytes, ${how}, are refused by name`, () => {
    using loop = new LoopbackSockets({ offload });
    const to = addressOf(`127.0.0.1:${loop.portOf(4)}`);

    for (const length of [0, 1317, 1316]) {
      loop.sockets.reserve();
      loop.sockets.commit(length, null, 0, to, 0);
      loop.sockets.flush();
    }

    const received = loop.receive(4);
    assert.deepEqual(loop.refusals, ["datagram-empty", "datagram-oversized"]);
    assert.equal(received[0]?.payload.length, 1316);
  });

  Deno.test(`sending and receiving allocate nothing per datagram, ${how}`, () => {
    using loop = new LoopbackSockets({ offload });
    const to = addressOf(`127.0.0.1:${loop.portOf(4)}`);
    loop.pass(to, 1_500);

    const rounds = Array.from({ length: 15 }, () => {
      const before = Deno.memoryUsage().heapUsed;
      const passed = loop.pass(to, 100);
      assert.equal(passed, 100 * 64);
      return (Deno.memoryUsage().heapUsed - before) / passed;
    });

    const median = rounds.toSorted((a, b) => a - b)[7]!;
    assert.ok(median < 1, `${median} bytes each`);
  });
}

Deno.test("[dp 124] a group that is refused for its source is not held against groups", () => {
  using loop = new LoopbackSockets();
  const to = addressOf(`127.0.0.1:${loop.portOf(4)}`);
  const foreign = addressOf("203.0.113.7:1").ip;

  for (let group = 0; group < 20; group++) {
    for (let i = 0; i < 3; i++) loop.commit(i, foreign, to);
    loop.sockets.flush();
  }

  assert.equal(loop.counters.get("send-unroutable"), 60);
  assert.equal(loop.counters.get("send-segments-refused"), 0);
});

Deno.test("[p2p 135] [dp 120] a datagram that the kernel refuses is lost alone", () => {
  using loop = new LoopbackSockets();
  const to = addressOf(`127.0.0.1:${loop.portOf(4)}`);
  const foreign = addressOf("203.0.113.7:1").ip;

  for (const source of [null, foreign, null]) {
    loop.sockets.bytes[loop.sockets.reserve()] = source ? 1 : 0;
    loop.sockets.commit(1, source, 0, to, 0);
  }
  loop.sockets.flush();

  assert.deepEqual(loop.receive(4).map(({ payload }) => payload[0]), [0, 0]);
  assert.equal(loop.counters.get("send-unroutable"), 1);
  assert.equal(loop.counters.get("datagrams-sent"), 2);
});

Deno.test("[p2p 133] when one family is not to be had, the other one works", () => {
  const port = freePort();
  const taken = openUdpSocket(4, port, {});
  assert.ok(!(taken instanceof Error));
  try {
    using loop = new LoopbackSockets({ port });

    loop.send(0, `127.0.0.1:${port}`, 4);
    loop.send(0, `[::1]:${port}`, 6);
    loop.sockets.flush();

    assert.equal(loop.sockets.mainPort(4), undefined);
    assert.deepEqual(loop.receive(6).map(({ payload }) => payload), [[6]]);
    assert.equal(loop.counters.get("send-without-socket"), 1);
  } finally {
    closeUdpSocket(taken);
  }
});

Deno.test("rebound sockets have the same port and go on sending and receiving", () => {
  const memory = new NativeMemory(new Arena(4 * 2 ** 20));
  const sockets = new UdpSockets(memory, {}, createIoCounters(), NO_LOG);
  const port = freePort();
  const first = sockets.openMain({ port, orAny: true });

  const { closed, opened } = sockets.rebindMain();
  const ring = new ReceiveRing(memory, true);
  sockets.bytes[sockets.reserve()] = 7;
  sockets.commit(1, null, 0, addressOf(`127.0.0.1:${port}`), 0);
  sockets.flush();
  const ipv4 = opened.find(({ family }) => family === 4);
  const received = ipv4 ? ring.receive(ipv4.fd) : 0;
  sockets.close();

  assert.deepEqual(closed, first);
  assert.deepEqual(opened.map((it) => it.port), first.map(() => port));
  assert.equal(received, 1);
});

Deno.test("the address that packets leave from is known without sending any", () => {
  const towards = (text: string) => {
    const ip = parseIp(text);
    assert.ok(ip);
    const local = localAddressTowards(ip, {});
    return local && formatIp(local);
  };

  assert.equal(towards("127.0.0.1"), "127.0.0.1");
  assert.equal(towards("127.9.9.9"), "127.0.0.1");
  assert.equal(towards("::1"), "::1");
});

Deno.test("a further port receives and sends beside the main one, until it is closed", () => {
  using loop = new LoopbackSockets();
  const main = loop.portOf(4);
  const further = freePort();
  const [socket] = loop.sockets.openPort(further);
  assert.ok(socket);

  loop.send(further, `127.0.0.1:${main}`, 7);
  loop.send(0, `127.0.0.1:${further}`, 8);
  loop.sockets.flush();

  assert.deepEqual(
    loop.receive(4)[0]?.source,
    addressOf(`127.0.0.1:${further}`),
  );
  assert.deepEqual(loop.receiveFrom(socket)[0]?.payload, [8]);
  loop.sockets.closePort(further);
  loop.send(further, `127.0.0.1:${main}`, 9);
  assert.equal(loop.counters.get("send-without-socket"), 1);
});

Deno.test("a main port that must not change is refused when it is taken", () => {
  const port = freePort();
  const holders = [openUdpSocket(4, port, {}), openUdpSocket(6, port, {})];
  try {
    assert.throws(
      () => new LoopbackSockets({ port }),
      (error) =>
        error instanceof KernelRefusedError && /EADDRINUSE/.test(error.message),
    );
  } finally {
    holders.forEach(closeUdpSocket);
  }
});

Deno.test("the clock runs with the boot time of the kernel", () => {
  const clock = new Clock();

  const before = clock.now();
  const uptimeMs = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) *
    1000;
  const afterwards = clock.now();

  assert.ok(uptimeMs >= before - 20 && uptimeMs <= afterwards + 20);
  assert.ok(Math.abs(clock.epoch().unix - Date.now()) < 1_000);
});

/** What a test looks at in a received datagram, copied out of the ring. */
interface Seen {
  readonly payload: number[];
  readonly source: unknown;
  readonly local: unknown;
  readonly ecn: number;
  readonly isFrom: boolean;
  readonly isTo: boolean;
}

/** Sockets of this process that talk to themselves. */
class LoopbackSockets implements Disposable {
  readonly counters = createIoCounters();
  readonly refusals: string[] = [];
  readonly sockets: UdpSockets;
  readonly #ring: ReceiveRing;
  readonly #main: readonly UdpSocket[];
  readonly #epoll: Epoll;

  constructor({ port = 0, offload = true } = {}) {
    const memory = new NativeMemory(new Arena(4 * 2 ** 20));
    const options = { mark: 0xfd002021, offload };
    this.sockets = new UdpSockets(memory, options, this.counters, NO_LOG);
    this.#ring = new ReceiveRing(memory, offload);
    this.#main = this.sockets.openMain({ port, orAny: false });
    this.#epoll = new Epoll(memory);
    this.#main.forEach(({ fd }) => this.#epoll.add(fd));
  }

  portOf(family: 4 | 6): number {
    return this.sockets.mainPort(family) ?? assert.fail("No such family");
  }

  send(localPort: number, to: string, byte: number): void {
    this.sockets.bytes[this.sockets.reserve()] = byte;
    this.sockets.commit(1, null, localPort, addressOf(to), 0);
  }

  commit(byte: number, source: IpAddress | null, to: SocketAddress): void {
    this.sockets.bytes[this.sockets.reserve()] = byte;
    this.sockets.commit(1, source, 0, to, 0);
  }

  /** Takes batches from the main socket of a family until `count` datagrams have come. */
  receiveAll(family: 4 | 6, count: number): Seen[] {
    const seen: Seen[] = [];
    while (seen.length < count) seen.push(...this.receive(family));
    return seen;
  }

  /** Takes one batch from the main socket of a family. */
  receive(family: 4 | 6): Seen[] {
    const socket = this.#main.find((it) => it.family === family);
    assert.ok(socket);
    assert.ok(this.#epoll.wait(1_000) > 0, "Nothing came");
    return this.receiveFrom(socket);
  }

  receiveFrom(socket: UdpSocket): Seen[] {
    const seen: Seen[] = [];
    const count = this.#ring.receive(socket.fd);
    for (let i = 0; i < count; i++) {
      const verdict = this.#ring.select(i, socket.port);
      if (verdict !== "ok") this.refusals.push(verdict);
      else {
        do seen.push(seenOf(this.#ring.selected)); while (this.#ring.next());
      }
    }
    return seen;
  }

  /** Sends and receives batches of 64, looks at each datagram as a core would, and returns how many came. */
  pass(to: SocketAddress, rounds: number): number {
    const { sockets } = this;
    const ring = this.#ring;
    const fd = this.#main[0]!.fd;
    let passed = 0;
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 64; i++) {
        sockets.bytes[sockets.reserve()] = i;
        sockets.commit(1200, null, 0, to, 2);
      }
      sockets.flush();
      const count = ring.receive(fd);
      for (let i = 0; i < count; i++) {
        if (ring.select(i, to.port) !== "ok") continue;
        do {
          const { ecn, start, end } = ring.selected;
          if (ecn === 2 && end - start === 1200) passed++;
        } while (ring.next());
      }
    }
    return passed;
  }

  [Symbol.dispose](): void {
    this.sockets.close();
    this.#epoll.close();
  }
}

function seenOf(datagram: Datagram): Seen {
  const { bytes, start, end, ecn } = datagram;
  const source = datagram.source();
  const local = datagram.local();
  const ip = new Uint8Array(16);
  const family = datagram.copySourceIp(ip);
  assert.equal(family, source.ip.family);
  assert.deepEqual(ip.slice(0, source.ip.bytes.length), source.ip.bytes);
  return {
    payload: [...bytes.slice(start, end)],
    source,
    local,
    ecn,
    isFrom: datagram.isFrom(source) &&
      !datagram.isFrom({ ...source, port: source.port ^ 1 }),
    isTo: datagram.isTo(local) &&
      !datagram.isTo({ ...local, port: local.port ^ 1 }),
  };
}

function freePort(): number {
  const socket = openUdpSocket(4, 0, {});
  closeUdpSocket(socket);
  return socket.port;
}

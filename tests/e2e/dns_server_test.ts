import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { parseSocketAddress, readU16 } from "../../lib/base/mod.ts";
import {
  type DnsTransport,
  readMessage,
  writeQuery,
  writeReply,
} from "../../lib/dns/mod.ts";
import {
  DnsBindError,
  DnsServer,
  type DnsServerOptions,
  exchange,
} from "../../lib/io/mod.ts";
import { libc } from "../../lib/io/libc.ts";
import { until } from "../support/until.ts";
import { freePort } from "../support/scripted_nameserver.ts";

// Loaded for all tests: a library is never closed, which a single test would be blamed for.
libc();

const QUERY = writeQuery({ id: 0x1234, name: "www.example", type: "A" });

type Handle = DnsServerOptions["handle"];

const echoing: Handle = (query) =>
  Promise.resolve(writeReply(query, readMessage(query)!, 0));

for (const hostname of ["127.0.0.1", "::1"]) {
  for (const transport of ["udp", "tcp"] as const) {
    Deno.test(`a server on ${hostname} answers over ${transport}, and knows how it was asked`, async () => {
      await using server = await TestServer.start((query, transport) => {
        const rcode = transport === "udp" ? 3 : 5;
        return Promise.resolve(writeReply(query, readMessage(query)!, rcode));
      }, { hostname });

      const answer = await server.ask(transport);

      assert.equal(
        readMessage(answer!)?.rcode,
        transport === "udp" ? 3 : 5,
      );
    });
  }
}

Deno.test("[dp 112] an answer of 1201 bytes is cut over UDP and whole over TCP", async () => {
  let length = 1_200;
  await using server = await TestServer.start((query) => {
    const answer = new Uint8Array(length);
    answer.set(writeReply(query, readMessage(query)!, 0));
    return Promise.resolve(answer);
  });

  const fitting = await server.ask("udp");
  length = 1_201;
  const cut = await server.ask("udp");
  const whole = await server.ask("tcp");

  assert.equal(fitting?.length, 1_200);
  assert.ok(!readMessage(fitting)!.isTruncated);
  assert.equal(cut?.length, QUERY.length);
  assert.ok(readMessage(cut)!.isTruncated);
  assert.equal(whole?.length, 1_201);
});

Deno.test("[dp 113] queries on one TCP stream are served one after the other, in order", async () => {
  let running = 0;
  let most = 0;
  await using server = await TestServer.start(async (query) => {
    most = Math.max(most, ++running);
    // The first takes the longest.
    await delay(readMessage(query)!.id === 0 ? 100 : 1);
    running--;
    return writeReply(query, readMessage(query)!, 0);
  });
  using stream = await server.connect();

  for (let id = 0; id < 5; id++) {
    await stream.send(writeQuery({ id, name: "www.example", type: "A" }));
  }

  for (let id = 0; id < 5; id++) {
    assert.equal(readMessage((await stream.receive())!)?.id, id);
  }
  assert.equal(most, 1);
});

Deno.test("a query that comes byte by byte is served", async () => {
  await using server = await TestServer.start(echoing);
  using stream = await server.connect();

  for (const byte of [0, QUERY.length, ...QUERY]) {
    await stream.conn.write(Uint8Array.of(byte));
  }

  assert.equal(readMessage((await stream.receive())!)?.id, 0x1234);
});

Deno.test("what is no query is not answered over UDP and ends a TCP stream", async () => {
  let asked = 0;
  await using server = await TestServer.start((query) => {
    asked++;
    return echoing(query, "udp");
  });
  const response = writeReply(QUERY, readMessage(QUERY)!, 0);

  for (const rubbish of [Uint8Array.of(1), response]) {
    assert.equal(await server.sendUdp(rubbish), "silence");
    using stream = await server.connect();
    await stream.send(rubbish);
    assert.equal(await stream.receive(), undefined);
  }

  assert.equal(asked, 0);
  assert.ok(await server.ask("udp"));
});

Deno.test("no answer means silence over UDP and the end of a TCP stream", async () => {
  await using server = await TestServer.start(() => Promise.resolve(undefined));
  using stream = await server.connect();

  await stream.send(QUERY);

  assert.equal(await stream.receive(), undefined);
  assert.equal(await server.sendUdp(QUERY), "silence");
});

Deno.test("a TCP stream that idles, or brings half a query, is closed", async () => {
  await using server = await TestServer.start(echoing, { patienceMs: 200 });
  using idle = await server.connect();
  using half = await server.connect();

  await half.conn.write(Uint8Array.of(0, 30, 1, 2));

  assert.equal(await idle.receive(), undefined);
  assert.equal(await half.receive(), undefined);
  assert.ok(await server.ask("tcp"));
});

Deno.test("a peer that asks but does not read is cut off and holds nobody up", async () => {
  const big = new Uint8Array(65_535);
  big.set(writeReply(QUERY, readMessage(QUERY)!, 0));
  await using server = await TestServer.start(
    () => Promise.resolve(big),
    { patienceMs: 300 },
  );
  using greedy = await server.connect();

  const asking = (async () => {
    // More than the buffers of both ends hold: writes stall, then fail.
    for (let i = 0; i < 1_000_000; i++) await greedy.send(QUERY);
  })();

  await assert.rejects(asking);
  assert.ok(await server.ask("tcp"));
});

Deno.test("a peer has at most 32 streams, and gets new ones when old ones end", async () => {
  await using server = await TestServer.start(echoing);
  const streams: TestStream[] = [];
  for (let i = 0; i < 33; i++) streams.push(await server.connect());

  assert.equal(await streams[32]!.receive(), undefined);
  await streams[31]!.send(QUERY);
  assert.ok(await streams[31]!.receive());
  for (const stream of streams) stream.conn.close();
  await until(async () => await server.ask("tcp") !== undefined);
});

Deno.test("[dp 111] above a thousand queries at a time further ones are passed over", async () => {
  const release = Promise.withResolvers<void>();
  let asked = 0;
  await using server = await TestServer.start(async (query) => {
    asked++;
    await release.promise;
    return writeReply(query, readMessage(query)!, 0);
  });
  using sender = await server.udpSender();
  while (asked < 1_000) {
    // Few at a time, so that none is lost in the server's receive buffer.
    for (let i = 0; i < 50; i++) sender.send(QUERY);
    const wanted = Math.min(1_000, asked + 50);
    await until(() => asked >= wanted);
  }

  for (let i = 0; i < 50; i++) sender.send(QUERY);
  using stream = await server.connect();
  await stream.send(QUERY);
  assert.equal(await stream.receive(), undefined);
  assert.equal(asked, 1_000);

  release.resolve();
  await until(async () => await server.ask("udp", 200) !== undefined);
});

Deno.test("[dp 109] all addresses are listened on or none, and what is closed is free at once", async () => {
  const port = await freePort();
  const addresses = [`127.0.0.1:${port}`, `[::1]:${port}`].map((text) =>
    parseSocketAddress(text)!
  );
  const strange = parseSocketAddress(`203.0.113.7:${port}`)!;
  const listen = (more: typeof addresses) =>
    DnsServer.listen({ addresses: [...addresses, ...more], handle: echoing });

  await assert.rejects(listen([strange]), DnsBindError);
  for (let i = 0; i < 5; i++) {
    const server = await listen([]);
    await assert.rejects(listen([]), DnsBindError);
    // An open stream keeps nobody from listening again.
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await server.close();
    conn.close();
  }
});

/** A server on one loopback address. */
class TestServer implements AsyncDisposable {
  readonly #server: DnsServer;
  readonly #hostname: string;
  readonly #port: number;

  private constructor(server: DnsServer, hostname: string, port: number) {
    this.#server = server;
    this.#hostname = hostname;
    this.#port = port;
  }

  static async start(
    handle: Handle,
    { hostname = "127.0.0.1", patienceMs = 10_000 } = {},
  ): Promise<TestServer> {
    const port = await freePort(hostname);
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    const addresses = [parseSocketAddress(`${host}:${port}`)!];
    const server = await DnsServer.listen({ addresses, handle, patienceMs });
    return new TestServer(server, hostname, port);
  }

  ask(
    transport: DnsTransport,
    limitMs = 5_000,
  ): Promise<Uint8Array | undefined> {
    const host = this.#hostname.includes(":")
      ? `[${this.#hostname}]`
      : this.#hostname;
    const server = parseSocketAddress(`${host}:${this.#port}`)!;
    return exchange({ server, transport, query: QUERY, limitMs, mark: true });
  }

  async connect(): Promise<TestStream> {
    const { hostname, port } = { hostname: this.#hostname, port: this.#port };
    return new TestStream(await Deno.connect({ hostname, port }));
  }

  /** Sends a datagram, then a good query from the same socket, and tells what came back first. */
  async sendUdp(datagram: Uint8Array): Promise<"answer" | "silence"> {
    using sender = await this.udpSender();
    sender.send(datagram);
    const answered = once(sender.socket, "message").then(() => "answer");
    const silent = delay(200).then(() => "silence");
    return await Promise.race([answered, silent]) as "answer" | "silence";
  }

  async udpSender() {
    const socket = createSocket("udp4");
    socket.bind({ address: "127.0.0.1" });
    await once(socket, "listening");
    return {
      socket,
      send: (bytes: Uint8Array) =>
        socket.send(bytes, this.#port, this.#hostname),
      [Symbol.dispose]: () => void socket.close(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }
}

/** One TCP stream to a server. */
class TestStream implements Disposable {
  readonly conn: Deno.TcpConn;

  constructor(conn: Deno.TcpConn) {
    this.conn = conn;
  }

  async send(query: Uint8Array): Promise<void> {
    const frame = Uint8Array.of(0, query.length, ...query);
    for (let at = 0; at < frame.length;) {
      at += await this.conn.write(frame.subarray(at));
    }
  }

  /** Returns one message, or `undefined` when the server ends the stream. */
  async receive(): Promise<Uint8Array | undefined> {
    const prefix = await this.#read(2);
    return prefix && await this.#read(readU16(prefix, 0));
  }

  async #read(length: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const read = await this.conn.read(bytes.subarray(at)).catch(() => null);
      if (read === null) return undefined;
      at += read;
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // The test closed it.
    }
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

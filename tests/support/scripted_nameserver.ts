import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { parseIp, readU16, type SocketAddress } from "../../lib/base/mod.ts";
import {
  type DnsTransport,
  readMessage,
  type ReplyRecord,
  writeReply,
} from "../../lib/dns/mod.ts";

/** What a nameserver does with a query. */
export type Script = (query: Query) => void | Promise<void>;

/** One query that arrived. */
export interface Query {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly type: number;
  readonly transport: DnsTransport;
  /** Answers with these bytes. */
  readonly send: (answer: Uint8Array) => void;
  /** Sends these bytes from another port than was asked. UDP only. */
  readonly sendFromElsewhere: (answer: Uint8Array) => void;
  /** Answers with a code and records for the name asked for. */
  readonly reply: (rcode: number, records?: readonly ReplyRecord[]) => void;
}

/** A nameserver on loopback, UDP and TCP, that does what a test says. */
export class ScriptedNameserver implements AsyncDisposable {
  readonly address: SocketAddress;
  /** What was asked, such as `udp www.example 1`. */
  readonly asked: string[] = [];
  script: Script;
  readonly #udp: Socket;
  readonly #other: Socket;
  readonly #tcp: Deno.TcpListener;
  readonly #conns = new Set<Deno.Conn>();
  readonly #accepting: Promise<void>;
  #isClosed = false;

  private constructor(
    hostname: string,
    sockets: { udp: Socket; other: Socket; tcp: Deno.TcpListener },
    script: Script,
  ) {
    this.script = script;
    this.#udp = sockets.udp;
    this.#other = sockets.other;
    this.#tcp = sockets.tcp;
    this.address = {
      ip: parseIp(hostname)!,
      port: (sockets.tcp.addr as Deno.NetAddr).port,
    };
    this.#udp.on("message", (bytes, { port, address }) => {
      const send = (from: Socket) => (answer: Uint8Array) => {
        if (!this.#isClosed) from.send(answer, port, address);
      };
      this.#handle(bytes, "udp", send(this.#udp), send(this.#other));
    });
    this.#accepting = this.#accept();
  }

  /** Starts one; a port of 0 takes a free one. */
  static async start(
    script: Script,
    hostname = "127.0.0.1",
    port = 0,
  ): Promise<ScriptedNameserver> {
    const tcp = Deno.listen({ hostname, port });
    const udp = await bound(hostname, (tcp.addr as Deno.NetAddr).port);
    const other = await bound(hostname, 0);
    return new ScriptedNameserver(hostname, { udp, other, tcp }, script);
  }

  /** Stops, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#tcp.close();
    for (const conn of this.#conns) close(conn);
    await Promise.all([
      this.#accepting,
      new Promise<void>((done) => this.#udp.close(() => done())),
      new Promise<void>((done) => this.#other.close(() => done())),
    ]);
  }

  #handle(
    bytes: Uint8Array,
    transport: DnsTransport,
    send: (answer: Uint8Array) => void,
    sendFromElsewhere: (answer: Uint8Array) => void,
  ): void {
    const message = readMessage(bytes);
    if (!message) return;
    const { name, type } = message;
    this.asked.push(`${transport} ${name} ${type}`);
    const reply = (rcode: number, records?: readonly ReplyRecord[]) =>
      send(writeReply(bytes, message, rcode, records));
    void this.script({
      bytes: new Uint8Array(bytes),
      name,
      type,
      transport,
      send,
      sendFromElsewhere,
      reply,
    });
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#tcp) void this.#serve(conn);
    } catch {
      // The listener was closed.
    }
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    this.#conns.add(conn);
    const unsupported = () => {
      throw new Error("A stream has no elsewhere");
    };
    try {
      for (;;) {
        const prefix = await readExactly(conn, 2);
        const bytes = await readExactly(conn, readU16(prefix, 0));
        this.#handle(bytes, "tcp", (answer) => {
          const { length } = answer;
          const frame = Uint8Array.of(length >> 8, length & 0xff, ...answer);
          void conn.write(frame).catch(() => {});
        }, unsupported);
      }
    } catch {
      close(conn);
      this.#conns.delete(conn);
    }
  }
}

/** Returns a port that is free on `hostname` for UDP and TCP at this moment. */
export async function freePort(hostname = "127.0.0.1"): Promise<number> {
  await using probe = await ScriptedNameserver.start(() => {}, hostname);
  return probe.address.port;
}

async function bound(hostname: string, port: number): Promise<Socket> {
  const socket = createSocket({
    type: hostname.includes(":") ? "udp6" : "udp4",
  });
  socket.bind({ address: hostname, port });
  await once(socket, "listening");
  return socket;
}

async function readExactly(
  conn: Deno.Conn,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const read = await conn.read(bytes.subarray(at));
    if (read === null) throw new Error("The stream ended");
    at += read;
  }
  return bytes;
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed by the other side of a race.
  }
}

import { readU16, type SocketAddress, writeU16 } from "../base/mod.ts";
import {
  type DnsTransport,
  MAX_TCP_MESSAGE_BYTES,
  MAX_UDP_ANSWER_BYTES,
  readQuery,
  truncateAnswer,
} from "../dns/mod.ts";
import { DnsUdpListener } from "./dns_udp_listener.ts";
import { messageOf } from "./portal_dial.ts";
import { closeQuietly, writeAll } from "./portal_upgrade.ts";
import { StreamServer } from "./stream_server.ts";

/** Queries that are being answered at a time, both transports together (data-plane spec §1.3). */
const MAX_IN_FLIGHT = 1_000;

/** How long a TCP stream may take to bring a query or to take an answer, in ms (RFC 7766 §6.2.3: a few seconds). */
const STREAM_PATIENCE_MS = 10_000;

const PREFIX_BYTES = 2;

/** Thrown when an address cannot be listened on. Trying again may help. */
export class DnsBindError extends Error {
  /** Always `DnsBindError`. */
  override readonly name = "DnsBindError";
}

/** What a server listens on and who answers. */
export interface DnsServerOptions {
  /** Where to listen, over UDP and TCP each. */
  readonly addresses: readonly SocketAddress[];
  /** Answers a query. `undefined`: not at all; over TCP the stream ends. Must not throw. */
  readonly handle: (
    query: Uint8Array,
    transport: DnsTransport,
  ) => Promise<Uint8Array | undefined>;
  /** How long a stream may idle, in ms; for tests. */
  readonly patienceMs?: number;
}

/**
 * Serves DNS over UDP and TCP, data-plane spec §11.
 *
 * What is no query gets no answer. Long answers are cut. A stream's queries
 * are answered one after the other; one that idles, or whose peer does not
 * read, is closed. Above 1000 queries at a time further ones are passed over.
 */
export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #udp: DnsUdpListener[] = [];
  readonly #tcp = new StreamServer((stream) => this.#serve(stream));
  #inFlight = 0;

  private constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  /** Listens on all addresses, or on none and throws `DnsBindError`. */
  static async listen(options: DnsServerOptions): Promise<DnsServer> {
    const server = new DnsServer(options);
    try {
      for (const address of options.addresses) await server.#bind(address);
    } catch (error) {
      await server.close();
      throw new DnsBindError(`Cannot listen for DNS: ${messageOf(error)}`);
    }
    return server;
  }

  /** Stops. The addresses are free again when the promise settles; answers under way come to nothing. */
  async close(): Promise<void> {
    await Promise.all([
      ...this.#udp.map((listener) => listener.close()),
      this.#tcp.close(),
    ]);
  }

  async #bind(address: SocketAddress): Promise<void> {
    this.#udp.push(
      await DnsUdpListener.bind(address, (query) => this.#answerUdp(query)),
    );
    this.#tcp.listen(address);
  }

  async #answerUdp(query: Uint8Array): Promise<Uint8Array | undefined> {
    const answer = await this.#answer(query, "udp");
    return answer && truncateAnswer(answer, MAX_UDP_ANSWER_BYTES);
  }

  async #answer(
    query: Uint8Array,
    transport: DnsTransport,
  ): Promise<Uint8Array | undefined> {
    if (this.#inFlight >= MAX_IN_FLIGHT || !readQuery(query)) return undefined;
    this.#inFlight++;
    try {
      return await this.#options.handle(query, transport);
    } finally {
      this.#inFlight--;
    }
  }

  /** Answers the queries of a stream until it ends, idles or brings what is no query. */
  async #serve(conn: Deno.TcpConn): Promise<void> {
    const { patienceMs = STREAM_PATIENCE_MS } = this.#options;
    const within = <T>(work: Promise<T>) => {
      const timer = setTimeout(() => closeQuietly(conn), patienceMs);
      return work.finally(() => clearTimeout(timer));
    };
    try {
      for (;;) {
        const query = await within(readQueryFrom(conn));
        const answer = query && await this.#answer(query, "tcp");
        if (!answer) break;
        await within(writeAll(conn, framed(answer)));
      }
    } catch {
      // The peer went away, or we closed the stream.
    }
  }
}

async function readQueryFrom(
  conn: Deno.Conn,
): Promise<Uint8Array | undefined> {
  const prefix = await readExactly(conn, PREFIX_BYTES);
  return prefix && await readExactly(conn, readU16(prefix, 0));
}

/** Returns `undefined` when the stream ends first. */
async function readExactly(
  conn: Deno.Conn,
  length: number,
): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const read = await conn.read(bytes.subarray(at));
    if (read === null) return undefined;
    at += read;
  }
  return bytes;
}

function framed(answer: Uint8Array): Uint8Array {
  const message = truncateAnswer(answer, MAX_TCP_MESSAGE_BYTES);
  const frame = new Uint8Array(PREFIX_BYTES + message.length);
  writeU16(frame, 0, message.length);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

import { formatIp, type SocketAddress } from "../base/mod.ts";
import { closeQuietly } from "./portal_upgrade.ts";

/** TCP streams at a time, and of one peer. Our own choice: a peer has one or two. */
const MAX_STREAMS = 256;
const MAX_STREAMS_PER_PEER = 32;

/** Rest after the kernel refused to accept a stream, which it does while descriptors are short, in ms. */
const ACCEPT_PAUSE_MS = 100;

/**
 * Serves TCP streams, a few of each peer at a time.
 *
 * Whoever can reach an address of ours could hold streams until descriptors
 * and memory run out. Those beyond the limits are closed at once.
 */
export class StreamServer {
  readonly #serve: (stream: Deno.TcpConn) => Promise<void>;
  readonly #listeners: Deno.TcpListener[] = [];
  readonly #accepting: Promise<void>[] = [];
  readonly #streams = new Set<Deno.TcpConn>();
  #isClosed = false;

  /** Listens nowhere yet. `serve` has to come to an end, and must not throw; what it leaves open is closed. */
  constructor(serve: (stream: Deno.TcpConn) => Promise<void>) {
    this.#serve = serve;
  }

  /** Begins to serve on an address. Returns the port. Throws what the runtime throws when it is refused. */
  listen({ ip, port }: SocketAddress): number {
    const listener = Deno.listen({ hostname: formatIp(ip), port });
    this.#listeners.push(listener);
    this.#accepting.push(this.#accept(listener));
    return listener.addr.port;
  }

  /** Closes all streams. The addresses are free again when the promise settles. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const listener of this.#listeners) listener.close();
    for (const stream of this.#streams) closeQuietly(stream);
    await Promise.all(this.#accepting);
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    while (!this.#isClosed) {
      let stream: Deno.TcpConn;
      try {
        stream = await listener.accept();
      } catch {
        if (!this.#isClosed) await pause(ACCEPT_PAUSE_MS);
        continue;
      }
      if (this.#hasRoomFor(stream)) void this.#take(stream);
      else closeQuietly(stream);
    }
  }

  #hasRoomFor(stream: Deno.TcpConn): boolean {
    if (this.#isClosed || this.#streams.size >= MAX_STREAMS) return false;
    let ofPeer = 0;
    for (const other of this.#streams) {
      if (other.remoteAddr.hostname === stream.remoteAddr.hostname) ofPeer++;
    }
    return ofPeer < MAX_STREAMS_PER_PEER;
  }

  async #take(stream: Deno.TcpConn): Promise<void> {
    this.#streams.add(stream);
    await this.#serve(stream);
    closeQuietly(stream);
    this.#streams.delete(stream);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

import { concatBytes, EMPTY, utf8 } from "../base/mod.ts";
import type { ConnectionFailure } from "../portal/mod.ts";
import { messageOf } from "./portal_dial.ts";
import { closeQuietly, type Upgraded, writeAll } from "./portal_upgrade.ts";
import { frameParts, FrameReader } from "./websocket_frames.ts";

/** What a socket reports. Nothing is reported after `failed`, `close` or `drop`. */
export interface PortalSocketHandler {
  /** A text message arrived. */
  text(text: string): void;
  /** A binary message arrived. */
  binary(): void;
  /** The socket can take a write again. */
  writable(): void;
  /** The connection is over. */
  failed(failure: ConnectionFailure): void;
}

/** RFC 6455 §7.4.1. */
const NORMAL_CLOSURE = 1_000;
const NO_STATUS = 1_005;

/** How long a close frame may take on its way out, and the peer's answer back. */
const CLOSE_TIMEOUT_MS = 1_000;

const READ_BYTES = 64 * 1024;

/**
 * One WebSocket to the portal: text frames in and out.
 *
 * Pings are answered and close frames echoed. At most one text frame is under
 * way at a time; `writable` tells when the next one may follow, so back-pressure
 * reaches whoever makes the messages.
 */
export class PortalSocket {
  readonly #conn: Deno.Conn;
  readonly #handler: PortalSocketHandler;
  readonly #reader: FrameReader;
  readonly #buffer = new Uint8Array(READ_BYTES);
  readonly #readEnd: Promise<void>;
  #isReleased = false;
  #writing: Promise<void> | undefined;
  /** The close frame of the peer, once there is one. */
  #closed: ConnectionFailure | undefined;
  /** What waits to be written, most urgent first. Of several pings only the latest needs an answer, RFC 6455 §5.5.3. */
  #pong: Uint8Array | undefined;
  #text: string | undefined;
  #close: Uint8Array | undefined;

  /** Takes over an upgraded connection. Reports to `handler` from a later turn on. */
  constructor({ conn, rest }: Upgraded, handler: PortalSocketHandler) {
    this.#conn = conn;
    this.#handler = handler;
    this.#reader = new FrameReader({
      message: (bytes, isBinary) => this.#handleMessage(bytes, isBinary),
      ping: (payload) => this.#handlePing(payload),
      close: (code, reason) => this.#handleClose(code, reason),
      violation: (detail) => this.#fail({ kind: "protocol-violated", detail }),
    });
    this.#readEnd = this.#read(rest);
  }

  /** Whether a text frame can be taken. */
  get writable(): boolean {
    return !this.#writing && !this.#closed && !this.#isReleased;
  }

  /** Writes one text frame. Only while `writable`. */
  write(text: string): void {
    this.#text = text;
    this.#flush();
  }

  /** Closes with a close frame (1000), giving the peer a moment to answer. */
  async close(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#close ??= closePayload(NORMAL_CLOSURE, EMPTY);
    this.#flush();
    await within(CLOSE_TIMEOUT_MS, this.#readEnd);
    closeQuietly(this.#conn);
  }

  /** Closes without a word. */
  drop(): void {
    this.#isReleased = true;
    closeQuietly(this.#conn);
  }

  async #read(rest: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.#reader.push(rest);
    for (;;) {
      const read = await this.#readSome();
      if (!(read instanceof Uint8Array)) return this.#fail(read);
      this.#reader.push(read);
    }
  }

  async #readSome(): Promise<Uint8Array | ConnectionFailure> {
    try {
      const length = await this.#conn.read(this.#buffer);
      return length === null
        ? { kind: "ended" }
        : this.#buffer.slice(0, length);
    } catch (error) {
      return { kind: "broken", detail: messageOf(error) };
    }
  }

  #handleMessage(bytes: Uint8Array, isBinary: boolean): void {
    if (this.#isReleased) return;
    if (isBinary) this.#handler.binary();
    else this.#handler.text(new TextDecoder().decode(bytes));
  }

  #handlePing(payload: Uint8Array): void {
    if (this.#isReleased) return;
    this.#pong = payload.slice();
    this.#flush();
  }

  /** Echoes a close frame and reports it once the echo is out, or stuck. */
  async #handleClose(code: number, reason: Uint8Array): Promise<void> {
    if (this.#isReleased) return closeQuietly(this.#conn);
    const closed: ConnectionFailure = { kind: "closed", code };
    this.#closed = closed;
    this.#close = closePayload(code, reason);
    await within(CLOSE_TIMEOUT_MS, this.#flush());
    this.#fail(closed);
  }

  /** Writes everything that waits. */
  #flush(): Promise<void> {
    return this.#writing ??= this.#writeFrames();
  }

  async #writeFrames(): Promise<void> {
    await Promise.resolve();
    let failure: ConnectionFailure | undefined;
    try {
      for (let frame = this.#next(); frame; frame = this.#next()) {
        await writeAll(this.#conn, frame);
      }
    } catch (error) {
      failure = { kind: "broken", detail: messageOf(error) };
    }
    this.#writing = undefined;
    if (failure) this.#fail(failure);
    else if (!this.#isReleased) this.#handler.writable();
  }

  #next(): Uint8Array | undefined {
    if (this.#pong) {
      const frame = frameOf("pong", this.#pong);
      this.#pong = undefined;
      return frame;
    }
    if (this.#text !== undefined) {
      const frame = frameOf("text", utf8(this.#text));
      this.#text = undefined;
      return frame;
    }
    if (this.#close) {
      const frame = frameOf("close", this.#close);
      this.#close = undefined;
      return frame;
    }
    return undefined;
  }

  #fail(failure: ConnectionFailure): void {
    if (this.#isReleased) return;
    this.drop();
    this.#handler.failed(this.#closed ?? failure);
  }
}

function frameOf(
  opcode: "text" | "close" | "pong",
  payload: Uint8Array,
): Uint8Array {
  return concatBytes(...frameParts(opcode, payload));
}

function closePayload(code: number, reason: Uint8Array): Uint8Array {
  return code === NO_STATUS
    ? EMPTY
    : concatBytes(Uint8Array.of(code >>> 8, code), reason);
}

/** Waits for `work`, but not for long. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, late]);
  clearTimeout(timer);
}

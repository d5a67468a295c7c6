import { createHash } from "node:crypto";
import * as ws from "ws";

/** What the fake portal does with an upgrade request: agree, answer otherwise, or nothing at all. */
export type Answer = "agree" | "nothing" | readonly (string | number)[];

/** A frame as it came in. */
export type ReceivedFrame =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "pong"; readonly payload: Uint8Array }
  | {
    readonly kind: "close";
    readonly code: number;
    readonly reason: string;
  };

interface Receiver {
  // deno-lint-ignore no-explicit-any -- One signature for all events of a test double.
  on(event: string, then: (...values: any[]) => void): void;
  write(bytes: Uint8Array): void;
}

const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: object) => Receiver;
  Sender: { frame(payload: Uint8Array, options: object): Uint8Array[] };
};

const OPCODES = { text: 1, binary: 2, close: 8, ping: 9 } as const;
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A portal on loopback that shows every byte of the request and does exactly what a test says. */
export class FakePortal {
  readonly connections: FakeConnection[] = [];
  /** Answers for the next connections; the last one stays. */
  answers: Answer[] = ["agree"];
  /** Whether joins, heartbeats and close frames are answered as a portal does. */
  isPolite = true;
  readonly #listener: Deno.Listener;
  readonly #sockets: FakeConnection[] = [];
  #isClosed = false;
  readonly #waiting: (() => void)[] = [];

  constructor(listener: Deno.Listener) {
    this.#listener = listener;
    this.#acceptAll();
  }

  /** Listens on `hostname`, with TLS when given a certificate and key. */
  static listen(
    { hostname = "127.0.0.1", port = 0, tls }: {
      readonly hostname?: string;
      readonly port?: number;
      readonly tls?: { readonly cert: string; readonly key: string };
    } = {},
  ): FakePortal {
    return new FakePortal(
      tls
        ? Deno.listenTls({ hostname, port, ...tls })
        : Deno.listen({ hostname, port }),
    );
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** Waits until connection number `index` has sent its request. */
  async connection(index: number): Promise<FakeConnection> {
    for (;;) {
      const connection = this.connections[index];
      if (connection) return connection;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  close(): void {
    if (!this.#isClosed) this.#listener.close();
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.drop();
  }

  async #acceptAll(): Promise<void> {
    try {
      for await (const conn of this.#listener) this.#serve(conn);
    } catch {
      // A client that fails the TLS handshake, or the end of the test.
      if (!this.#isClosed) this.#acceptAll();
    }
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    const connection = new FakeConnection(conn, () => this.isPolite);
    this.#sockets.push(connection);
    try {
      await connection.readHead();
    } catch {
      return connection.drop();
    }
    const answer =
      (this.answers.length > 1 ? this.answers.shift() : this.answers[0]) ??
        "agree";
    this.connections.push(connection);
    for (const wake of this.#waiting.splice(0)) wake();
    await connection.answer(answer).catch(() => {});
  }
}

/** One connection to the fake portal. */
export class FakeConnection {
  head = "";
  readonly frames: ReceivedFrame[] = [];
  /** Resolves when the client is gone. */
  readonly gone: Promise<void>;
  readonly #conn: Deno.Conn;
  readonly #isPolite: () => boolean;
  readonly #goneNow: () => void;
  readonly #waiting: (() => void)[] = [];
  #resume: (() => void) | undefined;
  #pause: Promise<void> | undefined;
  #endPause: () => void = () => {};

  constructor(conn: Deno.Conn, isPolite: () => boolean) {
    this.#conn = conn;
    this.#isPolite = isPolite;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    this.#goneNow = resolve;
  }

  get requestLine(): string {
    return this.head.split("\r\n")[0] ?? "";
  }

  async readHead(): Promise<void> {
    const buffer = new Uint8Array(4096);
    while (!this.head.endsWith("\r\n\r\n")) {
      const length = await this.#conn.read(buffer);
      if (length === null) throw new Error("The client left");
      this.head += new TextDecoder().decode(buffer.subarray(0, length));
    }
  }

  /** Numbers in an answer are pauses in ms. */
  async answer(answer: Answer): Promise<void> {
    if (answer === "nothing") return;
    if (answer === "agree") {
      await this.#agree();
      return await this.#readFrames();
    }
    for (const part of answer) {
      if (typeof part === "string") await this.#write(utf8(part));
      else await this.#pauseFor(part);
    }
    this.drop();
  }

  /** Waits for the frame that satisfies `predicate`. */
  async frame(
    predicate: (frame: ReceivedFrame) => boolean,
  ): Promise<ReceivedFrame> {
    for (;;) {
      const frame = this.frames.find(predicate);
      if (frame) return frame;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async send(
    kind: keyof typeof OPCODES,
    payload: Uint8Array | string,
  ): Promise<void> {
    const parts = Sender.frame(
      typeof payload === "string" ? utf8(payload) : payload,
      { fin: true, opcode: OPCODES[kind], mask: false, readOnly: true },
    );
    for (const part of parts) await this.#write(part);
  }

  async sendJson(frame: object): Promise<void> {
    await this.send("text", JSON.stringify(frame));
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    await this.#write(bytes);
  }

  /** Stops reading until `resumeReading`. */
  pauseReading(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pause = promise;
    this.#resume = resolve;
  }

  resumeReading(): void {
    this.#pause = undefined;
    this.#resume?.();
  }

  drop(): void {
    this.resumeReading();
    this.#endPause();
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }

  async #pauseFor(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #agree(): Promise<void> {
    const key = /^Sec-WebSocket-Key: (.*)$/m.exec(this.head)?.[1]?.trim() ?? "";
    const accept = createHash("sha1").update(key + ACCEPT_GUID)
      .digest("base64");
    await this.#write(utf8(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
        `Connection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    ));
  }

  async #readFrames(): Promise<void> {
    const receiver = new Receiver({
      isServer: true,
      maxPayload: 64 * 1024 * 1024,
    });
    receiver.on("message", (data: Uint8Array) => {
      const text = new TextDecoder().decode(data);
      this.#note({ kind: "text", text });
      this.#beAPortal(text);
    });
    receiver.on(
      "pong",
      (payload: Uint8Array) => this.#note({ kind: "pong", payload }),
    );
    receiver.on("conclude", (code: number, reason: Uint8Array) => {
      this.#note({ kind: "close", code, reason: String(reason) });
      if (!this.#isPolite()) return;
      this.send("close", Uint8Array.of(3, 232)).catch(() => {})
        .finally(() => this.drop());
    });
    receiver.on("error", () => this.drop());
    try {
      for (;;) {
        await this.#pause;
        const buffer = new Uint8Array(65_536);
        const length = await this.#conn.read(buffer);
        if (length === null) break;
        receiver.write(buffer.subarray(0, length));
      }
    } catch {
      // The client, or the test, closed the connection.
    }
    this.drop();
    this.#goneNow();
  }

  #beAPortal(text: string): void {
    const { topic, event, ref } = JSON.parse(text);
    const isAnswered = event === "phx_join" || event === "heartbeat";
    if (!isAnswered || !this.#isPolite()) return;
    this.sendJson({
      topic,
      event: "phx_reply",
      payload: { status: "ok", response: {} },
      ref,
    }).catch(() => {});
  }

  #note(frame: ReceivedFrame): void {
    this.frames.push(frame);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#conn.write(bytes.subarray(at));
    }
  }
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

import * as ws from "ws";

/** Frame types that we write, RFC 6455 §5.2. */
export type Opcode = "text" | "close" | "pong";

/** What a reader finds in the stream. */
export interface FrameHandler {
  /** A whole message, reassembled; `bytes` of a text message are valid UTF-8. */
  message(bytes: Uint8Array, isBinary: boolean): void;
  /** A ping. */
  ping(payload: Uint8Array): void;
  /** A close frame; `code` is 1005 when it has none. */
  close(code: number, reason: Uint8Array): void;
  /** The peer broke the rules; nothing more is read. Comes after `push` has returned. */
  violation(detail: string): void;
}

/** The part of the receiver of `ws` that we use. Its type package does not describe it. */
interface WsReceiver {
  on(event: "message", then: (data: Uint8Array, binary: boolean) => void): void;
  on(event: "ping", then: (payload: Uint8Array) => void): void;
  on(event: "conclude", then: (code: number, reason: Uint8Array) => void): void;
  on(event: "error", then: (error: Error) => void): void;
  write(bytes: Uint8Array): boolean;
}

interface WsModule {
  readonly Receiver: new (options: {
    readonly isServer: boolean;
    readonly maxPayload: number;
    readonly allowSynchronousEvents: boolean;
  }) => WsReceiver;
  readonly Sender: {
    frame(
      payload: Uint8Array,
      options: {
        readonly fin: boolean;
        readonly opcode: number;
        readonly mask: boolean;
        readonly readOnly: boolean;
        readonly rsv1: boolean;
      },
    ): Uint8Array[];
  };
}

const { Receiver, Sender } = ws as unknown as WsModule;

const OPCODES: Readonly<Record<Opcode, number>> = {
  text: 0x1,
  close: 0x8,
  pong: 0xa,
};

/** Portal spec §1.6: the greatest message that a data plane accepts. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/**
 * Reads the frames that a server sends, by the receiver of the `ws` package.
 *
 * The package's own client is not used: it dials and upgrades through
 * `node:http`, whose emulation in Deno 2.6 cannot take over a connected socket,
 * and it would hide the order and spelling of the request headers.
 */
export class FrameReader {
  readonly #receiver: WsReceiver;
  #isOver = false;

  /** Reports to `handler`, all but violations from within `push`. */
  constructor(handler: FrameHandler) {
    this.#receiver = new Receiver({
      isServer: false,
      maxPayload: MAX_MESSAGE_BYTES,
      allowSynchronousEvents: true,
    });
    this.#receiver.on(
      "message",
      (bytes, isBinary) => handler.message(bytes, isBinary),
    );
    this.#receiver.on("ping", (payload) => handler.ping(payload));
    this.#receiver.on("conclude", (code, reason) => {
      this.#isOver = true;
      handler.close(code, reason);
    });
    this.#receiver.on("error", (error) => {
      this.#isOver = true;
      handler.violation(error.message);
    });
  }

  /** Takes in bytes and keeps them. Ignores all bytes after a close frame or violation. */
  push(bytes: Uint8Array): void {
    if (!this.#isOver) this.#receiver.write(bytes);
  }
}

/** Returns the parts of one masked frame. */
export function frameParts(opcode: Opcode, payload: Uint8Array): Uint8Array[] {
  return Sender.frame(payload, {
    fin: true,
    opcode: OPCODES[opcode],
    mask: true,
    readOnly: true,
    rsv1: false,
  });
}

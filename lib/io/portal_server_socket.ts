import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import * as ws from "ws";
import type { RequestHead } from "./portal_server_request.ts";

/** A server's end of a WebSocket, as far as we use that of the `ws` package. */
export interface ServerSocket {
  /** Bytes that wait for the peer to read. */
  readonly bufferedAmount: number;
  /** Sends a text frame. */
  send(text: string): void;
  /** Sends a close frame and waits for the peer's. */
  close(code: number): void;
  /** Ends the connection at once. */
  terminate(): void;
  /** Hears a whole message. */
  on(
    event: "message",
    then: (data: Uint8Array, isBinary: boolean) => void,
  ): void;
  /** Hears a control frame. */
  on(event: "ping" | "pong", then: () => void): void;
  /** Hears that the peer broke the rules. The close follows. */
  on(event: "error", then: (error: Error) => void): void;
}

interface WsModule {
  readonly WebSocketServer: new (options: {
    readonly noServer: true;
    readonly maxPayload: number;
    readonly perMessageDeflate: false;
    readonly clientTracking: false;
  }) => {
    handleUpgrade(
      request: Pick<RequestHead, "method" | "headers">,
      stream: Socket,
      rest: Buffer,
      then: (socket: ServerSocket) => void,
    ): void;
  };
}

const { WebSocketServer } = ws as unknown as WsModule;

/** Completes handshakes on streams whose request has been read, and accepts messages up to a limit. */
export class Upgrader {
  readonly #server;

  /** Larger frames and messages than `maxMessageBytes` end the socket with 1009. */
  constructor(maxMessageBytes: number) {
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: maxMessageBytes,
      perMessageDeflate: false,
      clientTracking: false,
    });
  }

  /** Answers an upgrade request with 101 and calls `then`, before it returns, with the socket. */
  upgrade(
    stream: Socket,
    { method, headers }: RequestHead,
    rest: Uint8Array,
    then: (socket: ServerSocket) => void,
  ): void {
    const request = { method, headers };
    this.#server.handleUpgrade(request, stream, Buffer.from(rest), then);
  }
}

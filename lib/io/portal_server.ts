import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import {
  assert,
  formatIp,
  formatSocketAddress,
  type Instant,
  type IpAddress,
  type Logger,
  NEVER,
  parseIp,
  type RandomSource,
  type SocketAddress,
} from "../base/mod.ts";
import {
  Control,
  type ControlOutput,
  type HttpAnswer,
  isControlPath,
  type Policy,
} from "../control/mod.ts";
import type { Clock } from "./clock.ts";
import {
  isUpgradeRequest,
  type RequestHead,
  RequestHeadReader,
} from "./portal_server_request.ts";
import { type ServerSocket, Upgrader } from "./portal_server_socket.ts";

/** Largest frame and message taken; more ends the socket with 1009 (portal spec §1.6). */
const MAX_MESSAGE_BYTES = 8_000_000;

/** Bytes that may wait for a slow peer before it is dropped. Our own choice. */
const MAX_BACKLOG_BYTES = 16_777_216;

/** How long a peer may take to send its request, in ms. Our own choice, that of the data planes for their side. */
const REQUEST_TIMEOUT_MS = 15_000;

/** How long peers may take to answer the close frames of a server that stops, in ms. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Longest sleep of the core's timer, in ms: `setTimeout` cannot do more than 2^31 - 1. */
const MAX_SLEEP_MS = 3_600_000;

/** Answers what is no upgrade. */
const BAD_REQUEST: HttpAnswer = { status: 400, headers: {}, body: "" };

/** Reason phrases of what the portal answers; faults may use any other status. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Thrown when an address cannot be listened on. Choosing another one, or ending who holds it, helps. */
export class ListenRefusedError extends Error {
  /** Always `ListenRefusedError`. */
  override readonly name = "ListenRefusedError";

  /** Says which address was refused and why. */
  constructor(address: SocketAddress, cause: Error & { code?: string }) {
    const reason = cause.code ?? cause.message;
    super(`Cannot listen on ${formatSocketAddress(address)}: ${reason}`, {
      cause,
    });
  }
}

/** What a portal server is made of. */
export interface PortalServerOptions {
  /** Where to listen; port 0 means any free one. */
  readonly listen: readonly SocketAddress[];
  /** The parsed policy file. */
  readonly policy: Policy;
  /** The time. */
  readonly clock: Pick<Clock, "now" | "epoch">;
  /** For ids and choices. */
  readonly random: RandomSource;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/**
 * Serves a `Control` over WebSockets, without TLS.
 *
 * The upgrade is done on the raw TCP stream: a refused data plane must see
 * status, header fields and body exactly as the core made them. Frames are
 * left to the `ws` package, idle timeouts to the core.
 */
export class PortalServer {
  readonly #options: PortalServerOptions;
  readonly #control: Control;
  readonly #upgrader = new Upgrader(MAX_MESSAGE_BYTES);
  readonly #servers: net.Server[] = [];
  readonly #streams = new Set<Socket>();
  readonly #sockets = new Map<number, ServerSocket>();
  #nextSocket = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wakeAt: Instant = NEVER;
  #isClosed = false;
  #onEmpty = () => {};

  /** Binds all addresses and starts to serve them. Throws `ListenRefusedError`. */
  static async listen(options: PortalServerOptions): Promise<PortalServer> {
    const server = new PortalServer(options);
    try {
      for (const address of options.listen) await server.#bind(address);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  private constructor(options: PortalServerOptions) {
    this.#options = options;
    const { policy, clock, random, log } = options;
    this.#control = new Control({ policy, epoch: clock.epoch(), random, log });
    this.#settle(clock.now());
  }

  /** The addresses being served, with the ports that were chosen. */
  get addresses(): SocketAddress[] {
    return this.#servers.map((server) => {
      const { address, port } = server.address() as AddressInfo;
      return { ip: ipOf(address), port };
    });
  }

  /** Puts another policy in force. */
  setPolicy(policy: Policy): void {
    this.inject((control, now) => control.handlePolicy(policy, now));
  }

  /** Runs `action` on the core and carries out what follows from it. For faults and questions of tests. */
  inject<T>(action: (control: Control, now: Instant) => T): T {
    const now = this.#options.clock.now();
    const result = action(this.#control, now);
    this.#settle(now);
    return result;
  }

  /** Closes all sockets as a deploy would, and stops to listen. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const server of this.#servers) server.close();
    this.inject((control, now) => control.stop(now));
    clearTimeout(this.#timer);
    await this.#emptied(CLOSE_TIMEOUT_MS);
    for (const stream of this.#streams) stream.destroy();
  }

  /** Waits until all streams are closed, but not forever. */
  #emptied(limitMs: number): Promise<void> {
    if (this.#streams.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const impatience = setTimeout(resolve, limitMs);
      this.#onEmpty = () => {
        clearTimeout(impatience);
        resolve();
      };
    });
  }

  async #bind(address: SocketAddress): Promise<void> {
    const server = net.createServer((stream) => this.#serve(stream));
    await new Promise<void>((resolve, reject) => {
      const refuse = (cause: Error) =>
        reject(new ListenRefusedError(address, cause));
      server.once("error", refuse);
      server.listen(address.port, formatIp(address.ip), () => {
        server.off("error", refuse);
        resolve();
      });
    });
    this.#servers.push(server);
  }

  /** Reads the request of a fresh TCP connection and answers it. */
  #serve(stream: Socket): void {
    const reader = new RequestHeadReader();
    const timeout = setTimeout(() => stream.destroy(), REQUEST_TIMEOUT_MS);
    const onData = (chunk: Uint8Array) => {
      const progress = reader.push(chunk);
      if (progress.kind === "incomplete") return;
      clearTimeout(timeout);
      stream.off("data", onData);
      if (progress.kind === "malformed") return respond(stream, BAD_REQUEST);
      this.#answer(stream, progress.head, progress.rest);
    };
    this.#streams.add(stream);
    stream.setNoDelay(true);
    stream.on("data", onData);
    stream.on("error", () => {}); // The close event follows and says enough.
    stream.on("close", () => {
      clearTimeout(timeout);
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.#onEmpty();
    });
  }

  #answer(stream: Socket, head: RequestHead, rest: Uint8Array): void {
    const { method, path, headers } = head;
    const query = new URLSearchParams(head.query);
    if (isControlPath(path)) {
      const call = { method, path, query, headers };
      return respond(
        stream,
        this.inject((control, now) => control.handleControlCall(call, now)),
      );
    }
    if (!isUpgradeRequest(head)) return respond(stream, BAD_REQUEST);
    const socket = this.#nextSocket++;
    const answer = this.inject((control, now) =>
      control.handleConnect(socket, {
        path,
        query,
        headers,
        remoteIp: ipOf(stream.remoteAddress ?? ""),
      }, now)
    );
    switch (answer.kind) {
      case "refuse":
        return respond(stream, answer.refusal);
      case "accept":
        return this.#upgrade(stream, socket, head, rest);
    }
  }

  /** Completes the WebSocket handshake and connects the events of the socket to the core. */
  #upgrade(
    stream: Socket,
    socket: number,
    head: RequestHead,
    rest: Uint8Array,
  ): void {
    stream.on("close", () => this.#handleClosed(socket));
    this.#upgrader.upgrade(stream, head, rest, (webSocket) => {
      this.#sockets.set(socket, webSocket);
      webSocket.on("message", (data, isBinary) => {
        if (isBinary) this.#handleActivity(socket);
        else this.#handleText(socket, String(data));
      });
      webSocket.on("ping", () => this.#handleActivity(socket));
      webSocket.on("pong", () => this.#handleActivity(socket));
      webSocket.on("error", (error) => {
        const fields = { socket, error: error.message };
        this.#options.log.log("debug", "Socket failed", fields);
      });
    });
  }

  #handleText(socket: number, text: string): void {
    this.inject((control, now) => control.handleText(socket, text, now));
  }

  #handleActivity(socket: number): void {
    this.inject((control, now) => control.handleActivity(socket, now));
  }

  #handleClosed(socket: number): void {
    this.#sockets.delete(socket);
    this.inject((control, now) => control.handleClosed(socket, now));
  }

  /** Carries out what the core wants, and sleeps until it wants more. */
  #settle(now: Instant): void {
    const control = this.#control;
    for (let o = control.pollOutput(); o; o = control.pollOutput()) {
      this.#carryOut(o);
    }
    const wakeAt = control.pollTimeout();
    if (wakeAt === this.#wakeAt || this.#isClosed) return;
    this.#wakeAt = wakeAt;
    clearTimeout(this.#timer);
    if (wakeAt === NEVER) return;
    const sleepMs = Math.min(Math.max(0, wakeAt - now), MAX_SLEEP_MS);
    this.#timer = setTimeout(() => this.#wake(), Math.ceil(sleepMs));
  }

  #wake(): void {
    this.#wakeAt = NEVER;
    this.inject((control, now) => control.handleTimeout(now));
  }

  #carryOut(output: ControlOutput): void {
    const webSocket = this.#sockets.get(output.socket);
    if (!webSocket) return;
    switch (output.kind) {
      case "close":
        return webSocket.close(output.code);
      case "text":
        if (webSocket.bufferedAmount > MAX_BACKLOG_BYTES) webSocket.terminate();
        else webSocket.send(output.text);
    }
  }
}

/** Answers with an HTTP response and ends the stream. */
function respond(stream: Socket, { status, headers, body }: HttpAnswer): void {
  const bytes = new TextEncoder().encode(body);
  const fields = {
    Connection: "close",
    Date: new Date().toUTCString(),
    "Content-Length": String(bytes.length),
    ...headers,
  };
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}`,
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
  ];
  stream.write(`${head.join("\r\n")}\r\n\r\n`);
  stream.end(bytes);
}

/** Reads an address as the runtime writes it: IPv4 peers of an IPv6 socket come as `::ffff:a.b.c.d`. */
function ipOf(text: string): IpAddress {
  const ip = parseIp(text.replace(/^::ffff:(?=\d+\.)/i, "")) ?? parseIp("::");
  assert(ip !== undefined, "The unspecified address must be well-formed");
  return ip;
}

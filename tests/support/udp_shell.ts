import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import {
  type Instant,
  instant,
  parseIp,
  type SocketAddress,
} from "../../lib/base/mod.ts";
import { addressOf } from "./datagram.ts";

/** What arrives at a `LoopbackSocket`. */
export type Receiver = (payload: Uint8Array, source: SocketAddress) => void;

/** A UDP socket on 127.0.0.1, for tests against other programs. */
export class LoopbackSocket {
  readonly #socket: Socket;
  readonly #port: number;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#port = socket.address().port;
  }

  /** Opens `port`, or any port if it is 0. */
  static async open(port: number, receive: Receiver): Promise<LoopbackSocket> {
    const socket = createSocket("udp4");
    socket.on("message", (payload: Uint8Array, info: RemoteInfo) => {
      receive(
        new Uint8Array(payload),
        addressOf(`${info.address}:${info.port}`),
      );
    });
    socket.bind(port, "127.0.0.1");
    await once(socket, "listening");
    return new LoopbackSocket(socket);
  }

  /** Its address. */
  get address(): SocketAddress {
    return addressOf(`127.0.0.1:${this.#port}`);
  }

  /** Sends `payload` to an IPv4 address. */
  send(payload: Uint8Array, { ip, port }: SocketAddress): void {
    this.#socket.send(payload, port, ip.bytes.join("."));
  }

  /** Closes the socket. */
  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }
}

/** 127.0.0.1. */
export const LOOPBACK = parseIp("127.0.0.1")!;

/** Returns the time by the process's monotonic clock. */
export function realNow(): Instant {
  return instant(performance.now());
}

/** Waits until `condition` holds, or throws after `limitMs`. */
export async function until(
  condition: () => boolean,
  limitMs: number,
  what: string,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) {
      throw new Error(`Waited in vain: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Returns a UDP port that nobody uses at the moment. */
export async function freePort(): Promise<number> {
  const socket = await LoopbackSocket.open(0, () => {});
  const { port } = socket.address;
  await socket.close();
  return port;
}

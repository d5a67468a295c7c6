import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import {
  formatIp,
  type Instant,
  instant,
  parseIp,
  type SocketAddress,
} from "../../lib/base/mod.ts";
import { addressOf } from "./datagram.ts";

/** What arrives at a `LoopbackSocket`. */
export type Receiver = (payload: Uint8Array, source: SocketAddress) => void;

/** A UDP socket on a loopback address, for tests against other programs. */
export class LoopbackSocket {
  /** Its address. */
  readonly address: SocketAddress;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.address = addressOfEnd(socket.address());
  }

  /** Opens `port`, or any port if it is 0, on 127.0.0.1 or another address. */
  static async open(
    port: number,
    receive: Receiver,
    host = "127.0.0.1",
  ): Promise<LoopbackSocket> {
    const socket = createSocket({
      type: host.includes(":") ? "udp6" : "udp4",
      ipv6Only: true,
    });
    socket.on("message", (payload: Uint8Array, info: RemoteInfo) => {
      receive(new Uint8Array(payload), addressOfEnd(info));
    });
    socket.bind(port, host);
    await once(socket, "listening");
    return new LoopbackSocket(socket);
  }

  /** Sends `payload` to an address of the socket's family. */
  send(payload: Uint8Array, { ip, port }: SocketAddress): void {
    this.#socket.send(payload, port, formatIp(ip));
  }

  /** Closes the socket. */
  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }
}

function addressOfEnd(
  { address, port }: { readonly address: string; readonly port: number },
): SocketAddress {
  return addressOf(
    address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`,
  );
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

/** A peer that sends back whatever it gets. */
export class EchoPeer {
  #socket!: LoopbackSocket;

  /** Opens a socket on 127.0.0.1 or another address. */
  static async start(host = "127.0.0.1"): Promise<EchoPeer> {
    const peer = new EchoPeer();
    peer.#socket = await LoopbackSocket.open(
      0,
      (bytes, from) => peer.#socket.send(bytes, from),
      host,
    );
    return peer;
  }

  /** Its address. */
  get address(): SocketAddress {
    return this.#socket.address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket.close();
  }
}

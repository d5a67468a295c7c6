import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { formatIp, type SocketAddress } from "../base/mod.ts";

/** Answers that wait to be sent. The kernel takes them at once unless it is out of buffers. */
const MAX_UNSENT = 100;

/** Answers a query, or not. */
type Answer = (query: Uint8Array) => Promise<Uint8Array | undefined>;

/** Serves one UDP socket. */
export class DnsUdpListener {
  readonly #socket: Socket;
  readonly #answer: Answer;
  #unsent = 0;
  #isClosed = false;

  private constructor(socket: Socket, answer: Answer) {
    this.#socket = socket;
    this.#answer = answer;
    // What the kernel says of an answer that could not be delivered concerns that answer alone.
    socket.on("error", () => {});
    socket.on("message", (query, from) => void this.#handle(query, from));
  }

  /** Binds a socket. Throws what the runtime throws when that fails. */
  static async bind(
    { ip, port }: SocketAddress,
    answer: Answer,
  ): Promise<DnsUdpListener> {
    const isIpv6 = ip.family === 6;
    const socket = createSocket({
      type: isIpv6 ? "udp6" : "udp4",
      ipv6Only: isIpv6,
    });
    socket.bind({ address: formatIp(ip), port });
    try {
      await once(socket, "listening");
    } catch (error) {
      socket.close();
      throw error;
    }
    return new DnsUdpListener(socket, answer);
  }

  /** Closes the socket. */
  close(): Promise<void> {
    this.#isClosed = true;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  async #handle(query: Uint8Array, from: RemoteInfo): Promise<void> {
    const answer = await this.#answer(new Uint8Array(query));
    if (!answer || this.#isClosed || this.#unsent >= MAX_UNSENT) return;
    this.#unsent++;
    this.#socket.send(answer, from.port, from.address, () => this.#unsent--);
  }
}

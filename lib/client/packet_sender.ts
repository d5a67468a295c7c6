import type { Instant } from "../base/mod.ts";
import type { ClientNode } from "./client_node.ts";
import type { ReleaseSink } from "./release_sink.ts";

/** Sends packets of our own, and those that waited. One that the connection is not ready for waits there. */
export class PacketSender {
  readonly #node: ClientNode;
  readonly #released: ReleaseSink;

  /** Sends through the connections of `node`, by way of `released`. */
  constructor(node: ClientNode, released: ReleaseSink) {
    this.#node = node;
    this.#released = released;
  }

  /** Sends `packet` through a gateway. */
  send(gatewayId: string, packet: Uint8Array, now: Instant): void {
    const at = this.#released.place(packet);
    const end = at + packet.length;
    this.#node.sendPacket(gatewayId, at, end, now, this.#released, 0);
  }
}

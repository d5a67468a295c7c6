import type { Instant } from "../base/mod.ts";
import type { PacketCipher } from "../crypto/mod.ts";
import type { Core } from "./core.ts";
import type { ReceiveRing } from "./receive_ring.ts";
import type { UdpSocket } from "./udp_socket.ts";

/** What reads ahead: a core that can, and the cipher that it uses. */
export interface ReadAheadOptions {
  /** Tells which key a datagram takes. */
  readonly core: Pick<Core<never, unknown>, "openAhead">;
  /** Decrypts. */
  readonly cipher: PacketCipher;
  /** Holds the batch. */
  readonly ring: Pick<ReceiveRing, "selected" | "select" | "next">;
}

/**
 * Lets other threads decrypt the datagrams of a batch before the core gets to them.
 *
 * A window of datagrams moves over the batch, as many as the cipher takes. It
 * changes nothing of what the core decides, nor in which order.
 */
export class ReadAhead {
  readonly #options: ReadAheadOptions;
  /** Datagrams that were looked at and not yet passed. */
  #left = 0;

  /** Reads ahead in the batches of one ring. */
  constructor(options: ReadAheadOptions) {
    this.#options = options;
  }

  /** Passes the selected datagram of message `index`, of `count` messages, just before the core gets it. */
  pass(index: number, count: number, { port }: UdpSocket, now: Instant): void {
    if (this.#left === 0) this.#look(index, count, port, now);
    this.#left--;
  }

  /** Ends a batch. */
  end(): void {
    this.#options.cipher.endAhead();
    this.#left = 0;
  }

  /** Looks from the selected datagram on, and selects it again. */
  #look(index: number, count: number, port: number, now: Instant): void {
    const { cipher, ring } = this.#options;
    cipher.endAhead();
    const { start } = ring.selected;
    let isRoom = this.#lookAtMessage(now);
    for (let i = index + 1; isRoom && i < count; i++) {
      if (ring.select(i, port) === "ok") isRoom = this.#lookAtMessage(now);
    }
    ring.select(index, port);
    while (ring.selected.start < start) ring.next();
  }

  /** Looks at the selected datagram and those behind it. The first one without room will be decrypted in its turn. */
  #lookAtMessage(now: Instant): boolean {
    const { core, ring } = this.#options;
    do {
      this.#left++;
      if (core.openAhead?.(ring.selected, now) !== true) return false;
    } while (ring.next());
    return true;
  }
}

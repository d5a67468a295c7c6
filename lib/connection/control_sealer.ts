import {
  DATAGRAM_ROOM_BYTES,
  type Instant,
  MAX_PACKET_BYTES,
  PACKET_ROOM_BYTES,
} from "../base/mod.ts";
import type { PacketCipher } from "../crypto/mod.ts";
import type { Tunnel } from "../wireguard/mod.ts";

/** Encrypts packets of our own making, outside the data path: they become messages with memory of their own. */
export class ControlSealer {
  readonly #bytes: Uint8Array;
  readonly #plain: number;
  readonly #sealed: number;

  /** Takes room for one packet and one message from the arena of `cipher`. */
  constructor({ arena }: PacketCipher) {
    this.#bytes = arena.bytes;
    this.#plain = arena.allocate(PACKET_ROOM_BYTES);
    this.#sealed = arena.allocate(DATAGRAM_ROOM_BYTES);
  }

  /** Returns the message that holds `packet`, or `undefined` when the tunnel has no session. */
  seal(
    tunnel: Tunnel,
    packet: Uint8Array,
    now: Instant,
  ): Uint8Array | undefined {
    if (packet.length > MAX_PACKET_BYTES) return undefined;
    this.#bytes.set(packet, this.#plain);
    const length = tunnel.seal(this.#plain, packet.length, this.#sealed, now);
    return length === 0
      ? undefined
      : this.#bytes.slice(this.#sealed, this.#sealed + length);
  }
}

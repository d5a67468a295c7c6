import { equalBytes } from "../base/mod.ts";

/** Keeps the latest `limit` packets. The oldest makes room. */
export class PacketRing {
  readonly #limit: number;
  #packets: Uint8Array[] = [];

  /** Creates an empty ring. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The number of packets kept. */
  get length(): number {
    return this.#packets.length;
  }

  /** Keeps `packet`, which the ring owns from here on. */
  push(packet: Uint8Array): void {
    this.#packets.push(packet);
    if (this.#packets.length > this.#limit) this.#packets.shift();
  }

  /** Keeps `packet` unless the same bytes are kept already: applications repeat what is not answered. */
  pushUnique(packet: Uint8Array): void {
    if (this.#packets.some((kept) => equalBytes(kept, packet))) return;
    this.push(packet);
  }

  /** Returns all packets, oldest first, and forgets them. */
  takeAll(): Uint8Array[] {
    const packets = this.#packets;
    this.#packets = [];
    return packets;
  }
}

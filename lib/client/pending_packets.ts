/** Packets that wait until portal or gateway have answered. Repetitions are kept once; the oldest makes room. */
export class PendingPackets {
  readonly #limit: number;
  #packets: Uint8Array[] = [];

  /** Creates room for `limit` packets. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Keeps a copy of `[start, end)`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#packets.some((kept) => isEqual(kept, bytes, start, end))) return;
    if (this.#packets.length === this.#limit) this.#packets.shift();
    this.#packets.push(bytes.slice(start, end));
  }

  /** Returns the packets, oldest first, and forgets them. */
  takeAll(): readonly Uint8Array[] {
    const packets = this.#packets;
    this.#packets = [];
    return packets;
  }
}

function isEqual(
  kept: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (kept.length !== end - start) return false;
  for (let i = 0; i < kept.length; i++) {
    if (kept[i] !== bytes[start + i]) return false;
  }
  return true;
}

/**
 * What computes a `PacketCipher`. Both kinds give the same bytes.
 *
 * Addresses are those of one arena, `length` counts bytes at `source`, and
 * `counter` is the packet counter of the nonce.
 */
export interface Kernel {
  /** See `PacketCipher.seal`. */
  seal(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): void;

  /** See `PacketCipher.open`. */
  open(
    key: Uint8Array,
    counter: number,
    source: number,
    length: number,
    target: number,
  ): boolean;

  /** See `PacketCipher.wipe`. */
  wipe(): void;
}

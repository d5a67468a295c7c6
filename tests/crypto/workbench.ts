import { Arena } from "../../lib/base/mod.ts";
import {
  type CipherImplementation,
  PacketCipher,
} from "../../lib/crypto/mod.ts";

const TAG = 16;

/** Moves messages into an arena and out of it again. */
export class Workbench {
  readonly #arena: Arena;
  readonly #cipher: PacketCipher;
  readonly #source: number;
  readonly #target: number;

  constructor(implementation: CipherImplementation, maxLength = 1_500) {
    this.#arena = new Arena(3 * (maxLength + TAG));
    this.#cipher = new PacketCipher(this.#arena, implementation);
    this.#source = this.#arena.allocate(maxLength + TAG);
    this.#target = this.#arena.allocate(maxLength + TAG);
  }

  seal(key: Uint8Array, counter: number, message: Uint8Array): Uint8Array {
    const { length } = message;
    this.#arena.bytes.set(message, this.#source);
    this.#cipher.seal(key, counter, this.#source, length, this.#target);
    return this.#output(length + TAG);
  }

  open(
    key: Uint8Array,
    counter: number,
    sealed: Uint8Array,
  ): Uint8Array | undefined {
    const { length } = sealed;
    this.#arena.bytes.set(sealed, this.#source);
    return this.#cipher.open(key, counter, this.#source, length, this.#target)
      ? this.#output(length - TAG)
      : undefined;
  }

  wipe(): void {
    this.#cipher.wipe();
  }

  /** What the kernels' part of the arena holds. */
  scratch(): Uint8Array {
    return this.#arena.bytes.slice(0, 16_384);
  }

  #output(length: number): Uint8Array {
    return this.#arena.bytes.slice(this.#target, this.#target + length);
  }
}

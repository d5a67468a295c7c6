import { readU16, readU32, writeU16, writeU32 } from "../../lib/base/mod.ts";
import { SeededRandom } from "./random.ts";

const MAX_LENGTH = 1_400;
const STUN_HEADER_LENGTH = 20;
const MAGIC_COOKIE = 0x2112_a442;

/** First bytes of messages that the parsers tell apart: STUN classes, channels, WireGuard types. */
const HEADS: readonly (readonly number[])[] = [
  [0x00, 0x01],
  [0x00, 0x03],
  [0x00, 0x04],
  [0x00, 0x08],
  [0x00, 0x09],
  [0x00, 0x11],
  [0x01, 0x01],
  [0x01, 0x03],
  [0x01, 0x11],
  [0x01, 0x13],
  [0x40, 0x00],
  [0x40, 0x01],
  [0x4f, 0xff],
  [0x50, 0x00],
  [1, 0, 0, 0],
  [2, 0, 0, 0],
  [3, 0, 0, 0],
  [4, 0, 0, 0],
];

/** Lengths at which parsers decide. */
const LENGTHS = [0, 1, 3, 4, 8, 19, 20, 24, 28, 31, 32, 64, 92, 148, 1_316];

/** A source of datagrams that are wrong in the ways that find bugs. The same seed gives the same ones. */
export class Mutator {
  readonly #random: SeededRandom;
  readonly #corpus: readonly Uint8Array[];

  /** `corpus` holds genuine datagrams to start from. */
  constructor(seed: number, corpus: readonly Uint8Array[]) {
    this.#random = new SeededRandom(seed);
    this.#corpus = corpus;
  }

  /** Returns a number from 0 to `limit` - 1. */
  below(limit: number): number {
    return readU16(this.#bytes(2), 0) % limit;
  }

  /** Returns one of `values`. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** Returns a datagram made of `genuine`, or of nothing. */
  next(genuine: Uint8Array): Uint8Array {
    const mutated = this.#mutated(genuine);
    return this.below(4) === 0 ? mutated : withTrueLength(mutated);
  }

  #mutated(genuine: Uint8Array): Uint8Array {
    switch (this.below(10)) {
      case 0:
        return this.#bytes(this.below(MAX_LENGTH));
      case 1:
        return this.#headed();
      case 2:
        return genuine.slice(0, this.below(genuine.length + 1));
      case 3:
        return joined(genuine, this.#bytes(this.below(64)));
      case 4:
        return joined(
          genuine.slice(0, this.below(genuine.length + 1)),
          this.pick(this.#corpus).slice(this.below(64)),
        );
      case 5:
      case 6:
        return this.#measured(genuine);
      case 7:
      case 8:
        return this.#flipped(genuine);
      default:
        return genuine.slice();
    }
  }

  #bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#random.fill(bytes);
    return bytes;
  }

  /** Random bytes that begin, and are as long, as a message is. */
  #headed(): Uint8Array {
    const bytes = this.#bytes(this.pick(LENGTHS));
    bytes.set(this.pick(HEADS).slice(0, bytes.length));
    if (bytes.length >= STUN_HEADER_LENGTH && this.below(2) === 0) {
      writeU32(bytes, 4, MAGIC_COOKIE);
    }
    return bytes;
  }

  #flipped(genuine: Uint8Array): Uint8Array {
    const bytes = genuine.slice();
    for (let i = this.below(8); i >= 0 && bytes.length > 0; i--) {
      bytes[this.below(bytes.length)]! ^= 1 << this.below(8);
    }
    return bytes;
  }

  /** Changes what may be the length or type of an attribute. */
  #measured(genuine: Uint8Array): Uint8Array {
    const bytes = genuine.slice();
    const words = bytes.length >> 1;
    if (words === 0) return bytes;
    const values = [0, 1, 3, 4, 8, 20, 127, 0x7fff, 0x8028, 0xffff];
    writeU16(bytes, 2 * this.below(words), this.pick(values));
    return bytes;
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  return Uint8Array.from([...head, ...tail]).slice(0, MAX_LENGTH);
}

/** Makes the length in the header of STUN or ChannelData true, so that parsers read on. */
function withTrueLength(bytes: Uint8Array): Uint8Array {
  const isStun = bytes.length >= STUN_HEADER_LENGTH && bytes[0]! < 4 &&
    readU32(bytes, 4) === MAGIC_COOKIE;
  const isChannelData = bytes.length >= 4 && bytes[0]! >>> 4 === 4;
  if (isStun) writeU16(bytes, 2, bytes.length - STUN_HEADER_LENGTH);
  if (isChannelData) writeU16(bytes, 2, bytes.length - 4);
  return bytes;
}

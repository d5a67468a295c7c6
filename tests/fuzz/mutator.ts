import { readU16, readU32, writeU16, writeU32 } from "../../lib/base/mod.ts";
import type { Choices } from "./choices.ts";

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

/** Values of 16 bits at which parsers decide. */
const WORDS = [0, 1, 3, 4, 8, 20, 127, 0x7fff, 0x8028, 0xffff];

/** Makes what a mutation broke right again, in place, so that parsers read on. */
export type Repair = (bytes: Uint8Array) => void;

/**
 * Makes messages that are wrong in the ways that find bugs.
 *
 * Starts from genuine ones of `corpus`; three of four get their lengths and
 * checksums right again by `repair`.
 */
export class Mutator {
  readonly #choices: Choices;
  readonly #corpus: readonly Uint8Array[];
  readonly #repair: Repair;

  constructor(
    choices: Choices,
    corpus: readonly Uint8Array[],
    repair: Repair = repairDatagram,
  ) {
    this.#choices = choices;
    this.#corpus = corpus;
    this.#repair = repair;
  }

  /** Returns a message made of `genuine`, or of nothing. */
  next(genuine: Uint8Array = this.#choices.pick(this.#corpus)): Uint8Array {
    const mutated = this.#mutated(genuine);
    if (this.#choices.below(4) !== 0) this.#repair(mutated);
    return mutated;
  }

  #mutated(genuine: Uint8Array): Uint8Array {
    const choices = this.#choices;
    switch (choices.below(10)) {
      case 0:
        return choices.bytes(choices.below(MAX_LENGTH));
      case 1:
        return this.#headed();
      case 2:
        return genuine.slice(0, choices.below(genuine.length + 1));
      case 3:
        return joined(genuine, choices.bytes(choices.below(64)));
      case 4:
        return joined(
          genuine.slice(0, choices.below(genuine.length + 1)),
          choices.pick(this.#corpus).slice(choices.below(64)),
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

  /** Random bytes that begin, and are as long, as a message is. */
  #headed(): Uint8Array {
    const choices = this.#choices;
    const bytes = choices.bytes(choices.pick(LENGTHS));
    bytes.set(choices.pick(HEADS).slice(0, bytes.length));
    if (bytes.length >= STUN_HEADER_LENGTH && choices.below(2) === 0) {
      writeU32(bytes, 4, MAGIC_COOKIE);
    }
    return bytes;
  }

  #flipped(genuine: Uint8Array): Uint8Array {
    const choices = this.#choices;
    const bytes = genuine.slice();
    for (let i = choices.below(8); i >= 0 && bytes.length > 0; i--) {
      bytes[choices.below(bytes.length)]! ^= 1 << choices.below(8);
    }
    return bytes;
  }

  /** Changes what may be a length, a type or an offset. */
  #measured(genuine: Uint8Array): Uint8Array {
    const bytes = genuine.slice();
    const words = bytes.length >> 1;
    if (words === 0) return bytes;
    const at = 2 * this.#choices.below(words);
    writeU16(bytes, at, this.#choices.pick(WORDS));
    return bytes;
  }
}

/** Makes the length in the header of STUN or ChannelData true. */
export function repairDatagram(bytes: Uint8Array): void {
  const isStun = bytes.length >= STUN_HEADER_LENGTH && bytes[0]! < 4 &&
    readU32(bytes, 4) === MAGIC_COOKIE;
  const isChannelData = bytes.length >= 4 && bytes[0]! >>> 4 === 4;
  if (isStun) writeU16(bytes, 2, bytes.length - STUN_HEADER_LENGTH);
  if (isChannelData) writeU16(bytes, 2, bytes.length - 4);
}

/** Makes the lengths in the headers of an IP packet true, those of IPv4 or IPv6 and of UDP right behind it, and the IPv4 header checksum. */
export function repairPacket(bytes: Uint8Array): void {
  const version = (bytes[0] ?? 0) >> 4;
  const headerLength = version === 4 ? (bytes[0]! & 15) * 4 : 40;
  if (version !== 4 && version !== 6) return;
  if (bytes.length < Math.max(headerLength, 20)) return;
  const isUdp = bytes[version === 4 ? 9 : 6] === 17;
  const payloadLength = bytes.length - headerLength;
  if (isUdp && payloadLength >= 8) {
    writeU16(bytes, headerLength + 4, payloadLength);
  }
  if (version === 6) return writeU16(bytes, 4, payloadLength);
  if (headerLength < 20) return;
  writeU16(bytes, 2, bytes.length);
  writeU16(bytes, 10, 0);
  let sum = 0;
  for (let at = 0; at < headerLength; at += 2) sum += readU16(bytes, at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  writeU16(bytes, 10, ~sum & 0xffff);
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  return Uint8Array.from([...head, ...tail]).slice(0, MAX_LENGTH);
}

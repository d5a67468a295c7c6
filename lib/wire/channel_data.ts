import { EMPTY, readU16, writeU16 } from "../base/mod.ts";

/** ChannelData layout in bytes, RFC 8656 §12.4. */
const CHANNEL = 0;
const LENGTH = 2;

/** Length of the channel number and the length field in front of the data, in bytes. */
export const CHANNEL_DATA_HEADER_LENGTH = 4;

/** Channel numbers that can carry data: the first byte is 0x40 to 0x4F (p2p spec §6, §8.2). */
export const LOWEST_DATA_CHANNEL = 0x4000;

/** The last channel number that can carry data. */
export const HIGHEST_DATA_CHANNEL = 0x4fff;

/** Why bytes are not a ChannelData message. */
export type ChannelDataRefusal = "too-short" | "not-a-channel" | "truncated";

/** A reusable, read-only window onto one ChannelData message. */
export class ChannelDataView {
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #refusal: ChannelDataRefusal | undefined;

  /** Points the view at the datagram `[start, end)` of `bytes`. The getters are valid only after `true`. */
  attach(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#refusal = refusalOf(bytes, start, end);
    return this.#refusal === undefined;
  }

  /** Why the last `attach` returned `false`. */
  get refusal(): ChannelDataRefusal | undefined {
    return this.#refusal;
  }

  /** The channel number, 0x4000 to 0x4FFF. */
  get channel(): number {
    return readU16(this.#bytes, this.#start + CHANNEL);
  }

  /** Index of the first data byte. */
  get dataStart(): number {
    return this.#start + CHANNEL_DATA_HEADER_LENGTH;
  }

  /** Index behind the last data byte. */
  get dataEnd(): number {
    return this.dataStart + readU16(this.#bytes, this.#start + LENGTH);
  }

  /**
   * Whether the datagram ends with the data.
   *
   * A client takes nothing else for ChannelData; a relay ignores what follows (p2p spec §4.10).
   */
  get isExact(): boolean {
    return this.dataEnd === this.#end;
  }
}

/** Writes the header of a ChannelData message with `length` bytes of data at `bytes[at…]`. */
export function writeChannelDataHeader(
  bytes: Uint8Array,
  at: number,
  channel: number,
  length: number,
): void {
  writeU16(bytes, at + CHANNEL, channel);
  writeU16(bytes, at + LENGTH, length);
}

function refusalOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): ChannelDataRefusal | undefined {
  if (end - start < CHANNEL_DATA_HEADER_LENGTH) return "too-short";
  const channel = readU16(bytes, start + CHANNEL);
  if (channel < LOWEST_DATA_CHANNEL || channel > HIGHEST_DATA_CHANNEL) {
    return "not-a-channel";
  }
  const dataEnd = start + CHANNEL_DATA_HEADER_LENGTH +
    readU16(bytes, start + LENGTH);
  return dataEnd > end ? "truncated" : undefined;
}

import { type UnixMs, unixMs, writeU32 } from "../base/mod.ts";
import { TIMESTAMP_BYTES } from "./constants.ts";

/** The label of 1970, p2p spec §5.2: 2^62 seconds, of which this is the upper half, and 37 leap seconds. */
const HIGH_HALF = 0x4000_0000;
const LEAP_SECONDS = 37;

/** Smallest step between two labels of one clock, in ms: one microsecond, which a `number` of this size still tells apart. */
const STEP_MS = 0.001;

/** Returns the TAI64N label of a wall-clock time: 8 bytes of seconds and 4 of nanoseconds, big-endian. */
export function tai64n(time: UnixMs): Uint8Array {
  const seconds = Math.floor(time / 1_000);
  const nanoseconds = Math.floor((time - seconds * 1_000) * 1e6);
  const label = seconds + LEAP_SECONDS;

  const bytes = new Uint8Array(TIMESTAMP_BYTES);
  writeU32(bytes, 0, HIGH_HALF + Math.floor(label / 2 ** 32));
  writeU32(bytes, 4, label >>> 0);
  writeU32(bytes, 8, nanoseconds);
  return bytes;
}

/** Tells whether label `a` lies after label `b`. */
export function isLaterTai64n(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < TIMESTAMP_BYTES; i++) {
    if (a[i] !== b[i]) return a[i]! > b[i]!;
  }
  return false;
}

/** Makes the timestamps of one tunnel: each lies after the one before, however close the calls. */
export class TimestampSource {
  #latest = unixMs(0);

  /** Returns the label of `time`, or one just after the last if `time` is not later. */
  next(time: UnixMs): Uint8Array {
    this.#latest = unixMs(Math.max(time, this.#latest + STEP_MS));
    return tai64n(this.#latest);
  }
}

import {
  type Epoch,
  type Instant,
  instant,
  type RandomSource,
  unixMs,
} from "../base/mod.ts";
import { type Libc, libc, must } from "./libc.ts";

/** Counts from boot, and goes on while the machine is suspended. */
const CLOCK_BOOTTIME = 7;

/** Reads the monotonic clock that counts suspended time, as `Instant` demands. */
export class Clock {
  readonly #libc: Libc = libc();
  /** A `timespec`: seconds and nanoseconds, 64 bits each, low half first. */
  readonly #reading = new Uint32Array(4);

  /** Checks once that the clock can be read. */
  constructor() {
    must("read the boot clock", this.#read());
  }

  /** Returns the time, in ms with fractions. Allocates nothing. */
  now(): Instant {
    this.#read();
    const words = this.#reading;
    const seconds = words[0]! + words[1]! * 2 ** 32;
    return instant(seconds * 1000 + words[2]! / 1e6);
  }

  /** Ties this clock to the wall clock by one reading of both. */
  epoch(): Epoch {
    return { instant: this.now(), unix: unixMs(Date.now()) };
  }

  #read(): number {
    return this.#libc.clock_gettime(CLOCK_BOOTTIME, this.#reading);
  }
}

/** Longest stretch that one call of `crypto.getRandomValues` fills, in bytes (W3C Web Cryptography §10.1.1). */
const RANDOM_CHUNK_BYTES = 65_536;

/** The operating system's randomness. */
export const SYSTEM_RANDOM: RandomSource = {
  fill(bytes) {
    for (let at = 0; at < bytes.length; at += RANDOM_CHUNK_BYTES) {
      crypto.getRandomValues(
        bytes.subarray(at, at + RANDOM_CHUNK_BYTES) as Uint8Array<ArrayBuffer>,
      );
    }
  },
};

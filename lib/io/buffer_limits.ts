import type { Logger } from "../base/mod.ts";
import { ENOENT, errnoName } from "./errno.ts";
import { type KernelSettings, PROC_SYS } from "./kernel_settings.ts";

/** Limits for socket buffers that the host should have at least, in bytes (operations spec §1.1). */
const WANTED: readonly (readonly [path: string, bytes: number])[] = [
  ["net/core/rmem_max", 16 * 1024 * 1024],
  ["net/core/wmem_max", 2 * 1024 * 1024],
];

/**
 * Raises the host's limits for socket buffers while the program runs.
 *
 * Sockets that hold `CAP_NET_ADMIN` get what they ask for anyway; the limits
 * count where the capability is not in force, as inside some containers. A
 * limit that is high enough stays, a refusal is of no great account.
 */
export class BufferLimits {
  readonly #log: Logger;
  readonly #settings: KernelSettings;
  /** What was there before us, and what we wrote. */
  readonly #raised: { path: string; before: string; after: string }[] = [];

  /** Changes nothing yet. */
  constructor(log: Logger, settings: KernelSettings = PROC_SYS) {
    this.#log = log;
    this.#settings = settings;
  }

  /** Raises what is too low. */
  raise(): void {
    for (const [path, wanted] of WANTED) {
      const before = this.#settings.read(path);
      // Other namespaces than the first have none.
      if (before === undefined) this.#noteRefusal(path, ENOENT);
      else if (Number(before) < wanted) this.#raise(path, before, wanted);
    }
  }

  /** Puts back what nobody else has changed since. */
  restore(): void {
    for (const { path, before, after } of this.#raised.splice(0)) {
      if (this.#settings.read(path) !== after) continue;
      this.#settings.write({ path, value: before });
    }
  }

  #raise(path: string, before: string, wanted: number): void {
    const after = String(wanted);
    const code = this.#settings.write({ path, value: after });
    if (code !== 0) return this.#noteRefusal(path, code);
    this.#raised.push({ path, before, after });
    this.#log.log("info", "Buffer limit raised", { path, before, after });
  }

  #noteRefusal(path: string, code: number): void {
    const reason = errnoName(code);
    this.#log.log("info", "Buffer limit left alone", { path, reason });
  }
}

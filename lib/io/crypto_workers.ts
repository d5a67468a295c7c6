import type { Logger } from "../base/mod.ts";
import { createHandOffMemory, stopHandOff } from "../crypto/mod.ts";

/** Most threads that may help with cryptography. Our own choice: more than keep one data worker busy. */
export const CRYPTO_WORKERS_LIMIT = 16;

/**
 * Threads that seal and open packets for one data worker.
 *
 * They see nothing but the memory that packets are handed off in. If one
 * fails, the data worker does what it would have done.
 */
export class CryptoWorkers {
  /** The memory that they serve. */
  readonly memory: WebAssembly.Memory = createHandOffMemory();
  readonly #workers: readonly Worker[];

  /** Starts `count` threads. */
  constructor(count: number, log: Logger) {
    this.#workers = Array.from({ length: count }, (_, number) => {
      const url = new URL("./crypto_worker.ts", import.meta.url);
      const worker = new Worker(url, { type: "module" });
      worker.onerror = (event) => {
        event.preventDefault();
        log.log("warn", "Crypto worker failed", {
          number,
          reason: event.message,
        });
      };
      worker.postMessage(this.memory);
      return worker;
    });
    log.log("info", "Crypto workers started", { count });
  }

  /** Ends all threads. */
  stop(): void {
    stopHandOff(this.memory);
    for (const worker of this.#workers) worker.terminate();
  }
}

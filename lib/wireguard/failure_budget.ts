import { elapsedMs, type Instant, type IpAddress, toHex } from "../base/mod.ts";
import {
  FAILURES_PER_WINDOW,
  HANDSHAKE_WINDOW_MS,
  MAX_FAILING_SOURCES,
} from "./constants.ts";

/** Bytes that all addresses of one IPv6 host have in common: it has a network of them. */
const IPV6_NETWORK_BYTES = 8;

interface Window {
  readonly startedAt: Instant;
  failures: number;
}

/**
 * Bounds what a source that can receive at its address may cost us by forgeries.
 *
 * Only failures count, so that many honest peers behind one NAT are no
 * burden. Remembers a bounded number of sources; the oldest one makes room.
 */
export class FailureBudget {
  /** In the order in which their windows began. */
  readonly #windows = new Map<string, Window>();

  /** The number of sources that are remembered. */
  get size(): number {
    return this.#windows.size;
  }

  /** Tells whether another message of `source` may be looked into. */
  allows(source: IpAddress, now: Instant): boolean {
    const window = this.#windows.get(keyOf(source));
    return window === undefined || isOver(window, now) ||
      window.failures < FAILURES_PER_WINDOW;
  }

  /** Notes that a message of `source` was forged. */
  note(source: IpAddress, now: Instant): void {
    const key = keyOf(source);
    const window = this.#windows.get(key);
    if (window !== undefined && !isOver(window, now)) {
      window.failures++;
      return;
    }
    this.#windows.delete(key); // The map stays in order of time.
    this.#makeRoom();
    this.#windows.set(key, { startedAt: now, failures: 1 });
  }

  #makeRoom(): void {
    if (this.#windows.size < MAX_FAILING_SOURCES) return;
    const [oldest] = this.#windows.keys();
    if (oldest !== undefined) this.#windows.delete(oldest);
  }
}

function isOver({ startedAt }: Window, now: Instant): boolean {
  return elapsedMs(startedAt, now) >= HANDSHAKE_WINDOW_MS;
}

function keyOf({ family, bytes }: IpAddress): string {
  return toHex(family === 4 ? bytes : bytes.subarray(0, IPV6_NETWORK_BYTES));
}

import { after, type Instant, type IpAddress } from "../base/mod.ts";

/** Answers kept (data-plane spec §10). The one that was used least recently goes first. */
const MAX_ENTRIES = 512;

/** Longest life, in s: a typing error in a zone shall not last for ever. */
const MAX_TTL_SECONDS = 86_400;

/** Life of "no such name" and "no such record", in s. Our own choice: long enough for a burst, too short to be noticed by who adds a name. */
const NEGATIVE_TTL_SECONDS = 5;

/** What is known of one name and family. */
interface Entry {
  readonly addresses: readonly IpAddress[];
  readonly expiresAt: Instant;
}

/** Keeps the addresses of names for as long as their records may be kept. */
export class AddressCache {
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>();

  /** How many answers are kept, expired ones among them. */
  get size(): number {
    return this.#entries.size;
  }

  /** Returns what is known under `key`, none for a name that has none, or `undefined`. */
  get(key: string, now: Instant): readonly IpAddress[] | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAt <= now) return undefined;
    this.#entries.set(key, entry);
    return entry.addresses;
  }

  /** Keeps an answer; one without addresses but a short time. */
  put(
    key: string,
    addresses: readonly IpAddress[],
    ttlSeconds: number,
    now: Instant,
  ): void {
    const life = addresses.length === 0
      ? NEGATIVE_TTL_SECONDS
      : Math.min(ttlSeconds, MAX_TTL_SECONDS);
    this.#entries.delete(key);
    if (life === 0) return;
    this.#entries.set(key, { addresses, expiresAt: after(now, life * 1_000) });
    if (this.#entries.size <= MAX_ENTRIES) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear();
  }
}

import { elapsedMs, type Instant, readU32 } from "../base/mod.ts";
import { HANDSHAKE_INITIATION } from "../wire/mod.ts";
import { MAX_RESPONSES, RESPONSE_LIFETIME_MS } from "./constants.ts";

/** A response that was sent. */
export interface CachedResponse<Owner> {
  /** The response. */
  readonly message: Uint8Array;
  /** Whose handshake it is part of. */
  readonly owner: Owner;
}

interface Entry<Owner> extends CachedResponse<Owner> {
  readonly initiation: Uint8Array;
  readonly answeredAt: Instant;
}

/**
 * Responses to the initiations of the last ten seconds, by the exact bytes of the initiation, p2p spec §3.3.
 *
 * An initiation comes on many paths at once. Each copy gets the one response
 * on its own path, and only the first costs a key agreement.
 */
export class ResponseCache<Owner> {
  /** By the first bytes of the ephemeral key, which are random. Oldest first. */
  readonly #entries = new Map<number, Entry<Owner>>();

  /** Returns the response to the initiation in `[start, end)`. */
  find(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): CachedResponse<Owner> | undefined {
    const entry = this.#entries.get(keyAt(bytes, start));
    if (!entry || isOld(entry, now)) return undefined;
    const { initiation } = entry;
    if (initiation.length !== end - start) return undefined;
    for (let i = 0; i < initiation.length; i++) {
      if (initiation[i] !== bytes[start + i]) return undefined;
    }
    return entry;
  }

  /** Keeps the response to the initiation in `[start, end)`. */
  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    response: CachedResponse<Owner>,
    now: Instant,
  ): void {
    const initiation = bytes.slice(start, end);
    const key = keyAt(bytes, start);
    this.#entries.delete(key);
    this.#entries.set(key, { ...response, initiation, answeredAt: now });
    for (const [oldest, entry] of this.#entries) {
      if (!isOld(entry, now) && this.#entries.size <= MAX_RESPONSES) return;
      this.#entries.delete(oldest);
    }
  }
}

/** A signed number: a greater one would be an object, for every forgery too. */
function keyAt(bytes: Uint8Array, start: number): number {
  return readU32(bytes, start + HANDSHAKE_INITIATION.EPHEMERAL) | 0;
}

function isOld({ answeredAt }: Entry<unknown>, now: Instant): boolean {
  return elapsedMs(answeredAt, now) >= RESPONSE_LIFETIME_MS;
}

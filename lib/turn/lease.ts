import {
  after,
  elapsedMs,
  type Instant,
  type IpFamily,
  NEVER,
  type SocketAddress,
} from "../base/mod.ts";
import type { LocalCandidate } from "./candidates.ts";
import { MIN_REFRESH_WAIT_MS } from "./constants.ts";

/** What a relay holds for us, and until when. */
export class Lease {
  /** Our addresses on the relay. */
  readonly candidates: readonly LocalCandidate[];
  readonly #relayed4: SocketAddress | undefined;
  readonly #relayed6: SocketAddress | undefined;
  #expiresAt: Instant = NEVER;
  #refreshAt: Instant = NEVER;

  /** Starts at `now`, for as long as the relay says. */
  constructor(
    candidates: readonly LocalCandidate[],
    lifetimeSeconds: number,
    now: Instant,
  ) {
    this.candidates = candidates;
    this.#relayed4 = addressOf(candidates, 4);
    this.#relayed6 = addressOf(candidates, 6);
    this.extend(lifetimeSeconds, now);
  }

  /** When the relay forgets us. */
  get expiresAt(): Instant {
    return this.#expiresAt;
  }

  /** When to ask for more time; `NEVER` while that is under way. */
  get refreshAt(): Instant {
    return this.#refreshAt;
  }

  /** Our address of a family. Allocates nothing. */
  relayed(family: IpFamily): SocketAddress | undefined {
    return family === 4 ? this.#relayed4 : this.#relayed6;
  }

  /** Notes that more time was asked for. */
  startRefresh(): void {
    this.#refreshAt = NEVER;
  }

  /** Notes that the relay gave more time. */
  extend(lifetimeSeconds: number, now: Instant): void {
    const lifetimeMs = lifetimeSeconds * 1000;
    this.#expiresAt = after(now, lifetimeMs);
    this.#refreshAt = after(now, lifetimeMs / 2);
  }

  /** Notes that the relay refused to give more time. Asks again halfway to the end. */
  postponeRefresh(now: Instant): void {
    const halfMs = elapsedMs(now, this.#expiresAt) / 2;
    this.#refreshAt = after(now, Math.max(MIN_REFRESH_WAIT_MS, halfMs));
  }
}

function addressOf(
  candidates: readonly LocalCandidate[],
  family: IpFamily,
): SocketAddress | undefined {
  return candidates.find(({ address }) => address.ip.family === family)
    ?.address;
}

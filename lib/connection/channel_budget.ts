import {
  elapsedMs,
  equalSocketAddresses,
  type Instant,
  type SocketAddress,
} from "../base/mod.ts";

/**
 * Most addresses that one peer may make us bind channels to. Our own choice.
 *
 * An honest peer needs about ten and as many more for each time it roams. All
 * peers share the 4096 channels of a relay, and a number stays taken for 15
 * minutes: without a limit, one peer that goes on naming addresses would cut
 * off all others.
 */
const MAX_ADDRESSES = 64;

/** How long a channel number stays taken after its last bind, in ms, p2p spec §4.8. */
const CHANNEL_REUSE_AGE_MS = 900_000;

interface Entry {
  readonly address: SocketAddress;
  admittedAt: Instant;
}

/** The addresses of one peer that take up channels. */
export class ChannelBudget {
  #entries: Entry[] = [];

  /**
   * Tells whether a channel to `address` may be bound, and notes it.
   *
   * `isBound` tells which of the addresses have a channel at present.
   */
  admit(
    address: SocketAddress,
    isBound: (address: SocketAddress) => boolean,
    now: Instant,
  ): boolean {
    const known = this.#entries.find((entry) =>
      equalSocketAddresses(entry.address, address)
    );
    if (known) {
      known.admittedAt = now;
      return true;
    }
    if (this.#entries.length >= MAX_ADDRESSES) this.#forgetOld(isBound, now);
    if (this.#entries.length >= MAX_ADDRESSES) return false;
    this.#entries.push({ address, admittedAt: now });
    return true;
  }

  #forgetOld(
    isBound: (address: SocketAddress) => boolean,
    now: Instant,
  ): void {
    this.#entries = this.#entries.filter(({ address, admittedAt }) =>
      elapsedMs(admittedAt, now) < CHANNEL_REUSE_AGE_MS || isBound(address)
    );
  }
}

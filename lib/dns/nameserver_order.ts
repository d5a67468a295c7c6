import { after, formatIp, type Instant, type IpAddress } from "../base/mod.ts";

/** How long a server that failed is asked last, in ms. Our own choice: one that came back is used again soon. */
const DISTRUST_MS = 30_000;

/**
 * Decides in which order nameservers are asked: as configured, or each time
 * from the next one on, and those last that failed a moment ago.
 */
export class NameserverOrder {
  readonly #distrustedUntil = new Map<string, Instant>();
  #turn = 0;

  /** Returns all of `nameservers`, the one to ask first in front. */
  next(
    nameservers: readonly IpAddress[],
    rotate: boolean,
    now: Instant,
  ): IpAddress[] {
    for (const [text, until] of this.#distrustedUntil) {
      if (until <= now) this.#distrustedUntil.delete(text);
    }
    const start = rotate && nameservers.length > 0
      ? this.#turn++ % nameservers.length
      : 0;
    const order = [
      ...nameservers.slice(start),
      ...nameservers.slice(0, start),
    ];
    const isTrusted = (ip: IpAddress) =>
      !this.#distrustedUntil.has(formatIp(ip));
    return [
      ...order.filter(isTrusted),
      ...order.filter((ip) => !isTrusted(ip)),
    ];
  }

  /** Notes whether a server answered. */
  note(nameserver: IpAddress, hasAnswered: boolean, now: Instant): void {
    const text = formatIp(nameserver);
    if (hasAnswered) this.#distrustedUntil.delete(text);
    else this.#distrustedUntil.set(text, after(now, DISTRUST_MS));
  }
}

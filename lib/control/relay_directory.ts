import {
  after,
  formatIp,
  type Instant,
  type IpAddress,
  NEVER,
  randomBelow,
  type RandomSource,
} from "../base/mod.ts";
import { RELAY_DEBOUNCE_MS, RELAYS_PER_NODE } from "./constants.ts";

/** A relay that has joined. */
export interface OnlineRelay {
  /** Derived from the stamp secret. */
  readonly id: string;
  /** What its TURN passwords are derived from. */
  readonly stampSecret: string;
  /** Its socket. */
  readonly socket: number;
  /** Advertised addresses; at least one is there. */
  readonly ipv4: IpAddress | undefined;
  /** Advertised addresses; at least one is there. */
  readonly ipv6: IpAddress | undefined;
  /** Port of both. */
  readonly port: number;
}

/**
 * Which relays are online, and when others have to hear of it.
 *
 * A change is worth an announcement once the set has been stable for a second
 * and differs from what was announced: a relay that comes right back with the
 * same secret and addresses causes none (portal spec §5.2).
 */
export class RelayDirectory {
  readonly #random: RandomSource;
  readonly #online = new Map<string, OnlineRelay>();
  #announced = "";
  #changedAt: Instant | undefined;

  /** Creates an empty directory. */
  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** Adds a relay. Returns the socket of an older one with the same id, which is replaced. */
  join(relay: OnlineRelay, now: Instant): number | undefined {
    const older = this.#online.get(relay.id)?.socket;
    this.#online.set(relay.id, relay);
    this.#changedAt = now;
    return older === relay.socket ? undefined : older;
  }

  /** Removes the relay behind `socket`, if there is one. */
  leave(socket: number, now: Instant): void {
    for (const relay of this.#online.values()) {
      if (relay.socket !== socket) continue;
      this.#online.delete(relay.id);
      this.#changedAt = now;
    }
  }

  /** How many relays are online. */
  get size(): number {
    return this.#online.size;
  }

  /** Tells whether the relay is online. */
  has(id: string): boolean {
    return this.#online.has(id);
  }

  /** Returns up to two relays: those of `assigned` that are online, then random ones. */
  select(assigned: readonly string[]): OnlineRelay[] {
    const selected = assigned.flatMap((id) => this.#online.get(id) ?? []);
    const others = [...this.#online.values()].filter((relay) =>
      !selected.includes(relay)
    );
    while (selected.length < RELAYS_PER_NODE && others.length > 0) {
      const [picked] = others.splice(
        randomBelow(this.#random, others.length),
        1,
      );
      if (picked) selected.push(picked);
    }
    return selected.slice(0, RELAYS_PER_NODE);
  }

  /** When `takeChange` is worth asking next. */
  pollTimeout(): Instant {
    return this.#changedAt === undefined
      ? NEVER
      : after(this.#changedAt, RELAY_DEBOUNCE_MS);
  }

  /** Tells, once for each change, that the online relays differ from those announced. */
  takeChange(now: Instant): boolean {
    if (now < this.pollTimeout()) return false;
    this.#changedAt = undefined;
    const online = this.#fingerprint();
    if (online === this.#announced) return false;
    this.#announced = online;
    return true;
  }

  #fingerprint(): string {
    return [...this.#online.values()].map(({ id, ipv4, ipv6, port }) =>
      `${id} ${ipv4 ? formatIp(ipv4) : "-"} ${
        ipv6 ? formatIp(ipv6) : "-"
      } ${port}`
    ).sort().join("\n");
  }
}

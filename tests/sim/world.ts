import {
  type Ecn,
  equalIps,
  formatIp,
  type Instant,
  instant,
  type IpAddress,
  type SocketAddress,
} from "../../lib/base/mod.ts";
import { SeededRandom } from "../support/random.ts";
import type { SimRouter } from "./sim_router.ts";

/** A datagram between two hosts. */
export interface SimDatagram {
  readonly source: SocketAddress;
  readonly destination: SocketAddress;
  readonly payload: Uint8Array;
  readonly ecn: Ecn;
  /** Whether the sender insisted on its source address. */
  readonly isPinned: boolean;
}

/** Something with addresses that the network delivers to. */
export interface SimHost {
  readonly name: string;
  addresses: readonly IpAddress[];
  handleDatagram(datagram: SimDatagram, now: Instant): void;
  handleTimeout(now: Instant): void;
  pollTimeout(): Instant;
  /** Returns the next datagram to send; `undefined` when there is none. */
  pollDatagram(now: Instant): SimDatagram | undefined;
}

/** What a link does to datagrams. */
export interface Link {
  readonly latencyMs: number;
  /** Up to this much more, at random: datagrams overtake each other. */
  readonly jitterMs: number;
  /** Share of datagrams that vanish, 0 to 1. */
  readonly loss: number;
}

/** Datagrams take 10 ms and none is lost. */
export const GOOD_LINK: Link = { latencyMs: 10, jitterMs: 0, loss: 0 };

/** Nothing arrives. */
export const CUT_LINK: Link = { latencyMs: 10, jitterMs: 0, loss: 1 };

/** An end of a link: a host or a router. */
type Named = Pick<SimHost, "name">;

interface Scheduled {
  readonly at: Instant;
  readonly order: number;
  readonly action: () => void;
}

/** Rounds without progress of the clock after which a host is taken to be in a busy loop. */
const MAX_ROUNDS_PER_INSTANT = 10_000;

/**
 * A network with a virtual clock.
 *
 * Each datagram takes the link between its two hosts; each host is woken
 * exactly when it asked to be. A host behind a router is on the internet as
 * far as that lets it, and links end at the router. Everything random comes
 * from one seed.
 */
export class World {
  readonly random: SeededRandom;
  /** All datagrams that were put on a link, for assertions about what is sent. */
  readonly sent: SimDatagram[] = [];
  /** Datagrams that vanish on top of what links lose. */
  dropIf: (datagram: SimDatagram) => boolean = () => false;
  readonly #hosts: SimHost[] = [];
  readonly #hostOf = new Map<string, SimHost>();
  readonly #routers: SimRouter[] = [];
  readonly #routerOf = new Map<SimHost, SimRouter>();
  readonly #links = new Map<string, Link>();
  #scheduled: Scheduled[] = [];
  #order = 0;
  #now = instant(1_000_000);
  #defaultLink: Link = GOOD_LINK;

  constructor({ seed }: { readonly seed: number }) {
    this.random = new SeededRandom(seed);
  }

  get now(): Instant {
    return this.#now;
  }

  /** Connects a host to the internet, or to the inside of a router. */
  add<Host extends SimHost>(host: Host, behind?: SimRouter): Host {
    this.#hosts.push(host);
    if (behind) {
      behind.attach(host);
      this.#routerOf.set(host, behind);
    }
    this.#announce(host);
    return host;
  }

  /** Connects a router to the internet. */
  addRouter(router: SimRouter): SimRouter {
    this.#routers.push(router);
    return router;
  }

  /** Sets what all links do that were not set one by one. */
  setDefaultLink(link: Link): void {
    this.#defaultLink = link;
  }

  /** Sets what the link between two hosts does, both ways. */
  setLink(a: Named, b: Named, link: Link): void {
    this.#links.set(linkKey(a, b), link);
    this.#links.set(linkKey(b, a), link);
  }

  /** Gives a host other addresses in place of its own, as when it roams. */
  move(host: SimHost, addresses: readonly IpAddress[]): void {
    for (const ip of host.addresses) this.#hostOf.delete(formatIp(ip));
    host.addresses = addresses;
    this.#announce(host);
  }

  /** Runs `action` after `delayMs`. */
  schedule(delayMs: number, action: () => void): void {
    const at = instant(this.#now + delayMs);
    this.#scheduled.push({ at, order: this.#order++, action });
  }

  /** Lets `ms` of virtual time pass. */
  advance(ms: number): void {
    const end = instant(this.#now + ms);
    let rounds = 0;
    while (true) {
      this.#drainHosts();
      const next = Math.max(this.#now, this.#nextAt());
      if (next > end) break;
      rounds = next > this.#now ? 0 : rounds + 1;
      if (rounds > MAX_ROUNDS_PER_INSTANT) {
        throw new Error("A host never rests");
      }
      this.#now = instant(next);
      this.#runDue();
    }
    this.#now = end;
  }

  /** Lets time pass until `condition` holds, at most `limitMs`. Returns how long it took, or `undefined`. */
  advanceUntil(condition: () => boolean, limitMs: number): number | undefined {
    const start = this.#now;
    while (this.#now - start < limitMs) {
      if (condition()) return this.#now - start;
      this.advance(10);
    }
    return condition() ? this.#now - start : undefined;
  }

  #nextAt(): number {
    let next = Infinity;
    for (const { at } of this.#scheduled) next = Math.min(next, at);
    for (const host of this.#hosts) next = Math.min(next, host.pollTimeout());
    return next;
  }

  #runDue(): void {
    const now = this.#now;
    const due = this.#scheduled.filter(({ at }) => at <= now)
      .sort((a, b) => a.at - b.at || a.order - b.order);
    this.#scheduled = this.#scheduled.filter(({ at }) => at > now);
    for (const { action } of due) {
      action();
      this.#drainHosts();
    }
    for (const host of this.#hosts) {
      if (host.pollTimeout() <= now) host.handleTimeout(now);
    }
  }

  #drainHosts(): void {
    for (const host of this.#hosts) {
      for (
        let datagram = host.pollDatagram(this.#now);
        datagram;
        datagram = host.pollDatagram(this.#now)
      ) this.#transmit(host, datagram);
    }
  }

  #announce(host: SimHost): void {
    if (this.#routerOf.has(host)) return;
    for (const ip of host.addresses) this.#hostOf.set(formatIp(ip), host);
  }

  #transmit(from: SimHost, datagram: SimDatagram): void {
    const router = this.#routerOf.get(from);
    if (!router) return this.#crossInternet(from, datagram);
    const neighbour = router.neighbour(datagram.destination.ip);
    if (neighbour) {
      return this.#carry(
        [from, neighbour],
        datagram,
        () => neighbour.handleDatagram(datagram, this.#now),
      );
    }
    const left = router.letOut(datagram, this.#now);
    if (left) this.#crossInternet(router, left);
  }

  #crossInternet(from: Named, datagram: SimDatagram): void {
    const { ip } = datagram.destination;
    const host = this.#hostOf.get(formatIp(ip));
    const router = this.#routers.find((router) => router.answersFor(ip));
    this.#carry([from, host ?? router], datagram, () => {
      if (host) host.handleDatagram(datagram, this.#now);
      else router?.letIn(datagram, this.#now);
    });
  }

  #carry(
    [from, to]: readonly [Named, Named | undefined],
    datagram: SimDatagram,
    deliver: () => void,
  ): void {
    this.sent.push(datagram);
    if (!to || this.dropIf(datagram)) return;
    const link = this.#links.get(linkKey(from, to)) ?? this.#defaultLink;
    if (this.#unit() < link.loss) return;
    const delayMs = link.latencyMs + this.#unit() * link.jitterMs;
    this.schedule(delayMs, deliver);
  }

  #unit(): number {
    const bytes = new Uint8Array(4);
    this.random.fill(bytes);
    return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
  }
}

/** Tells whether a host has this address. */
export function hasAddress(host: SimHost, ip: IpAddress): boolean {
  return host.addresses.some((own) => equalIps(own, ip));
}

function linkKey(from: Named, to: Named): string {
  return `${from.name} > ${to.name}`;
}

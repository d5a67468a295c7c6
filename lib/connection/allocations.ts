import {
  type Datagram,
  earlier,
  equalSocketAddresses,
  formatIp,
  type Instant,
  type IpAddress,
  type Logger,
  NEVER,
  Queue,
  type RandomSource,
  type SocketAddress,
  type Transmit,
} from "../base/mod.ts";
import { Allocation, type LocalCandidate } from "../turn/mod.ts";
import type { StunView } from "../wire/mod.ts";
import { sampleByRoundTrip } from "./relay_sampling.ts";

/** One relay as the portal describes it, its addresses merged by id. */
export interface RelayConfig {
  /** The portal's name for it. */
  readonly id: string;
  /** Its IPv4 address, if it has one. */
  readonly ipv4?: SocketAddress | undefined;
  /** Its IPv6 address, if it has one. */
  readonly ipv6?: SocketAddress | undefined;
  /** For TURN. */
  readonly username: string;
  /** For TURN. Secret. */
  readonly password: string;
}

/** A relay in use. Connections hold on to it until it is gone. */
export interface Relay {
  /** What the portal said. */
  readonly config: RelayConfig;
  /** What we have there. */
  readonly allocation: Allocation;
}

/** How far the relays are: there is none, none has answered yet, or one can be used. */
export type RelayReadiness = "none" | "unanswered" | "usable";

/** What connections have to know about relays. */
export type AllocationsEvent =
  | {
    readonly kind: "candidate-added" | "candidate-removed";
    readonly relay: Relay;
    readonly candidate: LocalCandidate;
  }
  | { readonly kind: "relay-gone"; readonly relay: Relay }
  | { readonly kind: "no-relays" };

/** A change of the set of relays. */
export interface RelayUpdate {
  /** Ids of relays that are gone. Taken first. */
  readonly removed: readonly string[];
  /** Relays that are there, known or not. */
  readonly upserted: readonly RelayConfig[];
}

/** Most IP addresses of former relays remembered, p2p spec §4.9. The oldest is forgotten. */
const MAX_FORMER_ADDRESSES = 64;

/** Most events that wait to be polled. */
const EVENT_LIMIT = 1024;

/** The relays of a node, p2p spec §4.9: which there are, which is good, and what became of each. */
export class Allocations {
  readonly #random: RandomSource;
  readonly #log: Logger;
  readonly #relays: Relay[] = [];
  /** IP addresses as text, oldest first. */
  readonly #formerAddresses = new Set<string>();
  readonly #events = new Queue<AllocationsEvent>(EVENT_LIMIT);

  /** Creates an empty set. */
  constructor(random: RandomSource, log: Logger) {
    this.#random = random;
    this.#log = log;
  }

  /** The relays in use. */
  get relays(): readonly Relay[] {
    return this.#relays;
  }

  /**
   * Takes a change of the set from the portal.
   *
   * A relay that is listed again unchanged is left alone; one whose credentials
   * or addresses changed is replaced; one that is not listed has to prove itself.
   */
  update({ removed, upserted }: RelayUpdate, now: Instant): void {
    const hadRelays = this.#relays.length > 0;
    for (const id of removed) this.#removeById(id);
    for (const config of upserted) this.#upsert(config, now);
    if (hadRelays) this.#reportIfNoneIsLeft();

    const listed = new Set(upserted.map(({ id }) => id));
    for (const { config, allocation } of this.#relays) {
      if (!listed.has(config.id)) allocation.refresh(now);
    }
    this.#collect();
  }

  /** Whether `sample` would find a relay. Allocates nothing. */
  get readiness(): RelayReadiness {
    for (const { allocation } of this.#relays) {
      if (allocation.roundTripMs !== undefined) return "usable";
    }
    return this.#relays.length === 0 ? "none" : "unanswered";
  }

  /** Begins anew at each relay, as when the node moved to another network, p2p spec §1.9. Addresses of before are not taken back. */
  restart(now: Instant): void {
    for (const [i, former] of this.#relays.entries()) {
      this.#relays[i] = this.#relayOf(former.config, now);
      this.#events.push({ kind: "relay-gone", relay: former });
    }
  }

  /** Has all relays tell at once who we are to them, and whether they still know us. */
  verify(now: Instant): void {
    for (const { allocation } of this.#relays) allocation.verify(now);
  }

  /** Picks a relay for a connection among those that are fast enough, or `undefined` when none has answered yet. */
  sample(): Relay | undefined {
    return sampleByRoundTrip(
      this.#relays,
      ({ allocation }) => allocation.roundTripMs,
      this.#random,
    );
  }

  /** Returns the host and server-reflexive candidates of all relays. */
  sharedCandidates(): LocalCandidate[] {
    return this.#relays.flatMap(({ allocation }) =>
      allocation.candidates().filter(({ kind }) => kind !== "relay")
    );
  }

  /** Returns the relay that a datagram from port 3478 comes from. Allocates nothing. */
  senderOf(datagram: Datagram): Relay | undefined {
    for (const relay of this.#relays) {
      const { ipv4, ipv6 } = relay.config;
      if (ipv4 !== undefined && datagram.isFrom(ipv4)) return relay;
      if (ipv6 !== undefined && datagram.isFrom(ipv6)) return relay;
    }
    return undefined;
  }

  /** Tells whether a relay that we no longer use had this address. */
  isFormer(ip: IpAddress): boolean {
    return this.#formerAddresses.size > 0 &&
      this.#formerAddresses.has(formatIp(ip));
  }

  /** Handles a STUN message from a relay. */
  handleStun(
    relay: Relay,
    source: SocketAddress,
    local: SocketAddress,
    stun: StunView,
    now: Instant,
  ): void {
    relay.allocation.handleDatagram(source, local, stun, now);
    this.#collect();
  }

  /** Advances all relays to `now`. */
  handleTimeout(now: Instant): void {
    for (const { allocation } of this.#relays) allocation.handleTimeout(now);
    this.#collect();
  }

  /** When `handleTimeout` has something to do. */
  pollTimeout(): Instant {
    let due = NEVER;
    for (const { allocation } of this.#relays) {
      due = earlier(due, allocation.pollTimeout());
    }
    return due;
  }

  /** Returns the next datagram to a relay. */
  pollTransmit(): Transmit | undefined {
    for (const { allocation } of this.#relays) {
      const transmit = allocation.pollTransmit();
      if (transmit) return transmit;
    }
    return undefined;
  }

  /** Returns the next event. */
  pollEvent(): AllocationsEvent | undefined {
    this.#collect();
    return this.#events.shift();
  }

  #upsert(config: RelayConfig, now: Instant): void {
    const known = this.#relays.find((relay) => relay.config.id === config.id);
    if (known && isSameRelay(known.config, config)) return;
    if (known) this.#remove(known);
    if (!config.ipv4 && !config.ipv6) return;
    for (const relay of this.#relays.filter(sharesAddressWith(config))) {
      this.#remove(relay);
    }

    const relay = this.#relayOf(config, now);
    this.#relays.push(relay);
    for (const address of relay.allocation.addresses()) {
      this.#formerAddresses.delete(formatIp(address.ip));
    }
  }

  #relayOf(config: RelayConfig, now: Instant): Relay {
    const log = this.#log;
    const random = this.#random;
    const allocation = new Allocation({ ...config, now, random, log });
    return { config, allocation };
  }

  #removeById(id: string): void {
    const relay = this.#relays.find(({ config }) => config.id === id);
    if (relay) this.#remove(relay);
  }

  #remove(relay: Relay): void {
    const { allocation, config } = relay;
    this.#relays.splice(this.#relays.indexOf(relay), 1);
    for (const address of allocation.addresses()) {
      this.#rememberFormer(address.ip);
    }
    for (const candidate of allocation.candidates()) {
      if (candidate.kind !== "relay") continue;
      this.#events.push({ kind: "candidate-removed", relay, candidate });
    }
    this.#events.push({ kind: "relay-gone", relay });
    this.#log.log("debug", "Relay removed", { relay: config.id });
  }

  #reportIfNoneIsLeft(): void {
    if (this.#relays.length === 0) this.#events.push({ kind: "no-relays" });
  }

  #rememberFormer(ip: IpAddress): void {
    const text = formatIp(ip);
    this.#formerAddresses.delete(text);
    this.#formerAddresses.add(text);
    if (this.#formerAddresses.size <= MAX_FORMER_ADDRESSES) return;
    const [oldest] = this.#formerAddresses;
    if (oldest !== undefined) this.#formerAddresses.delete(oldest);
  }

  /** Takes over what the allocations report, and drops those that failed. */
  #collect(): void {
    for (let i = this.#relays.length - 1; i >= 0; i--) {
      const relay = this.#relays[i];
      if (relay) this.#collectFrom(relay);
    }
  }

  #collectFrom(relay: Relay): void {
    const { allocation, config } = relay;
    for (let e = allocation.pollEvent(); e; e = allocation.pollEvent()) {
      if (e.kind !== "failed") {
        this.#events.push({ ...e, relay });
        continue;
      }
      const { reason } = e;
      this.#log.log("info", "Relay failed", { relay: config.id, reason });
      this.#remove(relay);
      this.#reportIfNoneIsLeft();
      return;
    }
  }
}

function isSameRelay(a: RelayConfig, b: RelayConfig): boolean {
  return a.username === b.username && a.password === b.password &&
    isSameAddress(a.ipv4, b.ipv4) && isSameAddress(a.ipv6, b.ipv6);
}

/** An address is one relay: whoever had it before was restarted, and the portal may have been away when it was. */
function sharesAddressWith({ ipv4, ipv6 }: RelayConfig) {
  return ({ config }: Relay): boolean =>
    (ipv4 !== undefined && isSameAddress(ipv4, config.ipv4)) ||
    (ipv6 !== undefined && isSameAddress(ipv6, config.ipv6));
}

function isSameAddress(
  a: SocketAddress | undefined,
  b: SocketAddress | undefined,
): boolean {
  return a && b ? equalSocketAddresses(a, b) : a === b;
}

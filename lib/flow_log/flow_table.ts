import {
  equalSocketAddresses,
  finishHash,
  type Instant,
  ipEqualsBytes,
  mixAddress,
  mixWord,
} from "../base/mod.ts";
import type { IpPacketView } from "../wire/mod.ts";
import { REORDER_INTERVAL_MS } from "./constants.ts";
import { type Flow, type FlowOwner, portsOf } from "./flow.ts";

/**
 * The open flows, found by their packets, and in the order of their last activity.
 *
 * The addresses and ports of a packet are hashed with a secret seed, since
 * clients choose them. Looking up and touching a flow allocate nothing.
 */
export class FlowTable {
  readonly #seed: number;
  readonly #chains = new Map<number, Flow>();
  #size = 0;
  #oldest: Flow | undefined;
  #newest: Flow | undefined;
  /** What the last two look-ups found: packets of one flow come in bursts. */
  #recentInbound: Flow | undefined;
  #recentOutbound: Flow | undefined;

  /** Creates an empty table. `seed` is a random 32-bit number. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The number of flows. */
  get size(): number {
    return this.#size;
  }

  /** The flow that was active longest ago, give or take `REORDER_INTERVAL_MS`. */
  get oldest(): Flow | undefined {
    return this.#oldest;
  }

  /** Returns the first flow with the packet's addresses and ports, whoever owns it. */
  first(packet: IpPacketView, inbound: boolean): Flow | undefined {
    const ports = portsOf(packet, inbound);
    const recent = inbound ? this.#recentInbound : this.#recentOutbound;
    if (recent !== undefined && isOf(recent, packet, inbound, ports)) {
      return recent;
    }
    let flow = this.#chains.get(this.#hash(packet, inbound, ports));
    while (flow !== undefined && !isOf(flow, packet, inbound, ports)) {
      flow = flow.nextInChain;
    }
    if (inbound) this.#recentInbound = flow;
    else this.#recentOutbound = flow;
    return flow;
  }

  /** Returns the flow of `owner` with the packet's addresses and ports. */
  find(packet: IpPacketView, owner: FlowOwner): Flow | undefined {
    let flow = this.first(packet, false);
    while (flow !== undefined && !isOwnedBy(flow, owner)) {
      flow = nextWithSameEnds(flow);
    }
    return flow;
  }

  /** Adds the flow of an outbound packet. */
  add(flow: Flow, packet: IpPacketView, now: Instant): void {
    this.#forgetRecent();
    flow.hash = this.#hash(packet, false, flow.ports);
    flow.nextInChain = this.#chains.get(flow.hash);
    this.#chains.set(flow.hash, flow);
    this.#append(flow, now);
    this.#size++;
  }

  /** Keeps the idle order after a packet of the flow. */
  touch(flow: Flow, now: Instant): void {
    if (now - flow.orderedAt < REORDER_INTERVAL_MS) return;
    this.#unlink(flow);
    this.#append(flow, now);
  }

  /** Removes a flow of this table. */
  remove(flow: Flow): void {
    this.#forgetRecent();
    this.#unchain(flow);
    this.#unlink(flow);
    this.#size--;
  }

  #forgetRecent(): void {
    this.#recentInbound = undefined;
    this.#recentOutbound = undefined;
  }

  #unchain(flow: Flow): void {
    const { hash, nextInChain } = flow;
    let before = this.#chains.get(hash);
    if (before === flow) {
      if (nextInChain === undefined) this.#chains.delete(hash);
      else this.#chains.set(hash, nextInChain);
    } else {
      while (before !== undefined && before.nextInChain !== flow) {
        before = before.nextInChain;
      }
      if (before !== undefined) before.nextInChain = nextInChain;
    }
    flow.nextInChain = undefined;
  }

  #append(flow: Flow, now: Instant): void {
    flow.orderedAt = now;
    flow.older = this.#newest;
    flow.newer = undefined;
    if (this.#newest === undefined) this.#oldest = flow;
    else this.#newest.newer = flow;
    this.#newest = flow;
  }

  #unlink(flow: Flow): void {
    const { older, newer } = flow;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    flow.older = undefined;
    flow.newer = undefined;
  }

  #hash(packet: IpPacketView, inbound: boolean, ports: number): number {
    const { bytes, addressLength: length, sourceAt, destinationAt } = packet;
    let hash = this.#seed ^ packet.protocol;
    const client = inbound ? destinationAt : sourceAt;
    const resource = inbound ? sourceAt : destinationAt;
    hash = mixAddress(hash, bytes, client, length);
    hash = mixAddress(hash, bytes, resource, length);
    return finishHash(mixWord(hash, ports));
  }
}

/** Tells whether the flow belongs to the same client and resource. A renewed authorization goes on with its flows. */
export function isOwnedBy(flow: Flow, owner: FlowOwner): boolean {
  return flow.owner === owner ||
    (flow.owner.clientId === owner.clientId &&
      flow.owner.resourceId === owner.resourceId);
}

/** Returns the next flow with the same addresses and ports as `flow`, of another owner. */
export function nextWithSameEnds(flow: Flow): Flow | undefined {
  let candidate = flow.nextInChain;
  while (candidate !== undefined && !haveSameEnds(candidate, flow)) {
    candidate = candidate.nextInChain;
  }
  return candidate;
}

function haveSameEnds(a: Flow, b: Flow): boolean {
  return a.protocol === b.protocol &&
    equalSocketAddresses(a.source, b.source) &&
    equalSocketAddresses(a.destination, b.destination);
}

/** Tells whether a packet with these ports belongs to the flow, as far as it shows. */
function isOf(
  { protocol, ports, source, destination }: Flow,
  packet: IpPacketView,
  inbound: boolean,
  packetPorts: number,
): boolean {
  if (ports !== packetPorts || protocol !== packet.protocol) return false;
  const { bytes, sourceAt, destinationAt } = packet;
  return source.ip.family === packet.version &&
    ipEqualsBytes(source.ip, bytes, inbound ? destinationAt : sourceAt) &&
    ipEqualsBytes(destination.ip, bytes, inbound ? sourceAt : destinationAt);
}

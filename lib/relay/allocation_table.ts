import {
  after,
  Deadlines,
  type Instant,
  type IpFamily,
  Queue,
  randomBelow,
  type RandomSource,
  randomU32,
  type SocketAddress,
} from "../base/mod.ts";
import type { ClientTable, RelayClient } from "./client_table.ts";
import {
  CHANNEL_COOLDOWN_MS,
  CHANNEL_LIFETIME_MS,
  EVENT_LIMIT,
  MAX_CHANNELS,
  MAX_CHANNELS_PER_ALLOCATION,
} from "./constants.ts";
import { RelayAllocation, type RelayChannel } from "./relay_allocation.ts";

/** What the shell has to do: a port of an allocation is one UDP socket for each family. */
export type RelayServerEvent = {
  readonly kind: "open-port" | "close-port";
  readonly port: number;
};

/** What became of a CHANNEL-BIND. */
export type BindOutcome = "bound" | "conflict" | "full";

/** The allocations of a relay and their channels, each until its time is up. At most one allocation for each port and each user name. */
export class AllocationTable {
  readonly #clients: ClientTable;
  readonly #lowestPort: number;
  readonly #portCount: number;
  readonly #random: RandomSource;
  readonly #byPort = new Map<number, RelayAllocation>();
  readonly #byUsername = new Map<string, RelayAllocation>();
  /** Ports that the shell could not open. */
  readonly #unavailable = new Set<number>();
  readonly #deadlines = new Deadlines<RelayAllocation | RelayChannel>();
  readonly #events = new Queue<RelayServerEvent>(EVENT_LIMIT);

  /** Creates an empty table for the ports from `lowestPort` to `highestPort`. */
  constructor(
    clients: ClientTable,
    lowestPort: number,
    highestPort: number,
    random: RandomSource,
  ) {
    this.#clients = clients;
    this.#lowestPort = lowestPort;
    this.#portCount = highestPort - lowestPort + 1;
    this.#random = random;
  }

  /** The number of allocations. */
  get size(): number {
    return this.#byPort.size;
  }

  /** The number of channels, those in cool-down included. */
  get channelCount(): number {
    return this.#deadlines.size - this.#byPort.size;
  }

  /** Whether there is no port left. */
  get isFull(): boolean {
    return this.#byPort.size + this.#unavailable.size >= this.#portCount;
  }

  /** When `expire` has something to do. */
  get dueAt(): Instant {
    return this.#deadlines.next;
  }

  /** Returns the allocation of a port. Allocates nothing. */
  at(port: number): RelayAllocation | undefined {
    return this.#byPort.get(port);
  }

  /** Makes an allocation on a random port, which `isFull` has promised. A former one of the same user name ends. */
  create(
    client: RelayClient,
    username: string,
    families: readonly IpFamily[],
    lifetimeMs: number,
    now: Instant,
  ): RelayAllocation {
    const former = this.#byUsername.get(username);
    const port = this.#freePort();
    if (former) this.delete(former);

    const seed = randomU32(this.#random);
    const dueAt = after(now, lifetimeMs);
    const allocation = new RelayAllocation(
      client,
      username,
      port,
      families,
      dueAt,
      seed,
    );
    this.#byPort.set(port, allocation);
    this.#byUsername.set(username, allocation);
    this.#deadlines.set(allocation, dueAt);
    this.#clients.setAllocation(client, allocation);
    this.#events.push({ kind: "open-port", port });
    return allocation;
  }

  /** Lets an allocation live for `lifetimeMs` from `now` on. */
  extend(allocation: RelayAllocation, lifetimeMs: number, now: Instant): void {
    this.#deadlines.set(allocation, after(now, lifetimeMs));
  }

  /** Ends an allocation and its channels at once. */
  delete(allocation: RelayAllocation): void {
    for (const channel of allocation.channels()) {
      this.#deadlines.remove(channel);
    }
    this.#deadlines.remove(allocation);
    this.#byPort.delete(allocation.port);
    this.#byUsername.delete(allocation.username);
    this.#clients.setAllocation(allocation.client, undefined);
    this.#events.push({ kind: "close-port", port: allocation.port });
  }

  /** Ends all allocations. */
  clear(): void {
    for (const allocation of [...this.#byPort.values()]) {
      this.delete(allocation);
    }
  }

  /** Never gives a port out again, and ends the allocation that has it. */
  excludePort(port: number): void {
    this.#unavailable.add(port);
    const allocation = this.#byPort.get(port);
    if (allocation) this.delete(allocation);
  }

  /** Binds a channel, or binds it again (p2p spec §8.7). */
  bind(
    allocation: RelayAllocation,
    number: number,
    peer: SocketAddress,
    isOwn: boolean,
    now: Instant,
  ): BindOutcome {
    if (allocation.conflicts(number, peer)) return "conflict";
    let channel = allocation.channel(number);
    if (!channel) {
      const isFull = this.channelCount >= MAX_CHANNELS ||
        allocation.channelCount >= MAX_CHANNELS_PER_ALLOCATION;
      if (isFull) return "full";
      channel = {
        kind: "channel",
        allocation,
        number,
        peer,
        isOwn,
        activeUntil: now,
        dueAt: now,
        heapIndex: -1,
      };
      allocation.add(channel);
    }
    channel.activeUntil = after(now, CHANNEL_LIFETIME_MS);
    const dueAt = after(channel.activeUntil, CHANNEL_COOLDOWN_MS);
    this.#deadlines.set(channel, dueAt);
    return "bound";
  }

  /** Ends all allocations, and frees all channels, whose time is up. */
  expire(now: Instant): void {
    let ended = this.#deadlines.takeDue(now);
    while (ended) {
      if (ended.kind === "channel") ended.allocation.remove(ended);
      else this.delete(ended);
      ended = this.#deadlines.takeDue(now);
    }
  }

  /** Returns the next port to open or close. */
  pollEvent(): RelayServerEvent | undefined {
    return this.#events.shift();
  }

  #freePort(): number {
    let offset = randomBelow(this.#random, this.#portCount);
    let port = this.#lowestPort + offset;
    while (this.#byPort.has(port) || this.#unavailable.has(port)) {
      offset = (offset + 1) % this.#portCount;
      port = this.#lowestPort + offset;
    }
    return port;
  }
}

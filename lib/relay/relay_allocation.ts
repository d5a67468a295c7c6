import {
  equalSocketAddresses,
  type Instant,
  type IpFamily,
  type SocketAddress,
  SocketTable,
  type Timed,
} from "../base/mod.ts";
import type { RelayClient } from "./client_table.ts";

/** One channel of an allocation. It is kept for a while after it stops to carry data. */
export interface RelayChannel extends Timed {
  readonly kind: "channel";
  readonly allocation: RelayAllocation;
  /** 0x4000 to 0x7FFF. */
  readonly number: number;
  readonly peer: SocketAddress;
  /** Whether the peer is an address that this relay gives to its clients. */
  readonly isOwn: boolean;
  /** Until when it carries data. */
  activeUntil: Instant;
}

/** A port of ours that belongs to one client. */
export class RelayAllocation implements Timed {
  /** Tells it from a channel. */
  readonly kind = "allocation";
  /** Whose it is. */
  readonly client: RelayClient;
  /** The name it was made under. */
  readonly username: string;
  /** The same port for both families. */
  readonly port: number;
  /** Families of the addresses that the client was given, 4 first. */
  readonly families: readonly IpFamily[];
  /** When it ends. See `Timed`. */
  dueAt: Instant;
  /** See `Timed`. */
  heapIndex = -1;
  readonly #byNumber = new Map<number, RelayChannel>();
  readonly #byPeer: SocketTable<RelayChannel>;

  /** Starts without channels. */
  constructor(
    client: RelayClient,
    username: string,
    port: number,
    families: readonly IpFamily[],
    dueAt: Instant,
    seed: number,
  ) {
    this.client = client;
    this.username = username;
    this.port = port;
    this.families = families;
    this.dueAt = dueAt;
    this.#byPeer = new SocketTable(seed);
  }

  /** The number of channels. */
  get channelCount(): number {
    return this.#byNumber.size;
  }

  /** All channels. */
  channels(): RelayChannel[] {
    return [...this.#byNumber.values()];
  }

  /** Returns the channel with this number. Allocates nothing. */
  channel(number: number): RelayChannel | undefined {
    return this.#byNumber.get(number);
  }

  /** Returns the channel of a peer whose 4 or 16 address bytes are at the start of `ip`. Allocates nothing. */
  channelOf(
    ip: Uint8Array,
    family: IpFamily,
    port: number,
  ): RelayChannel | undefined {
    return this.#byPeer.find(ip, family, port);
  }

  /** Tells whether number or peer belongs to another channel, even to one in its cool-down (p2p spec §8.7). */
  conflicts(number: number, peer: SocketAddress): boolean {
    const ofNumber = this.#byNumber.get(number);
    const ofPeer = this.#byPeer.get(peer);
    return (ofPeer !== undefined && ofPeer.number !== number) ||
      (ofNumber !== undefined && !equalSocketAddresses(ofNumber.peer, peer));
  }

  /** Adds a channel that does not conflict. */
  add(channel: RelayChannel): void {
    this.#byNumber.set(channel.number, channel);
    this.#byPeer.set(channel.peer, channel);
  }

  /** Removes a channel. */
  remove(channel: RelayChannel): void {
    this.#byNumber.delete(channel.number);
    this.#byPeer.delete(channel.peer);
  }
}

import {
  after,
  earlier,
  type Instant,
  NEVER,
  type RandomSource,
  randomU32,
  type SocketAddress,
  SocketTable,
} from "../base/mod.ts";
import { HIGHEST_DATA_CHANNEL, LOWEST_DATA_CHANNEL } from "../wire/mod.ts";
import {
  CHANNEL_LIFETIME_MS,
  CHANNEL_REFRESH_AGE_MS,
  CHANNEL_REUSE_AGE_MS,
} from "./constants.ts";

/** A number and the peer that it stands for. */
export interface ChannelBinding {
  /** 0x4000 to 0x4FFF. */
  readonly channel: number;
  /** Where the relay sends what we send on the channel. */
  readonly peer: SocketAddress;
}

/**
 * The channel numbers of one allocation over their life (p2p spec §4.8).
 *
 * A channel can send from the moment its bind is requested and receive once
 * the bind is confirmed, both for ten minutes after the last bind. Its number
 * belongs to the peer for five more, because the relay keeps it as long.
 * At most 4096 channels; with all of them taken no further peer can be bound.
 */
export class Channels {
  readonly #byNumber = new Map<number, Channel>();
  readonly #byPeer: SocketTable<Channel>;
  #nextNumber = LOWEST_DATA_CHANNEL;
  #dueAt: Instant | undefined = NEVER;

  /** Starts without channels. */
  constructor(random: RandomSource) {
    this.#byPeer = new SocketTable(randomU32(random));
  }

  /** Returns the number on which data for `peer` may be sent, 0 if there is none. Allocates nothing. */
  channelTo(peer: SocketAddress, now: Instant): number {
    const channel = this.#byPeer.get(peer);
    return channel !== undefined && isSendable(channel, now)
      ? channel.number
      : 0;
  }

  /** Returns the peer of a confirmed channel and notes that it is in use. Allocates nothing. */
  peerOf(number: number, now: Instant): SocketAddress | undefined {
    const channel = this.#byNumber.get(number);
    if (channel === undefined || !isConfirmed(channel, now)) return undefined;
    if (!channel.isReceiving) {
      channel.isReceiving = true;
      this.#dueAt = undefined;
    }
    return channel.peer;
  }

  /**
   * Starts a bind for `peer`. Returns what to request.
   *
   * `undefined` when a bind is under way or confirmed, or when all numbers are taken.
   */
  startBind(peer: SocketAddress, now: Instant): ChannelBinding | undefined {
    const known = this.#byPeer.get(peer);
    if (known && (isUnderWay(known) || isConfirmed(known, now))) {
      return undefined;
    }
    return known ? this.#request(known, now) : this.#create(peer, now);
  }

  /** Starts to bind one channel again that is in use and half through its life, if there is one. */
  startRefresh(now: Instant): ChannelBinding | undefined {
    if (now < this.dueAt) return undefined;
    for (const channel of this.#byNumber.values()) {
      if (refreshAt(channel) <= now) return this.#request(channel, now);
    }
    return undefined;
  }

  /** When `startRefresh` has something to return. */
  get dueAt(): Instant {
    this.#dueAt ??= this.#earliestRefresh();
    return this.#dueAt;
  }

  /** Notes that the relay has bound a channel. */
  confirm(number: number, now: Instant): void {
    const channel = this.#byNumber.get(number);
    if (!channel) return;
    channel.requestedAt = NEVER;
    channel.boundAt = now;
    channel.isReceiving = false;
    this.#dueAt = undefined;
  }

  /** Gives up a channel that the relay refused to bind. */
  forget(number: number): void {
    const channel = this.#byNumber.get(number);
    if (!channel) return;
    this.#byNumber.delete(number);
    this.#byPeer.delete(channel.peer);
    this.#dueAt = undefined;
  }

  /** Gives up all channels: the relay has lost the allocation. Numbers go on from where they were. */
  clear(): void {
    for (const number of [...this.#byNumber.keys()]) this.forget(number);
  }

  #create(peer: SocketAddress, now: Instant): ChannelBinding | undefined {
    const number = this.#freeNumber(now);
    if (number === undefined) return undefined;

    this.forget(number);
    this.#nextNumber = following(number);
    const channel: Channel = {
      number,
      peer,
      requestedAt: now,
      boundAt: undefined,
      isReceiving: false,
    };
    this.#byNumber.set(number, channel);
    this.#byPeer.set(peer, channel);
    return this.#request(channel, now);
  }

  #request(channel: Channel, now: Instant): ChannelBinding {
    channel.requestedAt = now;
    this.#dueAt = undefined;
    return { channel: channel.number, peer: channel.peer };
  }

  /** Returns the next number that was never used, else the next one that has rested long enough. */
  #freeNumber(now: Instant): number | undefined {
    let rested: number | undefined;
    let number = this.#nextNumber;
    do {
      const channel = this.#byNumber.get(number);
      if (!channel) return number;
      if (rested === undefined && isReusable(channel, now)) rested = number;
      number = following(number);
    } while (number !== this.#nextNumber);
    return rested;
  }

  #earliestRefresh(): Instant {
    let dueAt = NEVER;
    for (const channel of this.#byNumber.values()) {
      dueAt = earlier(dueAt, refreshAt(channel));
    }
    return dueAt;
  }
}

interface Channel {
  readonly number: number;
  readonly peer: SocketAddress;
  /** When the bind that is under way was requested, `NEVER` if none is. */
  requestedAt: Instant;
  /** When the relay last confirmed a bind. */
  boundAt: Instant | undefined;
  /** Whether anything arrived since then. */
  isReceiving: boolean;
}

function isUnderWay(channel: Channel): boolean {
  return channel.requestedAt !== NEVER;
}

function isConfirmed(channel: Channel, now: Instant): boolean {
  return channel.boundAt !== undefined &&
    now - channel.boundAt < CHANNEL_LIFETIME_MS;
}

function isSendable(channel: Channel, now: Instant): boolean {
  return isConfirmed(channel, now) ||
    (isUnderWay(channel) && now - channel.requestedAt < CHANNEL_LIFETIME_MS);
}

function isReusable(channel: Channel, now: Instant): boolean {
  return !isUnderWay(channel) && channel.boundAt !== undefined &&
    now - channel.boundAt >= CHANNEL_REUSE_AGE_MS;
}

function refreshAt(channel: Channel): Instant {
  const { boundAt, isReceiving } = channel;
  if (boundAt === undefined || !isReceiving || isUnderWay(channel)) {
    return NEVER;
  }
  return after(boundAt, CHANNEL_REFRESH_AGE_MS);
}

function following(number: number): number {
  return number === HIGHEST_DATA_CHANNEL ? LOWEST_DATA_CHANNEL : number + 1;
}

import type { Instant } from "../base/mod.ts";
import {
  type Selector,
  SELECTOR_TCP,
  selectorKind,
  selectorValue,
  TCP_FIN,
  TCP_RST,
} from "../wire/mod.ts";
import { AddressMemo } from "./address_memo.ts";
import { NO_SLOT } from "./slot_index.ts";
import { carryOver, SlotPool } from "./slot_pool.ts";
import { SlotQueue } from "./slot_queue.ts";
import { TupleIndex } from "./tuple_index.ts";
import { NO_VALUE, UsedValues } from "./used_values.ts";
import { ValueSpaces } from "./value_spaces.ts";

/** Silence in both directions that ends a session, data-plane spec §1.3. */
const TCP_IDLE_MS = 7_440_000;
const OTHER_IDLE_MS = 120_000;
/** Time without an answer that ends a session, from the last packet sent. */
const UNANSWERED_MS = 60_000;
/** How long a session goes on after both sides said FIN. */
const FINISHED_MS = 5_000;

/**
 * Sessions of one client at a time. Our own choice.
 *
 * Enough to use up every port of one protocol at one address. With as many
 * past ones, all between addresses of their own, a table takes about 16 MB.
 */
const MAX_SESSIONS = 65_536;

/**
 * Tuples of past sessions that are remembered, and for how long. Our own choice.
 *
 * Deviation: data-plane spec §8.3 has no bound, §22.8 allows one. Who still
 * believes in a session after the longest idle time has not used it for that
 * long. When there are too many, the oldest one is the least likely to be
 * met again.
 */
const MAX_EXPIRED = 65_536;
const EXPIRED_MS = TCP_IDLE_MS;

/**
 * Sessions that one run of housekeeping ends or forgets at most. Our own choice.
 *
 * Looking at a full table takes a fraction of a millisecond, ending all of it
 * several, for which packets of all clients would wait. This many take about
 * as long as the look.
 */
const MAX_CHANGES_PER_RUN = 4_096;

/** Slots of a fresh table. */
const INITIAL_CAPACITY = 16;

/**
 * From how many tuples at one address on, and down to how many, used values are kept as a bitmap.
 *
 * With fewer, looking for an unused value takes at most that many look-ups;
 * with the bitmap, at most 2048 words. The bitmap costs 8 KiB, so the second
 * number bounds how many there are.
 */
const CROWDED_FROM = 512;
const CROWDED_UNTIL = 256;

/** State of a slot. A free one has none of them. */
const LIVE = 0x01;
const EXPIRED = 0x02;
const IS_TCP = 0x04;
const FIN_SENT = 0x08;
const FIN_RECEIVED = 0x10;
const FINISHED = FIN_SENT | FIN_RECEIVED;
const RESET = 0x20;

/** When a packet was received that never was. */
const NOT_YET = -Infinity;

const LAST_VALUE = 0xffff;

/**
 * The sessions of one client's NAT and the tuples of past ones, in slots (data-plane spec §8.3).
 *
 * Inside is the pair of the client's selector and a proxy address, outside
 * that of the selector as the resource sees it and its real address. A live
 * slot has both. An expired one has only the outside, until that is allocated
 * again or forgotten. Nothing allocates but growth, which doubles the table,
 * and the bitmap of an address that becomes crowded.
 */
export class NatSessions {
  readonly #pool = new SlotPool(INITIAL_CAPACITY);
  readonly #proxies: ValueSpaces;
  readonly #reals: ValueSpaces;
  readonly #inside: TupleIndex;
  readonly #outside: TupleIndex;
  readonly #expired = new SlotQueue(INITIAL_CAPACITY);
  /** The used values of crowded spaces of `#reals`. */
  readonly #used = new Map<number, UsedValues>();
  /** What the last look-ups found, as long as no tuple comes or goes: packets come in runs. */
  readonly #lastInside = new AddressMemo(NO_SLOT);
  readonly #lastOutside = new AddressMemo(NO_SLOT);
  #flags = new Uint8Array(INITIAL_CAPACITY);
  /** When the last packet was sent. Of an expired slot: when it expired. */
  #sentAt = new Float64Array(INITIAL_CAPACITY);
  #receivedAt = new Float64Array(INITIAL_CAPACITY);
  #size = 0;
  /** Where the next run of `expire` begins. */
  #expireFrom = 0;

  /** Creates an empty table. `seed` is a random 32-bit number. */
  constructor(seed: number) {
    this.#proxies = new ValueSpaces(seed, INITIAL_CAPACITY);
    this.#reals = new ValueSpaces(seed, INITIAL_CAPACITY);
    this.#inside = new TupleIndex(seed, INITIAL_CAPACITY);
    this.#outside = new TupleIndex(seed, INITIAL_CAPACITY);
  }

  /** The number of sessions. */
  get size(): number {
    return this.#size;
  }

  /** The number of tuples of past sessions. */
  get expiredCount(): number {
    return this.#expired.size;
  }

  /** Whether there is no room for another session. */
  get isFull(): boolean {
    return this.#size === MAX_SESSIONS;
  }

  /** Whether it has grown, and needs nothing of that any more. */
  get isSpent(): boolean {
    return this.#size === 0 && this.#expired.size === 0 &&
      this.#pool.capacity > INITIAL_CAPACITY;
  }

  /** The bytes that `proxyAt` points into. */
  get proxyAddresses(): Uint8Array {
    return this.#proxies.addresses;
  }

  /** The bytes that `realAt` points into. */
  get realAddresses(): Uint8Array {
    return this.#reals.addresses;
  }

  /** Returns where the proxy address of a session is. */
  proxyAt(slot: number): number {
    return this.#proxies.addressAt(this.#inside.spaceOf(slot));
  }

  /** Returns where the real address of a session is. */
  realAt(slot: number): number {
    return this.#reals.addressAt(this.#outside.spaceOf(slot));
  }

  /** Returns the port or identifier that the client uses. */
  insideValue(slot: number): number {
    return this.#inside.valueOf(slot);
  }

  /** Returns the port or identifier that the resource sees. */
  outsideValue(slot: number): number {
    return this.#outside.valueOf(slot);
  }

  /** Tells whether a slot that `findOutside` returned is of a past session. */
  isExpired(slot: number): boolean {
    return (this.#flags[slot]! & EXPIRED) !== 0;
  }

  /** Returns the session of a client's selector and the proxy address at `bytes[at…]`, or `NO_SLOT`. */
  findInside(
    selector: Selector,
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
  ): number {
    const memo = this.#lastInside;
    if (memo.isAbout(version, bytes, at, selector)) return memo.answer;
    const kind = selectorKind(selector);
    const space = this.#proxies.find(kind, version, bytes, at);
    const slot = space === NO_SLOT
      ? NO_SLOT
      : this.#inside.find(space, selectorValue(selector));
    memo.remember(version, bytes, at, selector, slot);
    return slot;
  }

  /** Returns the session, live or past, of a selector as the resource sees it and its address at `bytes[at…]`, or `NO_SLOT`. */
  findOutside(
    selector: Selector,
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
  ): number {
    const memo = this.#lastOutside;
    if (memo.isAbout(version, bytes, at, selector)) return memo.answer;
    const kind = selectorKind(selector);
    const space = this.#reals.find(kind, version, bytes, at);
    const slot = space === NO_SLOT
      ? NO_SLOT
      : this.#outside.find(space, selectorValue(selector));
    memo.remember(version, bytes, at, selector, slot);
    return slot;
  }

  /**
   * Opens a session from the proxy address at `bytes[at…]` to the real address at the start of `real`.
   *
   * Returns its slot, or `NO_SLOT` if all values at the real address are used.
   * The caller has checked that the inside is unknown and the table not full.
   */
  open(
    selector: Selector,
    version: 4 | 6,
    bytes: Uint8Array,
    at: number,
    real: Uint8Array,
    now: Instant,
  ): number {
    const kind = selectorKind(selector);
    const slot = this.#claimOutside(
      kind,
      selectorValue(selector),
      version,
      real,
    );
    if (slot === NO_SLOT) return NO_SLOT;

    this.#forgetLookUps();
    const proxy = this.#proxies.acquire(kind, version, bytes, at);
    this.#inside.insert(slot, proxy, selectorValue(selector));
    this.#flags[slot] = kind === SELECTOR_TCP ? LIVE | IS_TCP : LIVE;
    this.#sentAt[slot] = now;
    this.#receivedAt[slot] = NOT_YET;
    this.#size++;
    return slot;
  }

  /** Takes note of a packet that the client sent. `tcpFlags` is 0 for other protocols. */
  noteSent(slot: number, tcpFlags: number, now: Instant): void {
    this.#sentAt[slot] = now;
    this.#noteFlags(slot, tcpFlags, FIN_SENT);
  }

  /** Takes note of a packet, or an error about one, that the client receives. */
  noteReceived(slot: number, tcpFlags: number, now: Instant): void {
    this.#receivedAt[slot] = now;
    this.#noteFlags(slot, tcpFlags, FIN_RECEIVED);
  }

  /**
   * Ends the sessions whose time is over, and forgets past ones that are too old.
   *
   * Returns `false` if there were too many for one run. The next one goes on
   * where this one stopped.
   */
  expire(now: Instant): boolean {
    let left = MAX_CHANGES_PER_RUN;
    const { used } = this.#pool;
    for (; this.#expireFrom < used; this.#expireFrom++) {
      const slot = this.#expireFrom;
      if ((this.#flags[slot]! & LIVE) === 0) continue;
      if (this.#endOf(slot) > now) continue;
      if (left-- === 0) return false;
      this.#end(slot, now);
    }
    let oldest = this.#expired.first;
    while (oldest !== NO_SLOT && this.#sentAt[oldest]! + EXPIRED_MS <= now) {
      if (left-- === 0) return false;
      this.#forget(oldest);
      oldest = this.#expired.first;
    }
    this.#expireFrom = 0;
    return true;
  }

  /** Returns when a session ends, data-plane spec §8.3. */
  #endOf(slot: number): number {
    const flags = this.#flags[slot]!;
    const sentAt = this.#sentAt[slot]!;
    const receivedAt = this.#receivedAt[slot]!;
    const last = Math.max(sentAt, receivedAt);
    if ((flags & RESET) !== 0) return last;
    if ((flags & FINISHED) === FINISHED) return last + FINISHED_MS;
    if (receivedAt === NOT_YET) return sentAt + UNANSWERED_MS;
    return last + ((flags & IS_TCP) === 0 ? OTHER_IDLE_MS : TCP_IDLE_MS);
  }

  #end(slot: number, now: Instant): void {
    if (this.#expired.size === MAX_EXPIRED) this.#forget(this.#expired.first);
    this.#forgetLookUps();
    this.#proxies.release(this.#inside.spaceOf(slot));
    this.#inside.remove(slot);
    this.#used.get(this.#outside.spaceOf(slot))
      ?.delete(this.#outside.valueOf(slot));
    this.#flags[slot] = EXPIRED;
    this.#sentAt[slot] = now;
    this.#expired.push(slot);
    this.#size--;
  }

  #forget(slot: number): void {
    const space = this.#outside.spaceOf(slot);
    this.#forgetLookUps();
    this.#expired.remove(slot);
    this.#outside.remove(slot);
    this.#flags[slot] = 0;
    this.#pool.giveBack(slot);
    if (this.#reals.usesOf(space) <= CROWDED_UNTIL) this.#used.delete(space);
    this.#reals.release(space);
  }

  #forgetLookUps(): void {
    this.#lastInside.forget();
    this.#lastOutside.forget();
  }

  #noteFlags(slot: number, tcpFlags: number, fin: number): void {
    let flags = this.#flags[slot]!;
    if ((tcpFlags & TCP_FIN) !== 0) flags |= fin;
    if ((tcpFlags & TCP_RST) !== 0) flags |= RESET;
    this.#flags[slot] = flags;
  }

  /** Returns a slot with the first unused outside tuple at `real`, or `NO_SLOT`. */
  #claimOutside(
    kind: number,
    wanted: number,
    version: 4 | 6,
    real: Uint8Array,
  ): number {
    const known = this.#reals.find(kind, version, real, 0);
    const value = known === NO_SLOT ? wanted : this.#unused(known, wanted);
    if (value === NO_VALUE) return NO_SLOT;

    const past = known === NO_SLOT ? NO_SLOT : this.#outside.find(known, value);
    if (past !== NO_SLOT) {
      this.#expired.remove(past);
      this.#used.get(known)?.add(value);
      return past;
    }
    if (this.#pool.isEmpty) this.#grow();
    const slot = this.#pool.take();
    const space = this.#reals.acquire(kind, version, real, 0);
    this.#outside.insert(slot, space, value);
    this.#noteUsed(space, value);
    return slot;
  }

  /** Returns the first of v, v + 1 … 65535, 1 … v - 1 that is unused, or `NO_VALUE` (data-plane spec §8.4). */
  #unused(space: number, wanted: number): number {
    const used = this.#used.get(space);
    if (used !== undefined) {
      const value = used.unusedFrom(wanted);
      return value === NO_VALUE ? used.unusedFrom(1) : value;
    }
    let value = wanted;
    while (this.#isUsed(space, value)) {
      value = value === LAST_VALUE ? 1 : value + 1;
    }
    return value;
  }

  #isUsed(space: number, value: number): boolean {
    const slot = this.#outside.find(space, value);
    return slot !== NO_SLOT && !this.isExpired(slot);
  }

  #noteUsed(space: number, value: number): void {
    const used = this.#used.get(space);
    if (used !== undefined) return used.add(value);
    if (this.#reals.usesOf(space) < CROWDED_FROM) return;

    const values = new UsedValues();
    values.add(value);
    const slots = this.#pool.used;
    for (let slot = 0; slot < slots; slot++) {
      if ((this.#flags[slot]! & LIVE) === 0) continue;
      if (this.#outside.spaceOf(slot) === space) {
        values.add(this.#outside.valueOf(slot));
      }
    }
    this.#used.set(space, values);
  }

  #grow(): void {
    const capacity = 2 * this.#pool.capacity;
    this.#pool.grow(capacity);
    this.#inside.grow(capacity);
    this.#outside.grow(capacity);
    this.#expired.grow(capacity);
    this.#flags = carryOver(this.#flags, new Uint8Array(capacity));
    this.#sentAt = carryOver(this.#sentAt, new Float64Array(capacity));
    this.#receivedAt = carryOver(this.#receivedAt, new Float64Array(capacity));
  }
}

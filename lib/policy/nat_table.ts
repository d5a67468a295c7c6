import { assert, type Instant, type IpAddress } from "../base/mod.ts";
import {
  type IcmpErrorView,
  type IpPacketView,
  PROTOCOL_TCP,
  rebuildIcmpError,
  replaceDestinationAddress,
  replaceDestinationPort,
  replaceEchoIdentifier,
  replaceSourceAddress,
  replaceSourcePort,
  type Selector,
  SELECTOR_ECHO,
  SELECTOR_TCP,
  SELECTOR_UDP,
  selectorKind,
  selectorValue,
  tcpFlags,
} from "../wire/mod.ts";
import { NatSessions } from "./nat_sessions.ts";
import { NO_SLOT } from "./slot_index.ts";

/**
 * What became of a packet to a proxy address.
 *
 * `unsupported`: neither TCP nor UDP nor echo. `exhausted`: every port or
 * identifier at the real address is used. `table-full`: the client has as
 * many sessions as it may have.
 */
export type OutboundTranslation =
  | "translated"
  | "unsupported"
  | "exhausted"
  | "table-full";

/** What became of a packet from a resource. `expired`: it belongs to a session that is over. `none`: it belongs to no session, and is untouched. */
export type InboundTranslation = "translated" | "expired" | "none";

/**
 * The symmetric NAT of one client (data-plane spec §8.3 to §8.6).
 *
 * Rewrites packets in place and adjusts their checksums. Packets allocate
 * nothing, except that the table doubles now and then.
 */
export class NatTable {
  readonly #seed: number;
  /** Made by the first packet: most clients never need one. */
  #sessions: NatSessions | undefined;
  #errorLength = 0;

  /** Creates an empty table. `seed` is a random 32-bit number that must stay unknown to clients. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The number of sessions. */
  get size(): number {
    return this.#sessions?.size ?? 0;
  }

  /** The number of past sessions whose late packets are known. */
  get expiredCount(): number {
    return this.#sessions?.expiredCount ?? 0;
  }

  /** Length of the packet that the last `translateIcmpError` wrote. Valid after `translated`. */
  get errorLength(): number {
    return this.#errorLength;
  }

  /**
   * Sends a packet to a proxy address on to the address of its session, or of a fresh one to `real`.
   *
   * `real` is of the packet's family. The packet is untouched unless `translated`.
   */
  translateOutbound(
    packet: IpPacketView,
    real: IpAddress,
    now: Instant,
  ): OutboundTranslation {
    const { version, bytes, destinationAt, sourceSelector } = packet;
    assert(real.family === version, "A packet cannot change its family");
    if (!isTranslatable(sourceSelector)) return "unsupported";

    const sessions = this.#sessions ??= new NatSessions(this.#seed);
    let slot = sessions.findInside(
      sourceSelector,
      version,
      bytes,
      destinationAt,
    );
    if (slot !== NO_SLOT) sessions.noteSent(slot, flagsOf(packet), now);
    else {
      if (sessions.isFull) return "table-full";
      slot = sessions.open(
        sourceSelector,
        version,
        bytes,
        destinationAt,
        real.bytes,
        now,
      );
      if (slot === NO_SLOT) return "exhausted";
    }

    const value = sessions.outsideValue(slot);
    replaceDestinationAddress(
      packet,
      sessions.realAddresses,
      sessions.realAt(slot),
    );
    if (value === selectorValue(sourceSelector)) return "translated";
    if (isEcho(sourceSelector)) replaceEchoIdentifier(packet, value);
    else replaceSourcePort(packet, value);
    return "translated";
  }

  /** Gives a packet from a resource the addresses that the client knows. An ICMP error is none of these: see `translateIcmpError`. */
  translateInbound(packet: IpPacketView, now: Instant): InboundTranslation {
    const { version, bytes, sourceAt, destinationSelector } = packet;
    if (!isTranslatable(destinationSelector)) return "none";

    const sessions = this.#sessions;
    if (sessions === undefined) return "none";
    const slot = sessions.findOutside(
      destinationSelector,
      version,
      bytes,
      sourceAt,
    );
    if (slot === NO_SLOT) return "none";
    if (sessions.isExpired(slot)) return "expired";
    sessions.noteReceived(slot, flagsOf(packet), now);

    const value = sessions.insideValue(slot);
    replaceSourceAddress(
      packet,
      sessions.proxyAddresses,
      sessions.proxyAt(slot),
    );
    if (value === selectorValue(destinationSelector)) return "translated";
    if (isEcho(destinationSelector)) replaceEchoIdentifier(packet, value);
    else replaceDestinationPort(packet, value);
    return "translated";
  }

  /**
   * Writes an ICMP error as the client understands it to `target[at…]`, `errorLength` bytes, not longer than `packet`.
   *
   * `quoted` is attached to `packet`, which stays as it is; `target` must not
   * overlap it. An error counts as an answer.
   */
  translateIcmpError(
    packet: IpPacketView,
    quoted: IcmpErrorView,
    target: Uint8Array,
    at: number,
    now: Instant,
  ): InboundTranslation {
    const sessions = this.#sessions;
    if (sessions === undefined) return "none";
    const slot = sessions.findOutside(
      quoted.sourceSelector,
      packet.version,
      packet.bytes,
      quoted.destinationAt,
    );
    if (slot === NO_SLOT) return "none";
    if (sessions.isExpired(slot)) return "expired";
    sessions.noteReceived(slot, NO_FLAGS, now);

    this.#errorLength = rebuildIcmpError(
      packet,
      quoted,
      sessions.proxyAddresses,
      sessions.proxyAt(slot),
      sessions.insideValue(slot),
      target,
      at,
    );
    return "translated";
  }

  /**
   * Ends the sessions whose time is over (data-plane spec §8.3). To be called once a second.
   *
   * Returns `false` if there were too many for one call: let some packets
   * pass, and call it again.
   */
  expire(now: Instant): boolean {
    const sessions = this.#sessions;
    if (sessions === undefined) return true;
    const isDone = sessions.expire(now);
    if (sessions.isSpent) this.clear();
    return isDone;
  }

  /** Forgets all sessions, also past ones. */
  clear(): void {
    this.#sessions = undefined;
  }
}

const NO_FLAGS = 0;

function isTranslatable(selector: Selector): boolean {
  const kind = selectorKind(selector);
  return kind === SELECTOR_TCP || kind === SELECTOR_UDP ||
    kind === SELECTOR_ECHO;
}

function isEcho(selector: Selector): boolean {
  return selectorKind(selector) === SELECTOR_ECHO;
}

function flagsOf(packet: IpPacketView): number {
  return packet.protocol === PROTOCOL_TCP ? tcpFlags(packet) : NO_FLAGS;
}

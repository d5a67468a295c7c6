import {
  after,
  earlier,
  equalSocketAddresses,
  formatSocketAddress,
  type Instant,
  type IpFamily,
  type LogFields,
  type Logger,
  NEVER,
  Queue,
  type RandomSource,
  type SocketAddress,
  type Transmit,
} from "../base/mod.ts";
import {
  longTermKey,
  REALM,
  SINGLE_SHOT_POLICY,
  STANDARD_POLICY,
} from "../stun/mod.ts";
import type { StunView } from "../wire/mod.ts";
import type { AllocationEvent, AllocationFailure } from "./allocation_event.ts";
import {
  type LocalCandidate,
  ReflexiveCandidates,
  relayCandidates,
} from "./candidates.ts";
import { Channels } from "./channels.ts";
import {
  KEEPALIVE_INTERVAL_MS,
  MAX_MISMATCHES,
  OUTPUT_LIMIT,
} from "./constants.ts";
import { Lease } from "./lease.ts";
import type { SignedRequest, TurnRequest } from "./messages.ts";
import { PeerBacklog } from "./peer_backlog.ts";
import { Requester } from "./requester.ts";
import type { PendingRequest } from "./requests.ts";

/** What an allocation is made of. */
export interface AllocationOptions {
  /** The relay's id, for log lines. */
  readonly id: string;
  /** The relay's IPv4 address, if it has one. */
  readonly ipv4?: SocketAddress | undefined;
  /** The relay's IPv6 address, if it has one. */
  readonly ipv6?: SocketAddress | undefined;
  /** As the portal gave it. */
  readonly username: string;
  /** As the portal gave it. Kept only as a key. */
  readonly password: string;
  /** The time of creation. */
  readonly now: Instant;
  /** Source of transaction ids. */
  readonly random: RandomSource;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/** One allocation on one relay, which may be reachable over both IP versions (p2p spec §4). */
export class Allocation {
  readonly #id: string;
  readonly #addresses: readonly SocketAddress[];
  readonly #log: Logger;

  readonly #requester: Requester;
  readonly #reflexive = new ReflexiveCandidates();
  readonly #channels: Channels;
  #activeSocket: SocketAddress | undefined;
  #lease: Lease | undefined;
  #failure: AllocationFailure | undefined;
  /** When something was last sent that keeps the NAT open. */
  #lastSentAt: Instant;
  #mismatches = 0;
  readonly #backlog = new PeerBacklog();
  readonly #events = new Queue<AllocationEvent>(OUTPUT_LIMIT);

  /** Starts at once: the first BINDINGs wait in `pollTransmit`. */
  constructor(options: AllocationOptions) {
    const { id, ipv4, ipv6, username, password, now, random, log } = options;
    this.#id = id;
    this.#addresses = [ipv4, ipv6].filter((address) => address !== undefined);
    this.#log = log.child("turn");
    const key = longTermKey(username, REALM, password);
    this.#requester = new Requester(
      { username, key, nonce: undefined },
      random,
    );
    this.#channels = new Channels(random);
    this.#lastSentAt = now;
    this.#askBindings(now);
  }

  /** The address of the relay that is used for TURN: the first that answered. */
  get activeSocket(): SocketAddress | undefined {
    return this.#activeSocket;
  }

  /** Smoothed round-trip time in ms, `undefined` before the first answer. */
  get roundTripMs(): number | undefined {
    return this.#requester.roundTripMs;
  }

  /** How far it is: no answer yet, an answer but no address of ours, or addresses that peers can send to. */
  get state(): "asking" | "answered" | "allocated" {
    if (this.#lease) return "allocated";
    return this.#activeSocket ? "answered" : "asking";
  }

  /** The addresses of the relay, IPv4 first. */
  addresses(): readonly SocketAddress[] {
    return this.#addresses;
  }

  /** Our address on the relay, if the allocation has one of this family. Allocates nothing. */
  relayed(family: IpFamily): SocketAddress | undefined {
    return this.#lease?.relayed(family);
  }

  /** All candidates that are valid at present. */
  candidates(): readonly LocalCandidate[] {
    return [...this.#reflexive.list(), ...this.#lease?.candidates ?? []];
  }

  /**
   * Takes a STUN message that came from `source` to our address `local`.
   *
   * Returns whether `source` is this relay; then nobody else needs to look.
   */
  handleDatagram(
    source: SocketAddress,
    local: SocketAddress,
    stun: StunView,
    now: Instant,
  ): boolean {
    const isRelay = this.#addresses.some((address) =>
      equalSocketAddresses(address, source)
    );
    if (!isRelay) return false;
    if (stun.class !== "success" && stun.class !== "error") return true;

    const answered = this.#requester.take(stun, now);
    if (typeof answered === "string") {
      this.#debug("Ignored a response", { reason: answered });
      return true;
    }
    if (stun.class === "success") {
      this.#handleSuccess(answered, source, local, stun, now);
    } else this.#handleError(answered, stun, now);
    this.#checkFailure();
    return true;
  }

  /** Returns the peer of a confirmed channel and notes that it is in use. Allocates nothing. */
  peerOf(channel: number, now: Instant): SocketAddress | undefined {
    return this.#channels.peerOf(channel, now);
  }

  /** Returns the channel for sending to `peer`; 0 if there is none, then call `bindChannel`. Allocates nothing. */
  channelTo(peer: SocketAddress, now: Instant): number {
    return this.#channels.channelTo(peer, now);
  }

  /**
   * Binds a channel to `peer`, as soon as there is an allocation.
   *
   * Does nothing if one is bound or the allocation lacks the family.
   */
  bindChannel(peer: SocketAddress, now: Instant): void {
    if (!this.#lease) return this.#backlog.add(peer);
    if (!this.relayed(peer.ip.family)) return;
    const binding = this.#channels.startBind(peer, now);
    if (binding) this.#ask({ kind: "channel-bind", ...binding }, now);
  }

  /** Notes that ChannelData went to the relay, which keeps the NAT open as well as a BINDING does. */
  noteChannelDataSent(now: Instant): void {
    this.#lastSentAt = now;
  }

  /** Asks a relay that the portal did not mention for a sign of life, within one second (p2p spec §4.9). */
  refresh(now: Instant): void {
    if (!this.#requester.hasCredentials) return;
    if (this.#failure === "protocol-failure") return;
    this.#mismatches = 0;
    if (!this.#activeSocket) {
      this.#failure = undefined;
      if (!this.#requester.isAsking("binding")) this.#askBindings(now);
    } else if (!this.#requester.isAsking("allocate", "refresh", "delete")) {
      this.#askRefresh(now, SINGLE_SHOT_POLICY);
    }
  }

  /** Asks at once who we are and whether the allocation stands, because our own address may have changed. */
  verify(now: Instant): void {
    if (!this.#activeSocket) return this.refresh(now);
    if (!this.#requester.isAsking("binding")) this.#askKeepalive(now);
    if (this.#lease && !this.#requester.isAsking("refresh")) {
      this.#askRefresh(now);
    }
  }

  /** Advances to `now`. Safe to call early, late or twice. */
  handleTimeout(now: Instant): void {
    if (now >= this.#expiresAt()) this.#reallocate(now);
    let silent = this.#requester.takeSilent(now);
    while (silent) {
      this.#handleSilence(silent);
      silent = this.#requester.takeSilent(now);
    }
    if (now >= this.#refreshAt()) this.#askRefresh(now);
    if (now >= this.#keepaliveAt()) this.#askKeepalive(now);
    this.#refreshChannels(now);
    this.#checkFailure();
  }

  /** When to call `handleTimeout` next. Allocates nothing. */
  pollTimeout(): Instant {
    let at = earlier(this.#requester.dueAt, this.#channels.dueAt);
    at = earlier(at, this.#refreshAt());
    at = earlier(at, this.#keepaliveAt());
    return earlier(at, this.#expiresAt());
  }

  /** Returns the next datagram to send. */
  pollTransmit(): Transmit | undefined {
    return this.#requester.pollTransmit();
  }

  /** Returns the next event. */
  pollEvent(): AllocationEvent | undefined {
    return this.#events.shift();
  }

  #handleSuccess(
    { request }: PendingRequest,
    source: SocketAddress,
    local: SocketAddress,
    stun: StunView,
    now: Instant,
  ): void {
    switch (request.kind) {
      case "binding":
        return this.#handleBindingSuccess(source, local, stun, now);
      case "allocate":
        return this.#handleAllocateSuccess(local, stun, now);
      case "refresh":
      case "delete":
        return this.#handleRefreshSuccess(stun, now);
      case "channel-bind":
        this.#mismatches = 0;
        return this.#channels.confirm(request.channel, now);
    }
  }

  #handleBindingSuccess(
    source: SocketAddress,
    local: SocketAddress,
    stun: StunView,
    now: Instant,
  ): void {
    const mapped = stun.xorMapped();
    if (!mapped) return;
    this.#announce(this.#reflexive.update(local, mapped));
    if (this.#activeSocket) return;

    this.#activeSocket = source;
    this.#lastSentAt = now;
    this.#ask({ kind: "allocate" }, now);
  }

  #handleAllocateSuccess(
    local: SocketAddress,
    stun: StunView,
    now: Instant,
  ): void {
    const lifetime = stun.lifetime();
    const candidates = relayCandidates(stun.xorRelayed(), local);
    if (lifetime === undefined || candidates.length === 0) {
      return this.#debug("Ignored an allocation without lifetime or address");
    }

    this.#lease = new Lease(candidates, lifetime, now);
    this.#debug("Made an allocation");
    this.#announce(candidates);
    for (const peer of this.#backlog.takeAll()) this.bindChannel(peer, now);
  }

  #handleRefreshSuccess(stun: StunView, now: Instant): void {
    const lifetime = stun.lifetime();
    if (lifetime === undefined) {
      return this.#debug("Ignored a refresh without lifetime");
    }
    // Without `#lease` the relay has an allocation whose addresses we do not know.
    if (lifetime === 0 || !this.#lease) return this.#reallocate(now);
    this.#mismatches = 0;
    this.#lease.extend(lifetime, now);
  }

  /** Reacts to an error response (p2p spec §4.7). */
  #handleError(answered: PendingRequest, stun: StunView, now: Instant): void {
    const { request } = answered;
    const code = stun.errorCode();
    this.#debug("The relay refused a request", { request: request.kind, code });
    if (code === 420) return this.#fail("protocol-failure");
    if (request.kind === "binding") return;

    switch (code) {
      case 401:
        if (answered.hadNonce) this.#handleRejection();
        else this.#reauthenticate(answered, request, stun, now);
        return;
      case 438:
        return this.#reauthenticate(answered, request, stun, now);
      case 437:
        return this.#handleMismatch(request, now);
      default:
        return this.#giveUp(request, now);
    }
  }

  #reauthenticate(
    answered: PendingRequest,
    request: SignedRequest,
    stun: StunView,
    now: Instant,
  ): void {
    if (this.#requester.askWithNonce(answered, stun, now)) return;
    this.#debug("Stopped a request that cannot be authenticated");
    this.#giveUp(request, now);
  }

  #handleRejection(): void {
    const fields = { relay: this.#id };
    // A relay that restarted does so until the portal has told us its new ones.
    this.#log.log("info", "The relay rejected our credentials", fields);
    this.#requester.forgetCredentials();
    this.#invalidate();
  }

  /** Makes a fresh allocation, because the relay's idea of the present one differs from ours. */
  #handleMismatch(request: SignedRequest, now: Instant): void {
    this.#invalidate();
    if (request.kind === "channel-bind") this.#backlog.add(request.peer);
    if (++this.#mismatches > MAX_MISMATCHES) {
      return this.#debug("Stopped to start over");
    }
    const kind = request.kind === "allocate" ? "delete" : "allocate";
    this.#ask({ kind }, now);
  }

  #giveUp(request: SignedRequest, now: Instant): void {
    switch (request.kind) {
      case "allocate":
        return this.#backlog.clear();
      case "refresh":
        return this.#lease?.postponeRefresh(now);
      case "channel-bind":
        return this.#channels.forget(request.channel);
      case "delete":
        return;
    }
  }

  /** Draws the consequence of a request that was never answered (p2p spec §4.5). */
  #handleSilence(destination: SocketAddress): void {
    const active = this.#activeSocket;
    const address = formatSocketAddress(destination);
    if (active && active.ip.family !== destination.ip.family) {
      // Usual on a host with one family only: its BINDING never leaves.
      const uses = formatSocketAddress(active);
      this.#debug("An address of the relay does not answer", { address, uses });
      return;
    }
    this.#debug("The relay does not answer", { address });
    if (!active) return;
    this.#activeSocket = undefined;
    this.#invalidate();
    this.#requester.drop();
  }

  #askBindings(now: Instant): void {
    for (const address of this.#addresses) {
      this.#requester.ask({ kind: "binding" }, address, now);
    }
  }

  #askKeepalive(now: Instant): void {
    this.#lastSentAt = now;
    this.#ask({ kind: "binding" }, now);
  }

  #askRefresh(now: Instant, policy = STANDARD_POLICY): void {
    this.#lease?.startRefresh();
    this.#ask({ kind: "refresh" }, now, policy);
  }

  #ask(request: TurnRequest, now: Instant, policy = STANDARD_POLICY): void {
    if (!this.#activeSocket) return;
    this.#requester.ask(request, this.#activeSocket, now, policy);
  }

  #refreshChannels(now: Instant): void {
    let binding = this.#channels.startRefresh(now);
    while (binding) {
      this.#ask({ kind: "channel-bind", ...binding }, now);
      binding = this.#channels.startRefresh(now);
    }
  }

  #announce(candidates: readonly LocalCandidate[]): void {
    for (const candidate of candidates) {
      this.#events.push({ kind: "candidate-added", candidate });
    }
  }

  #reallocate(now: Instant): void {
    this.#invalidate();
    this.#ask({ kind: "allocate" }, now);
  }

  /** Forgets what the relay held for us, and requests that make sense only with it. */
  #invalidate(): void {
    for (const candidate of this.#lease?.candidates ?? []) {
      this.#events.push({ kind: "candidate-removed", candidate });
    }
    this.#lease = undefined;
    this.#channels.clear();
    this.#requester.dropSigned();
  }

  #expiresAt(): Instant {
    return this.#lease?.expiresAt ?? NEVER;
  }

  #refreshAt(): Instant {
    return this.#lease?.refreshAt ?? NEVER;
  }

  #keepaliveAt(): Instant {
    return this.#lease ? after(this.#lastSentAt, KEEPALIVE_INTERVAL_MS) : NEVER;
  }

  /** Fails once nothing is under way that could still help (p2p spec §4.7). */
  #checkFailure(): void {
    if (this.#failure || !this.#requester.isIdle) return;
    if (!this.#requester.hasCredentials) this.#fail("authentication-error");
    else if (!this.#activeSocket) this.#fail("no-response");
  }

  #fail(reason: AllocationFailure): void {
    this.#failure = reason;
    this.#invalidate();
    this.#requester.drop();
    this.#events.push({ kind: "failed", reason });
    this.#debug("The relay is of no use", { reason });
  }

  #debug(message: string, fields: LogFields = {}): void {
    if (!this.#log.enabled("debug")) return;
    this.#log.log("debug", message, { relay: this.#id, ...fields });
  }
}

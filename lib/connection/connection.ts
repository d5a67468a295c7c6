import {
  after,
  type DatagramSink,
  earlier,
  type Ecn,
  elapsedMs,
  err,
  type Instant,
  type Logger,
  MAX_PACKET_BYTES,
  NEVER,
  ok,
  Queue,
  type Result,
  type Timed,
  type Transmit,
} from "../base/mod.ts";
import type { IceRole, RemoteCandidateRefusal } from "../ice/mod.ts";
import type { PathEnds } from "../path/mod.ts";
import type { LocalCandidate } from "../turn/mod.ts";
import type {
  OpenedInitiation,
  Tunnel,
  TunnelEvent,
  TunnelRefusal,
} from "../wireguard/mod.ts";
import type { Relay } from "./allocations.ts";
import { type CandidateBatch, CandidateSignals } from "./candidate_signals.ts";
import type { ControlSealer } from "./control_sealer.ts";
import type {
  ConnectionEvent,
  FailureReason,
  SendVerdict,
} from "./connection_event.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { PacketRing } from "./packet_ring.ts";
import type { PeerConfig, PeerId } from "./peer_config.ts";
import type {
  FinderEvent,
  HandshakeOccasion,
  PathFinder,
  RemoteCandidate,
} from "./path_finder.ts";
import { PeerSender } from "./peer_sender.ts";
import { pathOf, type Route } from "./route.ts";
import { Traffic } from "./traffic.ts";

/** No candidate of the peer within this time means that it will not come, p2p spec §1.7. */
const CANDIDATE_TIMEOUT_MS = 10_000;

/** How long ICE may be without a path that could work, p2p spec §1.7: late candidates may bring one. */
const DISCONNECT_GRACE_MS = 2_000;

/** Time without application packets or candidate changes after which checks slow down, p2p spec §1.7. */
const IDLE_AFTER_MS = 20_000;

/** Least time between handshakes that a selected path or an upsert triggers, p2p spec §1.7. */
const HANDSHAKE_DEBOUNCE_MS = 20_000;

/** Packets of applications kept until they can be sent, p2p spec §1.2. */
const HELD_PACKETS = 128;

/** Most events that wait to be polled. */
const EVENT_LIMIT = 64;

/** How far a connection is. */
export type ConnectionStage = "connecting" | "connected" | "idle" | "failed";

type State =
  | { readonly kind: "connecting" }
  | { readonly kind: "connected"; readonly route: Route }
  | { readonly kind: "idle"; readonly route: Route }
  | { readonly kind: "failed" };

/** The way to one peer: path, tunnel and what waits for them, p2p spec §1.5. */
export class Connection implements Timed {
  /** The peer. */
  readonly config: PeerConfig;
  /** Names the connection in receiver indices. */
  readonly connectionId: number;
  /** Finds the path. */
  readonly finder: PathFinder;
  /** Encrypts. */
  readonly tunnel: Tunnel;
  /** What passed through it. */
  readonly traffic: Traffic = new Traffic();
  /** When it began. */
  readonly createdAt: Instant;
  /** Whether the node has it on its list of connections to look after. */
  isTouched = false;
  /** When the node calls `handleTimeout` next. See `Timed`. */
  dueAt: Instant = NEVER;
  /** See `Timed`. */
  heapIndex = -1;
  readonly #role: IceRole;
  readonly #sealer: ControlSealer;
  readonly #log: Logger;
  readonly #sender: PeerSender;
  readonly #signals = new CandidateSignals();
  /** Packets of applications that wait for the tunnel, on the controlling side. */
  readonly #heldPackets = new PacketRing(HELD_PACKETS);
  readonly #events = new Queue<ConnectionEvent>(EVENT_LIMIT);
  #state: State = { kind: "connecting" };
  #candidateDeadline: Instant;
  #disconnectedAt: Instant = NEVER;
  #lastActivityAt: Instant;
  #lastProactiveHandshakeAt: Instant | undefined;
  #isHandshakeDone = false;
  #isEstablished = false;

  /** Creates a connection that knows no candidates. */
  constructor(options: ConnectionOptions) {
    this.config = options.config;
    this.connectionId = options.connectionId;
    this.finder = options.finder;
    this.tunnel = options.tunnel;
    this.#role = options.role;
    this.#sealer = options.sealer;
    this.#sender = new PeerSender(options.relay);
    this.#log = options.log;
    this.createdAt = options.now;
    this.#lastActivityAt = options.now;
    this.#candidateDeadline = after(options.now, CANDIDATE_TIMEOUT_MS);
  }

  /** The peer's name. */
  get id(): PeerId {
    return this.config.id;
  }

  /** The relay whose addresses the peer knows; `undefined` while there is none to be had. */
  get relay(): Relay | undefined {
    return this.#sender.relay;
  }

  /** Where packets go, once that is known. */
  get route(): Route | undefined {
    const state = this.#state;
    return state.kind === "connected" || state.kind === "idle"
      ? state.route
      : undefined;
  }

  /** How far it is. */
  get stage(): ConnectionStage {
    return this.#state.kind;
  }

  /** When a packet of applications or a change of candidates was last seen. */
  get lastActivityAt(): Instant {
    return this.#lastActivityAt;
  }

  /** Whether packets can pass: a path was found and a handshake completed. */
  get isEstablished(): boolean {
    return this.#isEstablished;
  }

  /** Whether the connection is beyond hope and to be forgotten. */
  get hasFailed(): boolean {
    return this.#state.kind === "failed";
  }

  /** Offers candidates to the peer. */
  addLocalCandidates(
    candidates: readonly LocalCandidate[],
    now: Instant,
  ): void {
    for (const candidate of candidates) {
      this.finder.addLocalCandidate(candidate, now);
    }
    this.noteActivity(now);
  }

  /** Withdraws an address on a relay. */
  withdrawLocalCandidate(candidate: LocalCandidate, now: Instant): void {
    this.finder.withdrawLocalCandidate(candidate, now);
    this.noteActivity(now);
  }

  /** Takes another relay into use, or none. */
  setRelay(relay: Relay | undefined): void {
    this.#sender.relay = relay;
  }

  /** Takes a candidate line of the peer, and binds a channel to it where that will be needed, p2p spec §2.4. */
  addRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<RemoteCandidate, RemoteCandidateRefusal> {
    const result = this.finder.addRemoteCandidate(line, now);
    if (!result.ok) return result;
    this.#candidateDeadline = NEVER;
    this.noteActivity(now);
    const { kind, address } = result.value;
    if (kind !== "host") this.#sender.bindChannel(address, now);
    return result;
  }

  /** Takes an invalidation line of the peer. */
  removeRemoteCandidate(
    line: string,
    now: Instant,
  ): Result<RemoteCandidate, RemoteCandidateRefusal> {
    const result = this.finder.withdrawRemoteCandidate(line, now);
    if (result.ok) this.noteActivity(now);
    return result;
  }

  /** Begins, once the candidates of the start are there. */
  start(now: Instant): void {
    this.#startHandshake("created", now);
  }

  /** Carries on from another network, p2p spec §1.9, which ICE cannot. Candidates of ours come anew. */
  roam(now: Instant): void {
    if (this.finder.mode === "ice") return;
    this.finder.forgetLocalCandidates(now);
    this.setRelay(undefined);
  }

  /** Serves another authorization of the same peer, p2p spec §1.6: repeats all candidates, and the controlling side makes sure of the session. */
  reuse(now: Instant): void {
    this.noteActivity(now);
    this.repeatCandidates();
    if (this.route) this.#startHandshake("reused", now);
  }

  /** Tells the peer again of all candidates of ours. */
  repeatCandidates(): void {
    for (const signal of this.finder.localSignals()) {
      this.#signals.add(signal);
    }
  }

  /** Notes application packets or candidate changes, which end idleness. Allocates nothing while not idle. */
  noteActivity(now: Instant): void {
    this.#lastActivityAt = now;
    const state = this.#state;
    if (state.kind !== "idle") return;
    this.#enter({ kind: "connected", route: state.route });
    this.finder.setPace("active", now);
  }

  /**
   * Answers an initiation of the peer.
   *
   * With ICE the response takes the selected path, or waits for it. Without,
   * it is returned, and takes the way back that the initiation came.
   */
  handleInitiation(
    opened: OpenedInitiation,
    arrival: PathEnds | undefined,
    now: Instant,
  ): Result<Uint8Array | undefined, TunnelRefusal> {
    this.#sendTunnelMessages(now);
    const verdict = this.tunnel.handleInitiation(opened, now);
    if (verdict !== "accepted") return err(verdict);
    if (this.finder.mode === "ice") return ok(undefined);

    this.#candidateDeadline = NEVER;
    if (arrival) this.finder.noteInitiation(arrival, now);
    return ok(this.tunnel.pollTransmit());
  }

  /** Takes the response of the peer in `[start, end)`. */
  handleResponse(
    bytes: Uint8Array,
    start: number,
    end: number,
    arrival: PathEnds | undefined,
    now: Instant,
  ): "accepted" | TunnelRefusal {
    const verdict = this.tunnel.handleResponse(bytes, start, end, now);
    const isMark = verdict === "accepted" && this.finder.mode === "iceless";
    if (isMark && arrival) this.finder.noteResponse(arrival, now);
    return verdict;
  }

  /** Encrypts the packet of `length` bytes at arena address `source` and sends it. */
  send(
    source: number,
    length: number,
    now: Instant,
    out: DatagramSink,
    ecn: Ecn,
  ): SendVerdict {
    if (length > MAX_PACKET_BYTES) return "too-long";
    const state = this.#state;
    if (state.kind === "failed") return "not-connected";
    if (!this.#isEstablished || state.kind === "connecting") {
      return this.#hold(out.bytes, source, length);
    }
    this.noteActivity(now);
    const verdict = this.#sender.sendPacket(
      this.tunnel,
      state.route,
      source,
      length,
      now,
      out,
      ecn,
    );
    if (verdict === "sent") this.traffic.noteSent(length);
    return verdict;
  }

  /** Encrypts a packet of our own and sends it, if there is a session and a path. */
  sendControl(packet: Uint8Array, now: Instant): void {
    const { route } = this;
    if (!route) return;
    const message = this.#sealer.seal(this.tunnel, packet, now);
    if (message) this.#sender.sendMessage(route, message, now);
  }

  /** Advances to `now`. */
  handleTimeout(now: Instant): void {
    this.finder.handleTimeout(now);
    this.tunnel.handleTimeout(now);
    if (now >= this.#candidateDeadline) this.#fail("no-candidates");
    if (now >= after(this.#disconnectedAt, DISCONNECT_GRACE_MS)) {
      this.#fail("ice-disconnected");
    }
    if (now >= this.#idleAt()) this.#becomeIdle(now);
  }

  /** Carries on what its parts have reported since the last time. */
  settle(now: Instant): void {
    const { finder, tunnel } = this;
    if (finder.pollTimeout() <= now) finder.handleTimeout(now);
    for (let e = finder.pollEvent(); e; e = finder.pollEvent()) {
      this.#handleFinderEvent(e, now);
    }
    for (let e = tunnel.pollEvent(); e; e = tunnel.pollEvent()) {
      this.#handleTunnelEvent(e, now);
    }
    this.#sendTunnelMessages(now);
    for (let t = finder.pollTransmit(now); t; t = finder.pollTransmit(now)) {
      this.#sender.sendMessage(t.way, t.payload, now);
    }
  }

  /** When `handleTimeout` has something to do. */
  pollTimeout(): Instant {
    if (this.#state.kind === "failed") return NEVER;
    const ownDue = earlier(
      earlier(this.#candidateDeadline, this.#idleAt()),
      after(this.#disconnectedAt, DISCONNECT_GRACE_MS),
    );
    return earlier(
      ownDue,
      earlier(this.finder.pollTimeout(), this.tunnel.pollTimeout()),
    );
  }

  /** Returns the next datagram to send. */
  pollTransmit(): Transmit | undefined {
    return this.#sender.pollTransmit();
  }

  /** Returns the next event. */
  pollEvent(): ConnectionEvent | undefined {
    return this.#events.shift();
  }

  /** Returns how many channels to addresses of the peer were refused since the last time. */
  takeRefusedBinds(): number {
    return this.#sender.takeRefusedBinds();
  }

  /** Returns the candidate changes that the peer is to be told of. */
  takeSignals(): CandidateBatch | undefined {
    return this.#signals.isEmpty ? undefined : this.#signals.take();
  }

  #sendTunnelMessages(now: Instant): void {
    const { finder, tunnel, route } = this;
    for (let m = tunnel.pollTransmit(); m; m = tunnel.pollTransmit()) {
      if (finder.takeMessage(m, now)) continue;
      if (route) this.#sender.sendMessage(route, m, now);
      else this.#sender.holdMessage(m);
    }
  }

  #handleFinderEvent(event: FinderEvent, now: Instant): void {
    switch (event.kind) {
      case "candidate-added":
        return this.#signals.add(event.signal);
      case "candidate-withdrawn":
        return this.#signals.remove(event.signal);
      case "path-selected":
        return this.#takeRoute(event.route, now);
      case "hope-lost":
        this.#disconnectedAt = now;
        return;
      case "hope-regained":
        this.#disconnectedAt = NEVER;
    }
  }

  #handleTunnelEvent(event: TunnelEvent, now: Instant): void {
    switch (event.kind) {
      case "handshake-completed":
        this.#isHandshakeDone = true;
        this.#events.push({ kind: "handshake", tookMs: event.tookMs });
        return this.#establish(now);
      case "expired":
        return this.#fail("wireguard-expired");
    }
  }

  #takeRoute(route: Route, now: Instant): void {
    if (this.#state.kind === "failed") return;
    const kind = this.#state.kind === "idle" ? "idle" : "connected";
    this.#enter({ kind, route });
    this.#sender.flush(route, now);
    if (this.#isEstablished) {
      this.#report("path-changed", route, now);
    } else this.#establish(now);
    this.#startHandshake("path-selected", now);
  }

  #establish(now: Instant): void {
    const { route } = this;
    if (!route || !this.#isHandshakeDone || this.#isEstablished) return;
    this.#isEstablished = true;
    this.#report("established", route, now);
    for (const packet of this.#heldPackets.takeAll()) {
      this.sendControl(packet, now);
    }
  }

  #report(
    kind: "established" | "path-changed",
    route: Route,
    now: Instant,
  ): void {
    const tookMs = elapsedMs(this.createdAt, now);
    this.#events.push({ kind, path: pathOf(route), tookMs });
  }

  /** Only the side that controls knows when a handshake is of use to both, p2p spec §5.5. */
  #startHandshake(occasion: HandshakeOccasion, now: Instant): void {
    if (this.#role !== "controlling" || this.tunnel.handshakeInFlight) return;
    if (!this.finder.wantsHandshake(occasion)) return;
    const last = this.#lastProactiveHandshakeAt;
    const isTooSoon = last !== undefined &&
      elapsedMs(last, now) < HANDSHAKE_DEBOUNCE_MS;
    if (isTooSoon) return;
    this.#lastProactiveHandshakeAt = now;
    this.tunnel.startHandshake(now);
  }

  /** Keeps a packet for later on the side that may, p2p spec §1.2. */
  #hold(bytes: Uint8Array, start: number, length: number): SendVerdict {
    if (this.#role === "controlled") return "connecting";
    this.#heldPackets.pushUnique(bytes.slice(start, start + length));
    return "buffered";
  }

  /** Checks slow down only when negotiation is complete, p2p spec §1.5. */
  #idleAt(): Instant {
    const mayIdle = this.#state.kind === "connected" &&
      this.finder.mayIdle;
    return mayIdle ? after(this.#lastActivityAt, IDLE_AFTER_MS) : NEVER;
  }

  #becomeIdle(now: Instant): void {
    const { route } = this;
    if (!route) return;
    this.#enter({ kind: "idle", route });
    this.finder.setPace("idle", now);
  }

  #fail(reason: FailureReason): void {
    if (this.#state.kind === "failed") return;
    this.#enter({ kind: "failed" });
    this.#events.push({ kind: "failed", reason });
  }

  /** The only writer of `#state`. */
  #enter(next: State): void {
    this.#log.log("debug", "Connection state changed", {
      peer: this.id,
      from: this.#state.kind,
      to: next.kind,
    });
    this.#state = next;
  }
}

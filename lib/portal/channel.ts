import {
  assert,
  Backoff,
  Counters,
  type Instant,
  type Logger,
  NEVER,
  Queue,
  type RandomSource,
  unreachable,
} from "../base/mod.ts";
import { INITIAL_BACKOFF, reconnectBackoff } from "./backoff.ts";
import type { Generation } from "./events.ts";
import {
  type ConnectionFailure,
  type FatalReason,
  fatalReasonOf,
  longestDelayMs,
  requestedDelayMs,
} from "./failure.ts";
import { FIELD_REFUSALS } from "./fields.ts";
import { decodeFrame, FRAME_REFUSALS, type FrameRefusal } from "./frame.ts";
import { HeldCandidates } from "./held_candidates.ts";
import type { MessageRefusal } from "./payloads.ts";
import type { ChannelProfile } from "./profiles.ts";
import {
  type SendVerdict,
  Session,
  SESSION_COUNTS,
  type SessionCount,
} from "./session.ts";

/** What a channel needs to know. */
export interface ChannelOptions<Message, Request> {
  /** Whose channel it is. */
  readonly profile: ChannelProfile<Message, Request>;
  /** Which path it connects on; 2 unless told otherwise. */
  readonly generation?: Generation;
  /** Payload of the join; `null` unless told otherwise. */
  readonly joinPayload?: unknown;
  /** What to announce after each join; nothing unless told otherwise. */
  readonly capabilities?: { readonly iceless: boolean };
  /** Greatest sum of delays after a loss; the profile's unless told otherwise. */
  readonly reconnectBudgetMs?: number;
  /** For the jitter. */
  readonly random: RandomSource;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/** What a channel wants of its shell, or has to tell. */
export type ChannelEvent<Message> =
  | {
    /** Resolve the portal's name anew, then wait, then dial. */
    readonly kind: "connect";
    readonly delayMs: number;
  }
  | {
    /** Let go of the socket or attempt: `close` with a close frame (1000), `drop` without. */
    readonly kind: "release";
    readonly how: "close" | "drop";
  }
  | { readonly kind: "joined" }
  | { readonly kind: "message"; readonly message: Message }
  | {
    /** The connection or attempt failed; a `connect` follows. */
    readonly kind: "disconnected";
    readonly failure: ConnectionFailure;
    readonly retryInMs: number;
  }
  | {
    /** Nothing more will happen. */
    readonly kind: "fatal";
    readonly reason: FatalReason;
  };

/** What became of a request to the portal. */
export type RequestVerdict = SendVerdict | "held" | "not-connected";

/** What a channel counts. */
export type ChannelCount =
  | FrameRefusal
  | MessageRefusal
  | SessionCount
  | "binary-frame"
  | "held"
  | "not-connected"
  | "failure"
  | "join";

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting" }
  | { readonly kind: "connected"; readonly session: Session; joined: boolean }
  | { readonly kind: "over" };

/** Events that wait for the shell, which drains them after every call; one call causes a handful at most. */
const EVENT_LIMIT = 64;

/** Longest name of an unknown event in a log line. */
const MAX_LOGGED_LENGTH = 100;

const COUNTS: readonly ChannelCount[] = [
  ...FRAME_REFUSALS,
  ...FIELD_REFUSALS,
  "unknown-event",
  "obsolete-event",
  "unsupported-event",
  ...SESSION_COUNTS,
  "binary-frame",
  "held",
  "not-connected",
  "failure",
  "join",
];

/**
 * One role's channel to the portal, across all its connections.
 *
 * The shell reports what the socket did by `handle*`, drains `pollTransmit`
 * while the socket can take a write, then drains `pollEvent`, and calls
 * `handleTimeout` at `pollTimeout`. After a `fatal` event or `stop` the channel
 * ignores everything.
 */
export class Channel<Message, Request> {
  readonly #options: ChannelOptions<Message, Request>;
  readonly #generation: Generation;
  readonly #log: Logger;
  readonly #events = new Queue<ChannelEvent<Message>>(EVENT_LIMIT);
  readonly #held = new HeldCandidates();
  readonly #counters = new Counters<ChannelCount>(COUNTS);
  #state: State = { kind: "idle" };
  /** Exists from the first failure since the last acknowledged join until the next one. */
  #backoff: Backoff | undefined;
  #wasJoined = false;

  /** Creates a channel that does nothing until `connect`. */
  constructor(options: ChannelOptions<Message, Request>) {
    this.#options = options;
    this.#generation = options.generation ?? 2;
    this.#log = options.log;
  }

  /** Counters of everything refused, dropped or noteworthy. */
  get counters(): Record<ChannelCount, number> {
    return this.#counters.snapshot();
  }

  /** Whether the join is acknowledged on the present connection. */
  get joined(): boolean {
    return this.#state.kind === "connected" && this.#state.joined;
  }

  /** Whether the channel ended, by `stop` or for good reason. */
  get over(): boolean {
    return this.#state.kind === "over";
  }

  /**
   * Connects without delay, at start or again because the network changed.
   * An existing connection is closed first, and the retry budget starts over.
   */
  connect(): void {
    if (this.#state.kind === "over") return;
    if (this.#state.kind !== "idle") this.#release("close");
    this.#connectIn(0);
  }

  /** The WebSocket handshake succeeded. */
  handleConnected(now: Instant): void {
    if (this.#state.kind !== "connecting") return;
    const { profile, joinPayload = null, capabilities } = this.#options;
    const room = {
      topic: profile.topic,
      joinPayload,
      greeting: profile.capabilitiesEvent === undefined || !capabilities
        ? undefined
        : { event: profile.capabilitiesEvent, payload: capabilities },
    };
    this.#enter({
      kind: "connected",
      session: new Session(room, this.#counters, now),
      joined: false,
    });
  }

  /** The attempt, or the connection, failed. */
  handleFailure(failure: ConnectionFailure): void {
    if (this.#state.kind === "idle" || this.#state.kind === "over") return;
    this.#counters.increment("failure");
    this.#release("drop");

    const reason = fatalReasonOf(failure);
    if (reason) this.#fail(reason);
    else this.#retryAfter(failure);
  }

  /** A text frame arrived. */
  handleText(text: string, now: Instant): void {
    if (this.#state.kind !== "connected") return;
    const inbound = decodeFrame(text);
    if (!inbound.ok) return this.#handleUnreadable(inbound.error);

    const outcome = this.#state.session.handle(inbound.value, now);
    switch (outcome.kind) {
      case "nothing":
        return;
      case "joined":
        return this.#handleJoined();
      case "message":
        return this.#handleMessage(outcome.event, outcome.payload);
      case "failed":
        return this.handleFailure(outcome.failure);
      case "join-refused":
      case "token-expired":
        this.#release("close");
        return this.#fail(outcome);
      default:
        unreachable(outcome);
    }
  }

  /** A binary frame arrived. The protocol has none. */
  handleBinary(): void {
    this.#counters.increment("binary-frame");
    this.#log.log("debug", "Ignored a binary frame");
  }

  /**
   * Sends a request. While there is no connection, changes of candidates are
   * held until the next join and everything else is dropped (portal spec
   * §3.8 and §4.6).
   */
  send(request: Request): RequestVerdict {
    const verdict = this.#send(request);
    if (verdict === "held" || verdict === "not-connected") {
      this.#counters.increment(verdict);
    }
    return verdict;
  }

  /** Forgets what is held for a peer whose connection failed or was closed. */
  forgetPeer(peer: string): void {
    this.#held.forget(peer);
  }

  /** Closes the connection for good. */
  stop(): void {
    if (this.#state.kind === "over") return;
    if (this.#state.kind !== "idle") this.#release("close");
    this.#enter({ kind: "over" });
  }

  /** Advances to `now`. Safe to call early, late or twice. */
  handleTimeout(now: Instant): void {
    if (this.#state.kind !== "connected") return;
    const failure = this.#state.session.handleTimeout(now);
    if (failure) this.handleFailure(failure);
  }

  /** When to call `handleTimeout`. */
  pollTimeout(): Instant {
    return this.#state.kind === "connected"
      ? this.#state.session.pollTimeout()
      : NEVER;
  }

  /** Returns the next text frame to write. Call it only when the socket can take a write. */
  pollTransmit(): string | undefined {
    if (this.#state.kind !== "connected") return undefined;
    const { session } = this.#state;
    const text = session.pollTransmit();
    if (session.heartbeatsUnanswered) {
      this.handleFailure({ kind: "heartbeats-unanswered" });
    }
    return text;
  }

  /** Returns the next thing for the shell to do or tell. */
  pollEvent(): ChannelEvent<Message> | undefined {
    return this.#events.shift();
  }

  #send(request: Request): RequestVerdict {
    const { profile } = this.#options;
    const change = profile.candidateChangeOf(request);
    if (change && this.#wasJoined && !this.joined) {
      this.#held.hold(change);
      return "held";
    }
    return this.#state.kind === "connected"
      ? this.#state.session.send(profile.encode(request, this.#generation))
      : "not-connected";
  }

  #handleUnreadable(refusal: FrameRefusal): void {
    this.#counters.increment(refusal);
    if (refusal === "truncated-json") {
      return this.handleFailure({ kind: "truncated-frame" });
    }
    this.#log.log("debug", "Dropped a frame", { reason: refusal });
  }

  #handleJoined(): void {
    if (this.#state.kind === "connected") this.#state.joined = true;
    this.#backoff = undefined;
    this.#wasJoined = true;
    this.#counters.increment("join");
    this.#emit({ kind: "joined" });

    for (const change of this.#held.take()) {
      const request = this.#options.profile.announce(change);
      if (request !== undefined) this.send(request);
    }
  }

  #handleMessage(event: string, payload: unknown): void {
    const message = this.#options.profile.parse(
      event,
      payload,
      this.#generation,
    );
    if (message.ok) {
      this.#emit({ kind: "message", message: message.value });
      return;
    }
    const { reason, at } = message.error;
    this.#counters.increment(reason);
    this.#log.log("debug", "Dropped a message", {
      event: event.slice(0, MAX_LOGGED_LENGTH),
      reason,
      at: at.slice(0, MAX_LOGGED_LENGTH),
    });
  }

  #retryAfter(failure: ConnectionFailure): void {
    const requestedMs = requestedDelayMs(failure);
    const backoffMs = requestedMs ?? this.#nextBackoffMs();
    if (backoffMs === undefined) {
      this.#fail({ kind: "budget-exhausted", lastFailure: failure });
      return;
    }
    const delayMs = requestedMs ??
      Math.min(backoffMs, longestDelayMs(failure));
    this.#emit({ kind: "disconnected", failure, retryInMs: delayMs });
    this.#connectIn(delayMs);
  }

  #nextBackoffMs(): number | undefined {
    const { profile, reconnectBudgetMs, random } = this.#options;
    this.#backoff ??= new Backoff(
      this.#wasJoined
        ? reconnectBackoff(reconnectBudgetMs ?? profile.reconnectBudgetMs)
        : INITIAL_BACKOFF,
      random,
    );
    return this.#backoff.next();
  }

  /** Portal spec §3.5: an attempt without delay restarts the budget. */
  #connectIn(delayMs: number): void {
    if (delayMs === 0) this.#backoff = undefined;
    this.#enter({ kind: "connecting" });
    this.#emit({ kind: "connect", delayMs });
  }

  #release(how: "close" | "drop"): void {
    this.#emit({ kind: "release", how });
  }

  #emit(event: ChannelEvent<Message>): void {
    assert(this.#events.push(event), "The shell drains events after each call");
  }

  #fail(reason: FatalReason): void {
    this.#enter({ kind: "over" });
    this.#emit({ kind: "fatal", reason });
  }

  /** The only writer of `#state`, so every edge is logged. */
  #enter(next: State): void {
    this.#log.log("debug", "State changed", {
      from: this.#state.kind,
      to: next.kind,
    });
    this.#state = next;
  }
}

import {
  after,
  Counters,
  earlier,
  type Instant,
  NEVER,
  Queue,
} from "../base/mod.ts";
import type { ConnectionFailure } from "./failure.ts";
import { encodeFrame, type Inbound } from "./frame.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { OutgoingEvent } from "./payloads.ts";

/** What an inbound frame means for the connection. */
export type SessionOutcome =
  | { readonly kind: "nothing" }
  | { readonly kind: "joined" }
  | {
    readonly kind: "message";
    readonly event: string;
    readonly payload: unknown;
  }
  | { readonly kind: "failed"; readonly failure: ConnectionFailure }
  | { readonly kind: "join-refused"; readonly reason: string }
  | { readonly kind: "token-expired" };

/** What became of a message to the portal. */
export type SendVerdict = "queued" | "duplicate" | "queue-full" | "too-large";

/** Events of the connection that are counted. */
export type SessionCount = "reply-ignored" | "rejoined" | SendVerdict;

/** All counted events. */
export const SESSION_COUNTS: readonly SessionCount[] = [
  "reply-ignored",
  "rejoined",
  "queued",
  "duplicate",
  "queue-full",
  "too-large",
];

/** How a room is entered. */
export interface Room {
  /** Name of the room. */
  readonly topic: string;
  /** Payload of the join. */
  readonly joinPayload: unknown;
  /** Sent right after each acknowledged join, before anything else. */
  readonly greeting: OutgoingEvent | undefined;
}

type Join =
  | { readonly kind: "to-write"; readonly deadline: Instant }
  | {
    readonly kind: "written";
    readonly ref: number;
    readonly deadline: Instant;
  }
  | { readonly kind: "acknowledged" };

interface QueuedEvent extends OutgoingEvent {
  /** Tells exact duplicates. */
  readonly text: string;
}

/** Portal spec §3.2: from the moment the join was queued. */
const JOIN_TIMEOUT_MS = 5_000;

/** Messages that wait for the socket. A gateway sends a handful for each authorization. */
const QUEUE_LIMIT = 4_096;

/** Portal spec §1.6: the portal closes the connection at 8,000,000 bytes. The envelope takes less than the difference. */
const MAX_EVENT_BYTES = 7_999_000;

/** A UTF-16 unit takes at most this many bytes of UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

const NOTHING: SessionOutcome = { kind: "nothing" };
const JOINED: SessionOutcome = { kind: "joined" };

/**
 * All state of one WebSocket connection: refs, join, heartbeats and messages
 * that wait. It dies with the connection, so nothing of it can leak into the
 * next one.
 */
export class Session {
  readonly #room: Room;
  readonly #counters: Counters<SessionCount>;
  readonly #heartbeat: Heartbeat;
  readonly #queue = new Queue<QueuedEvent>(QUEUE_LIMIT);
  #join: Join;
  #greetingIsDue = false;
  #nextRef = 0;

  /** Starts a session on a connection that was upgraded at `now`; the join is the first thing it writes. */
  constructor(room: Room, counters: Counters<SessionCount>, now: Instant) {
    this.#room = room;
    this.#counters = counters;
    this.#heartbeat = new Heartbeat(now);
    this.#join = joinBy(now);
  }

  /** Queues a message; it is written once the join is acknowledged. */
  send(event: OutgoingEvent): SendVerdict {
    const verdict = this.#enqueue(event);
    this.#counters.increment(verdict);
    return verdict;
  }

  /** Takes in what the portal said. */
  handle(inbound: Inbound, now: Instant): SessionOutcome {
    switch (inbound.kind) {
      case "acknowledged":
        return this.#handleAcknowledged(inbound.topic, inbound.ref);
      case "refused":
        return this.#handleRefused(inbound, now);
      case "channel-closed":
        return failed({ kind: "channel-closed" });
      case "channel-crashed":
        return NOTHING;
      case "token-expired":
        return { kind: "token-expired" };
      case "message":
        return inbound;
    }
  }

  /** Advances to `now`. Returns why the connection must be given up, if so. */
  handleTimeout(now: Instant): ConnectionFailure | undefined {
    if (this.#join.kind !== "acknowledged" && now >= this.#join.deadline) {
      return { kind: "join-timed-out" };
    }
    this.#heartbeat.handleTimeout(now);
    return undefined;
  }

  /** When to call `handleTimeout`. */
  pollTimeout(): Instant {
    const joinDeadline = this.#join.kind === "acknowledged"
      ? NEVER
      : this.#join.deadline;
    return earlier(joinDeadline, this.#heartbeat.pollTimeout());
  }

  /** Returns the next text to write. Call it only when the socket can take a write. */
  pollTransmit(): string | undefined {
    if (this.#heartbeat.due) {
      const ref = this.#nextRef++;
      this.#heartbeat.handleWritten(ref);
      return encodeFrame("phoenix", "heartbeat", {}, ref);
    }
    const { topic, joinPayload, greeting } = this.#room;
    if (this.#join.kind === "to-write") {
      const ref = this.#nextRef++;
      this.#join = { kind: "written", ref, deadline: this.#join.deadline };
      return encodeFrame(topic, "phx_join", joinPayload, ref);
    }
    if (this.#join.kind === "written") return undefined;

    const next = this.#greetingIsDue ? greeting : this.#queue.shift();
    this.#greetingIsDue = false;
    return next &&
      encodeFrame(topic, next.event, next.payload, this.#nextRef++);
  }

  /** Whether so many heartbeats are unanswered that the connection must be dead. */
  get heartbeatsUnanswered(): boolean {
    return this.#heartbeat.lost;
  }

  #enqueue(event: OutgoingEvent): SendVerdict {
    const text = JSON.stringify([event.event, event.payload]);
    if (!fits(text)) return "too-large";
    if (this.#queue.some((queued) => queued.text === text)) return "duplicate";
    return this.#queue.push({ ...event, text }) ? "queued" : "queue-full";
  }

  #handleAcknowledged(topic: string, ref: number): SessionOutcome {
    if (this.#isJoin(topic, ref)) {
      this.#join = { kind: "acknowledged" };
      this.#greetingIsDue = this.#room.greeting !== undefined;
      return JOINED;
    }
    if (!this.#heartbeat.handleReply(ref)) {
      this.#counters.increment("reply-ignored");
    }
    return NOTHING;
  }

  #handleRefused(
    { topic, ref, reason }: Extract<Inbound, { kind: "refused" }>,
    now: Instant,
  ): SessionOutcome {
    if (this.#isJoin(topic, ref)) return { kind: "join-refused", reason };

    const forgotUs = reason === "unmatched topic" &&
      topic === this.#room.topic && this.#join.kind === "acknowledged";
    if (forgotUs) this.#join = joinBy(now);
    this.#counters.increment(forgotUs ? "rejoined" : "reply-ignored");
    return NOTHING;
  }

  #isJoin(topic: string, ref: number): boolean {
    return this.#join.kind === "written" && this.#join.ref === ref &&
      topic === this.#room.topic;
  }
}

function joinBy(now: Instant): Join {
  return { kind: "to-write", deadline: after(now, JOIN_TIMEOUT_MS) };
}

function failed(failure: ConnectionFailure): SessionOutcome {
  return { kind: "failed", failure };
}

function fits(text: string): boolean {
  return text.length * MAX_BYTES_PER_UNIT <= MAX_EVENT_BYTES ||
    new TextEncoder().encode(text).length <= MAX_EVENT_BYTES;
}

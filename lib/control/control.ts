import {
  after,
  earlier,
  type Epoch,
  type Instant,
  instantAt,
  type Logger,
  NEVER,
  type RandomSource,
  unixAt,
  unixMs,
} from "../base/mod.ts";
import { Authorizations } from "./authorizations.ts";
import { Authorizer } from "./authorizer.ts";
import { type ConnectRequest, identify } from "./connect.ts";
import { answerControlCall, type ControlRequest } from "./control_call.ts";
import {
  CLOSE_CRASH,
  CLOSE_GOING_AWAY,
  CLOSE_NORMAL,
  CLOSE_PROTOCOL,
  CLOSE_RESTART,
  IDLE_TIMEOUT_MS,
  MAX_SOCKETS,
  RELAY_IDLE_TIMEOUT_MS,
} from "./constants.ts";
import { type Envelope, parseEnvelope, type Reply } from "./envelope.ts";
import { Events } from "./events.ts";
import { Faults } from "./faults.ts";
import { type ControlOutput, Outbox } from "./outbox.ts";
import { nextExpiry, type Policy } from "./policy.ts";
import { RateLimit } from "./rate_limit.ts";
import { type HttpAnswer, problem, type Refusal } from "./refusal.ts";
import { RelayDirectory } from "./relay_directory.ts";
import { newSession, type Session, Sessions } from "./sessions.ts";
import { Updates } from "./updates.ts";

/** What to do with a request to upgrade. */
export type ConnectAnswer =
  /** Complete the WebSocket handshake. */
  | { readonly kind: "accept" }
  /** Answer with this HTTP response. */
  | { readonly kind: "refuse"; readonly refusal: Refusal };

/** What a portal is made of. */
export interface ControlOptions {
  /** The parsed policy file. */
  readonly policy: Policy;
  /** Ties expiries to the clock. */
  readonly epoch: Epoch;
  /** For ids and for the choice among equals. */
  readonly random: RandomSource;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/** One socket, for people and tests. */
export interface SocketSnapshot {
  /** The shell's number. */
  readonly socket: number;
  /** Whose it is. */
  readonly role: "gateway" | "client" | "relay";
  /** UUID of a gateway or client, name of a relay. */
  readonly id: string;
  /** Whether its topic is joined. */
  readonly joined: boolean;
}

/** The portal as one core without I/O. See the module page. */
export class Control {
  /** What to do wrong on purpose. */
  readonly faults: Faults = new Faults();
  readonly #epoch: Epoch;
  readonly #log: Logger;
  readonly #outbox: Outbox;
  readonly #sessions = new Sessions();
  readonly #rateLimit = new RateLimit();
  readonly #relays: RelayDirectory;
  readonly #authorizer: Authorizer;
  readonly #updates: Updates;
  readonly #events: Events;
  #policy: Policy;
  #expiryAt: Instant = NEVER;

  /** Creates a portal that nobody has connected to. */
  constructor({ policy, epoch, random, log }: ControlOptions) {
    this.#policy = policy;
    this.#epoch = epoch;
    this.#log = log;
    this.#outbox = new Outbox(this.faults);
    this.#relays = new RelayDirectory(random);
    const authorizations = new Authorizations();
    const shared = {
      sessions: this.#sessions,
      authorizations,
      outbox: this.#outbox,
      relays: this.#relays,
    };
    this.#authorizer = new Authorizer({ ...shared, random, log });
    this.#updates = new Updates(shared);
    this.#events = new Events({
      ...shared,
      authorizer: this.#authorizer,
      updates: this.#updates,
    });
    this.#armExpiry(epoch.instant);
  }

  /** Handles a request to upgrade. After `accept` the caller uses `socket`, a number of its choice, for this connection. */
  handleConnect(
    socket: number,
    request: ConnectRequest,
    now: Instant,
  ): ConnectAnswer {
    const refusal = this.faults.refuseUpgrades ??
      this.#accept(socket, request, now);
    if (!refusal) return { kind: "accept" };
    this.#log.log("debug", "Connection refused", {
      path: request.path,
      status: refusal.status,
    });
    return { kind: "refuse", refusal };
  }

  /** Answers a request whose path `isControlPath`. */
  handleControlCall(request: ControlRequest, now: Instant): HttpAnswer {
    const nowS = this.#unixSeconds(now);
    const answer = answerControlCall(
      request,
      this.#policy,
      this.#updates,
      nowS,
    );
    const { status } = answer;
    this.#log.log("info", "Control call answered", {
      path: request.path,
      status,
    });
    return answer;
  }

  /** Handles a text frame. */
  handleText(socket: number, text: string, now: Instant): void {
    const session = this.#sessions.get(socket);
    if (!session) return;
    session.lastReceivedAt = now;
    const envelope = parseEnvelope(text);
    if (envelope) this.#handleEnvelope(session, envelope, now);
    else this.#close(session, CLOSE_CRASH, now);
  }

  /** Handles any other frame: it shows that the peer is alive. */
  handleActivity(socket: number, now: Instant): void {
    const session = this.#sessions.get(socket);
    if (session) session.lastReceivedAt = now;
  }

  /** Handles the end of a socket, whoever ended it. */
  handleClosed(socket: number, now: Instant): void {
    const session = this.#sessions.get(socket);
    if (session) this.#forget(session, now);
  }

  /** Puts another policy in force and tells everybody what changes for them. */
  handlePolicy(policy: Policy, now: Instant): void {
    const previous = this.#policy;
    this.#policy = policy;
    for (const session of this.#sessions.all()) {
      if (this.#ownsToken(session)) continue;
      if (session.role === "relay") {
        this.#close(session, CLOSE_GOING_AWAY, now);
      } else this.#signOut(session, now);
    }
    this.#updates.policyChanged(previous, policy, this.#unixSeconds(now));
    this.#armExpiry(now);
  }

  /** Closes all sockets as a deploy would. */
  stop(now: Instant): void {
    for (const session of this.#sessions.all()) {
      this.#close(session, CLOSE_RESTART, now);
    }
  }

  /** Advances to `now`. Safe to call early, late or twice. */
  handleTimeout(now: Instant): void {
    for (const session of this.#sessions.all()) {
      if (now >= idleDeadline(session)) {
        this.#close(session, CLOSE_PROTOCOL, now);
      }
    }
    this.#authorizer.handleTimeout(now);
    if (this.#relays.takeChange(now)) this.#updates.relaysChanged(this.#policy);
    if (now >= this.#expiryAt) this.#expire(now);
  }

  /** When `handleTimeout` is due. */
  pollTimeout(): Instant {
    let next = earlier(this.#authorizer.pollTimeout(), this.#expiryAt);
    next = earlier(next, this.#relays.pollTimeout());
    for (const session of this.#sessions.all()) {
      next = earlier(next, idleDeadline(session));
    }
    return next;
  }

  /** Returns what the shell has to do next, until `undefined`. */
  pollOutput(): ControlOutput | undefined {
    return this.#outbox.poll();
  }

  /** Lists the sockets. */
  snapshot(): SocketSnapshot[] {
    return this.#sessions.all().map(({ socket, role, joined, identity }) => ({
      socket,
      role,
      id: identity.role === "relay" ? identity.name : identity.id,
      joined,
    }));
  }

  /** Fault: sends `text` as it is, such as truncated JSON. */
  sendText(socket: number, text: string): void {
    this.#outbox.text(socket, text);
  }

  /** Fault: sends any event on the topic of the socket. */
  sendPush(socket: number, event: string, payload: unknown): void {
    const session = this.#sessions.get(socket);
    if (session) this.#outbox.push(session, event, payload);
  }

  /** Fault: sends what `faults.holdPushes` kept back. */
  releasePushes(order: "in-order" | "reversed"): void {
    this.#outbox.release(order);
  }

  /** Fault: closes the socket with any code. */
  closeSocket(socket: number, code: number, now: Instant): void {
    const session = this.#sessions.get(socket);
    if (session) this.#close(session, code, now);
  }

  /** Fault: ends the channel without ending the socket: `phx_close`. */
  closeChannel(socket: number, now: Instant): void {
    const session = this.#sessions.get(socket);
    if (session) this.#leave(session, now);
  }

  /** Fault: crashes the channel: `phx_error`, then close code 1012 (portal spec §7.6). */
  crashChannel(socket: number, now: Instant): void {
    const session = this.#sessions.get(socket);
    if (!session) return;
    this.#outbox.push(session, "phx_error", { reason: "channel_crash" });
    this.#close(session, CLOSE_RESTART, now);
  }

  #accept(
    socket: number,
    request: ConnectRequest,
    now: Instant,
  ): Refusal | undefined {
    const nowS = this.#unixSeconds(now);
    const rateLimit = this.#policy.connectRateLimit
      ? this.#rateLimit
      : undefined;
    const identity = identify(request, this.#policy, rateLimit, now, nowS);
    if (!identity.ok) return identity.error;

    const { value } = identity;
    if (value.role === "gateway" && this.#sessions.gateway(value.id)) {
      return problem("gateway_already_connected");
    }
    if (this.#sessions.size >= MAX_SOCKETS) return problem("rate_limit");
    this.#sessions.add(newSession(socket, value, now));
    return undefined;
  }

  #handleEnvelope(session: Session, envelope: Envelope, now: Instant): void {
    const { topic, event } = envelope;
    if (topic === "phoenix" && event === "heartbeat") {
      if (!this.faults.ignoreHeartbeats) this.#reply(session, envelope, OK);
    } else if (topic === session.role && event === "phx_join") {
      if (!this.faults.ignoreJoins) this.#join(session, envelope, now);
    } else if (topic !== session.role || !session.joined) {
      this.#reply(session, envelope, UNMATCHED_TOPIC);
    } else if (event === "phx_leave") {
      this.#reply(session, envelope, OK);
      this.#leave(session, now);
    } else {
      const nowS = this.#unixSeconds(now);
      const reply = this.#events.handle(
        this.#policy,
        session,
        envelope,
        now,
        nowS,
      );
      if (reply) this.#reply(session, envelope, reply);
    }
  }

  /** First wins among gateways, newest wins among clients and relays (portal spec §5.1.7, §5.2, §7.3). */
  #join(session: Session, envelope: Envelope, now: Instant): void {
    if (session.joined) this.#leave(session, now);
    switch (session.role) {
      case "relay":
        return this.#joinRelay(session, envelope, now);
      case "gateway":
        this.#reply(session, envelope, OK);
        if (this.#sessions.gateway(session.identity.id)) {
          return this.#signOut(session, now);
        }
        break;
      case "client": {
        const older = this.#sessions.client(session.identity.id);
        if (older) this.#signOut(older, now);
        this.#reply(session, envelope, OK);
        break;
      }
    }
    this.#sessions.join(session);
    this.#updates.init(session, this.#policy, this.#unixSeconds(now));
    this.#log.log("info", "Joined", {
      role: session.role,
      id: session.identity.id,
    });
  }

  #joinRelay(
    session: Extract<Session, { role: "relay" }>,
    envelope: Envelope,
    now: Instant,
  ): void {
    const relay = this.#events.readRelay(session, envelope.payload);
    if (!relay) return this.#reply(session, envelope, JOIN_CRASHED);

    const older = this.#sessions.get(this.#relays.join(relay, now) ?? -1);
    if (older) this.#stopChannel(older, now);
    this.#reply(session, envelope, OK);
    this.#sessions.join(session);
    this.#outbox.push(session, "init", {});
    this.#log.log("info", "Joined", { role: "relay", id: relay.id });
  }

  /** Ends a session for good: its process exits, or its user is signed out. */
  #signOut(session: Session, now: Instant): void {
    this.#outbox.push(session, "disconnect", { reason: "token_expired" });
    this.#stopChannel(session, now);
  }

  /** A socket whose channel has stopped is of no use to anybody (portal spec §12, 43). */
  #stopChannel(session: Session, now: Instant): void {
    this.#outbox.push(session, "phx_close", {});
    this.#close(session, CLOSE_NORMAL, now);
  }

  #leave(session: Session, now: Instant): void {
    this.#sessions.leave(session);
    this.#relays.leave(session.socket, now);
    this.#outbox.push(session, "phx_close", {});
  }

  #close(session: Session, code: number, now: Instant): void {
    this.#outbox.close(session.socket, code);
    this.#forget(session, now);
  }

  #forget(session: Session, now: Instant): void {
    this.#sessions.remove(session);
    this.#relays.leave(session.socket, now);
    this.#log.log("debug", "Socket gone", { role: session.role });
  }

  #expire(now: Instant): void {
    const nowS = this.#unixSeconds(now);
    for (const client of this.#sessions.clients()) {
      const entry = this.#policy.clients.get(client.identity.id);
      if (entry && entry.expiresAt <= nowS) this.#signOut(client, now);
    }
    this.#updates.policyChanged(this.#policy, this.#policy, nowS);
    this.#armExpiry(now);
  }

  #armExpiry(now: Instant): void {
    const next = nextExpiry(this.#policy, this.#unixSeconds(now));
    this.#expiryAt = next === undefined
      ? NEVER
      : instantAt(this.#epoch, unixMs(next * 1_000));
  }

  #ownsToken({ identity }: Session): boolean {
    const owner = this.#policy.tokens.get(identity.tokenHash);
    if (!owner) return false;
    return identity.role === "relay"
      ? owner.role === "relay" && owner.name === identity.name
      : owner.role === identity.role && owner.id === identity.id;
  }

  #reply(session: Session, envelope: Envelope, reply: Reply): void {
    this.#outbox.reply(session, envelope, reply);
  }

  #unixSeconds(now: Instant): number {
    return Math.floor(unixAt(this.#epoch, now) / 1_000);
  }
}

const OK: Reply = { status: "ok" };
const UNMATCHED_TOPIC: Reply = { status: "error", reason: "unmatched topic" };
const JOIN_CRASHED: Reply = { status: "error", reason: "join crashed" };

function idleDeadline(session: Session): Instant {
  const limit = session.role === "relay"
    ? RELAY_IDLE_TIMEOUT_MS
    : IDLE_TIMEOUT_MS;
  return after(session.lastReceivedAt, limit);
}

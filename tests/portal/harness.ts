import {
  type Instant,
  instant,
  type Logger,
  NO_LOG,
} from "../../lib/base/mod.ts";
import {
  Channel,
  type ChannelEvent,
  type ChannelOptions,
  type ConnectionFailure,
  GATEWAY_PROFILE,
  type GatewayMessage,
  type GatewayRequest,
} from "../../lib/portal/mod.ts";
import { SeededRandom } from "../support/random.ts";

/** A frame as the portal sees it. */
export interface SentFrame {
  readonly topic: string;
  readonly event: string;
  readonly payload: unknown;
  readonly ref: number;
}

export type GatewayEvent = ChannelEvent<GatewayMessage>;

export const CLIENT_ID = "11111111-aaaa-4aaa-8aaa-111111111111";
export const RESOURCE_ID = "66666666-ffff-4fff-8fff-666666666666";

export const LOST: ConnectionFailure = { kind: "ended" };

/** A gateway's channel on a virtual clock, with a portal that does what the test says. */
export class Harness {
  readonly channel: Channel<GatewayMessage, GatewayRequest>;
  now: Instant = instant(1_000_000);
  writable = true;

  constructor(
    options: Partial<ChannelOptions<GatewayMessage, GatewayRequest>> = {},
    log: Logger = NO_LOG,
  ) {
    this.channel = new Channel({
      profile: GATEWAY_PROFILE,
      random: new SeededRandom(7),
      log,
      ...options,
    });
  }

  /** Everything the channel writes, if the socket takes it. */
  sent(): SentFrame[] {
    const frames: SentFrame[] = [];
    while (this.writable) {
      const text = this.channel.pollTransmit();
      if (text === undefined) break;
      frames.push(JSON.parse(text));
    }
    return frames;
  }

  events(): GatewayEvent[] {
    const events: GatewayEvent[] = [];
    for (let e = this.channel.pollEvent(); e; e = this.channel.pollEvent()) {
      events.push(e);
    }
    return events;
  }

  kinds(): string[] {
    return this.events().map((event) => event.kind);
  }

  /** Lets time pass in steps of the channel's own deadlines, collecting what it writes. */
  advance(ms: number): SentFrame[] {
    const end = this.now + ms;
    const frames = this.sent();
    for (;;) {
      const next = this.channel.pollTimeout();
      if (next > end) break;
      this.now = instant(Math.max(next, this.now));
      this.channel.handleTimeout(this.now);
      frames.push(...this.sent());
    }
    this.now = instant(end);
    return frames;
  }

  /** Goes from nothing, or from an announced attempt, to an open socket. */
  open(): this {
    if (this.channel.pollTimeout() === Infinity) this.channel.connect();
    this.events();
    this.channel.handleConnected(this.now);
    return this;
  }

  /** Goes on to an acknowledged join. */
  join(): this {
    this.open();
    this.acknowledgeJoin();
    this.events();
    return this;
  }

  /** Reports a failure of the connection and takes up the attempt that follows. */
  reopen(failure: ConnectionFailure = LOST): void {
    this.channel.handleFailure(failure);
    this.events();
    this.channel.handleConnected(this.now);
  }

  acknowledgeJoin(): void {
    const join = this.sent().find((frame) => frame.event === "phx_join");
    this.reply(join?.ref ?? 0);
  }

  /** Reports a failure and returns the announced delay, or the fatal reason. */
  failWith(failure: ConnectionFailure): number | string {
    this.channel.handleFailure(failure);
    const last = this.events().at(-1);
    if (last?.kind === "connect") return last.delayMs;
    return last?.kind === "fatal" ? last.reason.kind : `not ${last?.kind}`;
  }

  /** Sends an ok reply. */
  reply(ref: number, topic = "gateway", response: unknown = {}): void {
    this.receive({
      topic,
      event: "phx_reply",
      payload: { status: "ok", response },
      ref,
    });
  }

  refuse(ref: number, reason: string, topic = "gateway"): void {
    this.receive({
      topic,
      event: "phx_reply",
      payload: { status: "error", response: { reason } },
      ref,
    });
  }

  push(event: string, payload: unknown): void {
    this.receive({ topic: "gateway", event, payload, ref: null });
  }

  receive(frame: unknown): void {
    this.receiveText(JSON.stringify(frame));
  }

  receiveText(text: string): void {
    this.channel.handleText(text, this.now);
  }
}

/** A refused upgrade. */
export function rejected(
  status: number,
  response: {
    retryAfter?: string;
    contentType?: string;
    body?: string;
    receivedAt?: number;
  } = {},
): ConnectionFailure {
  const { retryAfter, contentType, body = "", receivedAt = 0 } = response;
  return {
    kind: "rejected",
    response: {
      status,
      retryAfter,
      contentType,
      body,
      receivedAt: receivedAt as never,
    },
  };
}

/** A refused upgrade with a problem document. */
export function problem(
  status: number,
  members: object,
  contentType = "application/problem+json; charset=utf-8",
): ConnectionFailure {
  return rejected(status, { contentType, body: JSON.stringify(members) });
}

/** A valid `init`. */
export function initPayload(overrides: object = {}): object {
  return {
    interface: { ipv4: "100.70.12.9", ipv6: "fd00:2021:1111::8:1a2b" },
    config: { ipv4_masquerade_enabled: true, ipv6_masquerade_enabled: true },
    flow_logs: {
      api_url: "https://flow.example/",
      upload_interval_secs: 60,
      upload_batch_size: 1000,
    },
    ...overrides,
  };
}

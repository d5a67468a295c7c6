import assert from "node:assert/strict";
import {
  formatSocketAddress,
  type Instant,
  instant,
  NO_LOG,
  type RandomSource,
  toHex,
} from "../../lib/base/mod.ts";
import { longTermKey, sealStun, verifyIntegrity } from "../../lib/stun/mod.ts";
import {
  Allocation,
  type AllocationEvent,
  type AllocationOptions,
} from "../../lib/turn/mod.ts";
import {
  encodeStun,
  type StunAttribute,
  StunView,
} from "../../lib/wire/mod.ts";
import { addressOf } from "../support/datagram.ts";
import { SeededRandom } from "../support/random.ts";

export const RELAY4 = "192.0.2.10:3478";
export const RELAY6 = "[2001:db8::10]:3478";
export const LOCAL4 = "10.0.0.5:52625";
export const LOCAL6 = "[2001:db8::5]:52625";
export const MAPPED4 = "203.0.113.7:40001";
export const RELAYED4 = "198.51.100.9:51234";
export const RELAYED6 = "[2001:db8:9::9]:51234";
export const NONCE = "00000000-0000-4000-8000-000000000001";
export const USERNAME =
  "2145916800:vWv9RfZkTOa8lNJGVhSPK65JoOhjM2b5vyNIV8CU2zE";
export const PASSWORD = "Ss5oQP/cSPEGAn4VHay0yTT6+MuRPZOt+KMhU8J4D6w";
const KEY = longTermKey(USERNAME, "firezone", PASSWORD);

const METHOD_NAMES: Readonly<Record<number, string>> = {
  0x001: "binding",
  0x003: "allocate",
  0x004: "refresh",
  0x008: "create-permission",
  0x009: "channel-bind",
};

/** A request as the relay would see it. */
export interface SentRequest {
  readonly at: number;
  readonly to: string;
  readonly method: string;
  readonly id: string;
  readonly nonce: string | undefined;
  readonly lifetime: number | undefined;
  readonly channel: number | undefined;
  readonly peer: string | undefined;
  readonly isSigned: boolean;
  readonly payload: Uint8Array;
}

/** How a reply differs from an honest one. */
export interface ReplyOptions {
  readonly from?: string;
  readonly local?: string;
  readonly key?: Uint8Array | null;
}

/** One allocation, a clock, and the test in the place of the relay. */
export class TurnLab {
  readonly allocation: Allocation;
  readonly events: AllocationEvent[] = [];
  #now = 1_000;
  #sent: SentRequest[] = [];

  constructor(
    options: Partial<AllocationOptions> & { readonly random?: RandomSource } =
      {},
  ) {
    this.allocation = new Allocation({
      id: "relay-1",
      ipv4: addressOf(RELAY4),
      ipv6: addressOf(RELAY6),
      username: USERNAME,
      password: PASSWORD,
      now: this.now,
      random: new SeededRandom(1),
      log: NO_LOG,
      ...options,
    });
    this.#drain();
  }

  get now(): Instant {
    return instant(this.#now);
  }

  /** Lets time pass, with a timeout at each deadline. */
  advance(ms: number): void {
    const until = this.#now + ms;
    while (this.allocation.pollTimeout() <= until) {
      const next = this.allocation.pollTimeout();
      assert.ok(
        next > this.#now || this.#timeoutMoved(next),
        "The timer spins",
      );
      this.#now = Math.max(this.#now, next);
      this.allocation.handleTimeout(this.now);
      this.#drain();
    }
    this.#now = until;
    this.allocation.handleTimeout(this.now);
    this.#drain();
  }

  /** Jumps ahead with a single late timeout, as after a suspend. */
  sleep(ms: number): void {
    this.#now += ms;
    this.allocation.handleTimeout(this.now);
    this.#drain();
  }

  /** Returns what was sent since the last call. */
  takeSent(): SentRequest[] {
    this.#drain();
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  /** Returns the one request that was sent since the last call. */
  takeOne(method: string): SentRequest {
    const sent = this.takeSent();
    assert.deepEqual(sent.map((request) => request.method), [method]);
    return sent[0]!;
  }

  /** Returns the events since the last call in short form. */
  takeEvents(): string[] {
    const events = this.events.splice(0);
    return events.map((event) =>
      event.kind === "failed"
        ? `failed ${event.reason}`
        : `${event.kind.replace("candidate-", "")} ${event.candidate.kind} ` +
          formatSocketAddress(event.candidate.address)
    );
  }

  succeed(
    request: SentRequest,
    attributes: readonly StunAttribute[],
    options: ReplyOptions = {},
  ): boolean {
    return this.#reply("success", request, attributes, options);
  }

  fail(
    request: SentRequest,
    code: number,
    attributes: readonly StunAttribute[] = [],
    options: ReplyOptions = {},
  ): boolean {
    const error = { kind: "error-code", code, reason: "No" } as const;
    return this.#reply("error", request, [error, ...attributes], options);
  }

  /** Passes time and messages until there is an allocation with both families. */
  allocate(lifetimeSeconds = 600): void {
    const [binding] = this.takeSent();
    this.succeed(binding!, mapped(MAPPED4));
    this.challenge(this.takeOne("allocate"));
    this.succeed(this.takeOne("allocate"), allocated(lifetimeSeconds));
  }

  challenge(request: SentRequest, nonce = NONCE): void {
    this.fail(request, 401, [
      { kind: "realm", text: "firezone" },
      { kind: "nonce", text: nonce },
    ]);
  }

  /** Binds a channel and confirms it. */
  bind(peer: string): number {
    this.allocation.bindChannel(addressOf(peer), this.now);
    const request = this.takeOne("channel-bind");
    this.succeed(request, []);
    return request.channel!;
  }

  /** Delivers a message that answers nothing, such as an indication. */
  deliver(payload: Uint8Array): boolean {
    const [from, local] = [addressOf(RELAY4), addressOf(LOCAL4)];
    return this.allocation.handleDatagram(
      from,
      local,
      viewOf(payload),
      this.now,
    );
  }

  #reply(
    kind: "success" | "error",
    request: SentRequest,
    attributes: readonly StunAttribute[],
    { from = request.to, local, key = KEY }: ReplyOptions,
  ): boolean {
    const view = viewOf(request.payload);
    const message = encodeStun({
      class: kind,
      method: view.method,
      transactionId: view.transactionId(),
      attributes,
    });
    const bytes = request.method === "binding" || key === null
      ? message
      : sealStun(message, key);
    const isIpv6 = from.startsWith("[");
    const handled = this.allocation.handleDatagram(
      addressOf(from),
      addressOf(local ?? (isIpv6 ? LOCAL6 : LOCAL4)),
      viewOf(bytes),
      this.now,
    );
    this.#drain();
    return handled;
  }

  #drain(): void {
    for (
      let t = this.allocation.pollTransmit();
      t;
      t = this.allocation.pollTransmit()
    ) {
      assert.equal(t.source, null);
      assert.equal(t.localPort, 0);
      this.#sent.push(
        describe(t.payload, formatSocketAddress(t.destination), this.#now),
      );
    }
    for (
      let e = this.allocation.pollEvent();
      e;
      e = this.allocation.pollEvent()
    ) {
      this.events.push(e);
    }
  }

  #timeoutMoved(before: Instant): boolean {
    this.allocation.handleTimeout(this.now);
    this.#drain();
    return this.allocation.pollTimeout() > before;
  }
}

export function mapped(address: string): StunAttribute[] {
  return [{ kind: "xor-mapped-address", address: addressOf(address) }];
}

export function allocated(
  lifetimeSeconds: number,
  ...relayed: readonly string[]
): StunAttribute[] {
  const addresses = relayed.length > 0 ? relayed : [RELAYED4, RELAYED6];
  return [
    ...addresses.map((address) => ({
      kind: "xor-relayed-address" as const,
      address: addressOf(address),
    })),
    ...mapped(MAPPED4),
    ...lifetime(lifetimeSeconds),
  ];
}

export function lifetime(seconds: number): StunAttribute[] {
  return [{ kind: "lifetime", seconds }];
}

export function viewOf(bytes: Uint8Array): StunView {
  const view = new StunView();
  assert.ok(view.attach(bytes, 0, bytes.length), `${view.refusal}`);
  return view;
}

function describe(payload: Uint8Array, to: string, at: number): SentRequest {
  const view = viewOf(payload);
  assert.equal(view.class, "request");
  const peer = view.xorPeer();
  const isSigned = verifyIntegrity(view, KEY) && view.username() === USERNAME &&
    view.realm() === "firezone";
  return {
    at,
    to,
    method: METHOD_NAMES[view.method] ?? "unknown",
    id: toHex(view.transactionId()),
    nonce: view.nonce(),
    lifetime: view.lifetime(),
    channel: view.channelNumber(),
    peer: peer && formatSocketAddress(peer),
    isSigned,
    payload,
  };
}

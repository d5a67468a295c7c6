import assert from "node:assert/strict";
import {
  NO_LOG,
  readU16,
  type SocketAddress,
  writeU16,
} from "../../lib/base/mod.ts";
import { longTermKey, sealStun } from "../../lib/stun/mod.ts";
import { Allocation } from "../../lib/turn/mod.ts";
import {
  STUN_METHOD,
  StunView,
  writeChannelDataHeader,
} from "../../lib/wire/mod.ts";
import { LoopbackSocket, realNow } from "./udp_shell.ts";

const REALM = "firezone";

/** Attribute types that a REFRESH of Firezone has and coturn does not allow there. */
const NOT_ON_REFRESH = [0x0019, 0x8000];

/** ADDITIONAL-ADDRESS-FAMILY in RFC 8656, and in the draft that coturn follows. */
const ADDITIONAL_FAMILY = 0x8000;
const ADDITIONAL_FAMILY_OF_DRAFT = 0x8032;

/** USERNAME, the first attribute of the credentials. */
const USERNAME = 0x0006;

/** How far a `TurnNode` goes to meet coturn. */
export interface Translation {
  /** Signs errors that coturn sends unsigned, which an `Allocation` ignores. */
  signsErrors: boolean;
  /** Takes off a REFRESH what coturn does not allow there. */
  trimsRefresh: boolean;
}

/**
 * An `Allocation` with a real socket and clock, which translates for coturn.
 *
 * By itself an Allocation cannot work with coturn, because Firezone deviates
 * from RFC 8489 §9.2 and RFC 8656: its first request is signed without a
 * nonce, which coturn answers with 400; the refusal that brings the nonce must
 * be signed (p2p spec §4.2), which coturn's is not; and its REFRESH repeats
 * the attributes of ALLOCATE. Apart from that, coturn knows the second address
 * family by the number of a draft. All else passes as it is.
 */
export class TurnNode {
  readonly allocation: Allocation;
  readonly translation: Translation;
  /** What came through channels, as text. */
  readonly received: string[] = [];
  readonly failures: string[] = [];
  /** The error codes of all answers. */
  readonly errors: number[] = [];
  /** The methods of all requests that coturn granted. */
  readonly granted: number[] = [];
  /** The methods of all requests. */
  readonly asked: number[] = [];
  readonly #key: Uint8Array;
  #socket!: LoopbackSocket;
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(
    relay: SocketAddress,
    username: string,
    password: string,
    translation: Partial<Translation>,
  ) {
    this.#key = longTermKey(username, REALM, password);
    this.translation = {
      signsErrors: true,
      trimsRefresh: true,
      ...translation,
    };
    this.allocation = new Allocation({
      id: "coturn",
      ipv4: relay,
      username,
      password,
      now: realNow(),
      random: { fill: (bytes) => void crypto.getRandomValues(bytes) },
      log: NO_LOG,
    });
  }

  static async start(
    relay: SocketAddress,
    username: string,
    password: string,
    translation: Partial<Translation> = {},
  ): Promise<TurnNode> {
    const node = new TurnNode(relay, username, password, translation);
    node.#socket = await LoopbackSocket.open(
      0,
      (bytes, from) => node.#receive(bytes, from),
    );
    node.#timer = setInterval(() => {
      node.allocation.handleTimeout(realNow());
      node.drain();
    }, 20);
    node.drain();
    return node;
  }

  /** Sends text on the channel to `peer`, which must have been bound. */
  sendData(peer: SocketAddress, text: string): void {
    const data = new TextEncoder().encode(text);
    const payload = new Uint8Array(4 + data.length);
    const channel = this.allocation.channelTo(peer, realNow());
    assert.notEqual(channel, 0);
    writeChannelDataHeader(payload, 0, channel, data.length);
    payload.set(data, 4);
    this.#socket.send(payload, this.allocation.activeSocket!);
  }

  /** Tells whether the first channel is confirmed. */
  get hasChannel(): boolean {
    return this.allocation.peerOf(0x4000, realNow()) !== undefined;
  }

  /** Sends what waits. */
  drain(): void {
    const { allocation } = this;
    for (let t = allocation.pollTransmit(); t; t = allocation.pollTransmit()) {
      this.asked.push(viewOf(t.payload).method);
      this.#socket.send(this.#translated(t.payload), t.destination);
    }
    for (let e = allocation.pollEvent(); e; e = allocation.pollEvent()) {
      if (e.kind === "failed") this.failures.push(e.reason);
    }
  }

  #receive(bytes: Uint8Array, source: SocketAddress): void {
    if ((bytes[0] ?? 0xff) > 3) {
      const length = readU16(bytes, 2);
      this.received.push(new TextDecoder().decode(bytes.slice(4, 4 + length)));
      return;
    }
    const stun = viewOf(this.#signed(bytes));
    if (stun.class === "success") this.granted.push(stun.method);
    this.allocation.handleDatagram(
      source,
      this.#socket.address,
      stun,
      realNow(),
    );
    this.drain();
  }

  #translated(request: Uint8Array): Uint8Array {
    const view = viewOf(request);
    if (!view.hasIntegrity) return request;
    if (view.nonce() === undefined) return withoutCredentials(request);
    const unsigned = withoutIntegrity(request);
    if (view.method === STUN_METHOD.allocate) {
      return sealStun(inDraftNumbers(unsigned), this.#key);
    }
    const isTrimmed = view.method === STUN_METHOD.refresh &&
      this.translation.trimsRefresh;
    return isTrimmed
      ? sealStun(without(unsigned, NOT_ON_REFRESH), this.#key)
      : request;
  }

  #signed(answer: Uint8Array): Uint8Array {
    const view = viewOf(answer);
    const code = view.errorCode();
    if (code === undefined) return answer;
    this.errors.push(code);
    return this.translation.signsErrors && !view.hasIntegrity
      ? sealStun(withoutFingerprint(answer), this.#key)
      : answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#socket.close();
  }
}

function viewOf(bytes: Uint8Array): StunView {
  const view = new StunView();
  assert.ok(view.attach(bytes, 0, bytes.length), `${view.refusal}`);
  return view;
}

/** Returns where each attribute starts and its type. */
function* attributesOf(message: Uint8Array): Generator<[number, number]> {
  for (let at = 20; at < message.length; at += sizeAt(message, at)) {
    yield [at, readU16(message, at)];
  }
}

function sizeAt(message: Uint8Array, at: number): number {
  return 4 + (readU16(message, at + 2) + 3 & ~3);
}

function cutAt(message: Uint8Array, at: number): Uint8Array {
  const cut = message.slice(0, at);
  writeU16(cut, 2, at - 20);
  return cut;
}

/** Cuts off USERNAME and what follows: REALM and MESSAGE-INTEGRITY. */
function withoutCredentials(request: Uint8Array): Uint8Array {
  for (const [at, type] of attributesOf(request)) {
    if (type === USERNAME) return cutAt(request, at);
  }
  return request;
}

/** Cuts off MESSAGE-INTEGRITY, the last attribute of a request. */
function withoutIntegrity(request: Uint8Array): Uint8Array {
  return cutAt(request, request.length - 24);
}

/** Cuts a FINGERPRINT off, if the message ends with one. */
function withoutFingerprint(message: Uint8Array): Uint8Array {
  const at = message.length - 8;
  return readU16(message, at) === 0x8028 ? cutAt(message, at) : message;
}

/** Writes ADDITIONAL-ADDRESS-FAMILY as coturn reads it. */
function inDraftNumbers(request: Uint8Array): Uint8Array {
  const renamed = request.slice();
  for (const [at, type] of attributesOf(request)) {
    if (type === ADDITIONAL_FAMILY) {
      writeU16(renamed, at, ADDITIONAL_FAMILY_OF_DRAFT);
    }
  }
  return renamed;
}

/** Takes out all attributes of these types. */
function without(message: Uint8Array, types: readonly number[]): Uint8Array {
  const kept = [...attributesOf(message)]
    .filter(([, type]) => !types.includes(type))
    .flatMap(([at]) => [...message.slice(at, at + sizeAt(message, at))]);
  const trimmed = Uint8Array.from([...message.slice(0, 20), ...kept]);
  writeU16(trimmed, 2, kept.length);
  return trimmed;
}

import assert from "node:assert/strict";
import {
  type Datagram,
  type DatagramSink,
  type Ecn,
  equalSocketAddresses,
  formatIp,
  formatSocketAddress,
  type Instant,
  instant,
  type IpAddress,
  NO_LOG,
  parseIp,
  type RandomSource,
  type SocketAddress,
  unixMs,
} from "../../lib/base/mod.ts";
import { RelayServer, type RelayServerOptions } from "../../lib/relay/mod.ts";
import {
  formatRelayUsername,
  longTermKey,
  relayPassword,
  sealStun,
  verifyIntegrity,
} from "../../lib/stun/mod.ts";
import {
  encodeStun,
  type StunAttribute,
  type StunClass,
  StunView,
} from "../../lib/wire/mod.ts";
import { addressOf } from "../support/datagram.ts";
import { SeededRandom } from "../support/random.ts";

export const SECRET =
  "4c98bf59c99b3e467ecd7cf9d6b3e5279645fca59be67bc5bb4af3cf653761ab";
export const RELAY4 = "198.51.100.9";
export const RELAY6 = "2001:db8:9::9";
export const UNIX_NOW = 1_800_000_000;
const FAR_FUTURE = 2_145_916_800;

export const METHOD = {
  binding: 0x001,
  allocate: 0x003,
  refresh: 0x004,
  createPermission: 0x008,
  channelBind: 0x009,
};

export const UDP: StunAttribute = { kind: "requested-transport", protocol: 17 };
export const BOTH: StunAttribute = {
  kind: "additional-address-family",
  family: 6,
};

/** A datagram that left the relay. */
export interface Output {
  readonly fromPort: number;
  readonly to: string;
  readonly payload: Uint8Array;
}

/** An answer of the relay, read. */
export interface Answer {
  readonly class: StunClass;
  readonly code: number | undefined;
  readonly view: StunView;
  readonly payload: Uint8Array;
}

/** A relay, a clock, and everything that leaves the relay. */
export class RelayLab {
  readonly server: RelayServer;
  readonly sink = new RecordingSink();
  #now = 0;

  constructor(
    options: Partial<RelayServerOptions> & { readonly random?: RandomSource } =
      {},
  ) {
    this.server = new RelayServer({
      stampSecret: SECRET,
      publicIpv4: ipOf(RELAY4),
      publicIpv6: ipOf(RELAY6),
      lowestPort: 49_152,
      highestPort: 65_535,
      epoch: { instant: instant(0), unix: unixMs(UNIX_NOW * 1_000) },
      random: new SeededRandom(1),
      log: NO_LOG,
      ...options,
    });
  }

  get now(): Instant {
    return instant(this.#now);
  }

  get counters(): Readonly<Record<string, number>> {
    return this.server.snapshot().counters;
  }

  advance(ms: number): void {
    this.#now += ms;
    this.server.handleTimeout(this.now);
  }

  /** Lets time pass without telling the relay. */
  passUnnoticed(ms: number): void {
    this.#now += ms;
  }

  /** Delivers a datagram and returns what it led to. */
  deliver(source: string, localPort: number, payload: Uint8Array): Output[] {
    const from = addressOf(source);
    const local = {
      ip: ipOf(from.ip.family === 4 ? RELAY4 : RELAY6),
      port: localPort,
    };
    const datagram = new TestDatagram(payload, from, local);
    this.server.handleDatagram(datagram, this.now, this.sink);
    const outputs = this.sink.outputs.splice(0);
    for (
      let t = this.server.pollTransmit();
      t;
      t = this.server.pollTransmit()
    ) {
      assert.equal(t.source && formatIp(t.source), formatIp(local.ip));
      outputs.push({
        fromPort: t.localPort,
        to: formatSocketAddress(t.destination),
        payload: t.payload,
      });
    }
    return outputs;
  }

  events(): string[] {
    const events: string[] = [];
    for (let e = this.server.pollEvent(); e; e = this.server.pollEvent()) {
      events.push(`${e.kind} ${e.port}`);
    }
    return events;
  }
}

/** How a request differs from an ordinary one. */
export interface RequestOptions {
  readonly username?: string | null;
  readonly password?: string;
  readonly nonce?: string | null;
  readonly sign?: boolean;
}

/** A client socket in front of a relay. */
export class RelayClient {
  readonly address: string;
  readonly username: string;
  nonce: string | undefined;
  readonly #lab: RelayLab;
  #ids = 0;

  constructor(
    lab: RelayLab,
    address: string,
    salt = address.replaceAll(":", "-"),
  ) {
    this.#lab = lab;
    this.address = address;
    this.username = usernameOf(salt);
  }

  /** Sends a request and returns the answer, `undefined` if there is none. */
  request(
    method: number,
    attributes: readonly StunAttribute[] = [],
    options: RequestOptions = {},
  ): Answer | undefined {
    const { username = this.username, nonce = this.nonce ?? null } = options;
    const all = [...attributes];
    if (username !== null) all.push({ kind: "username", text: username });
    all.push({ kind: "realm", text: "firezone" });
    if (nonce !== null) all.push({ kind: "nonce", text: nonce });
    const message = this.#encode(method, all);
    if (options.sign === false) return this.send(message);
    const password = options.password ?? passwordOf(username ?? "");
    return this.send(
      sealStun(message, longTermKey(username ?? "", "firezone", password)),
    );
  }

  /** Sends a request that carries nothing but `attributes`. */
  bare(
    method: number,
    attributes: readonly StunAttribute[] = [],
  ): Answer | undefined {
    return this.send(this.#encode(method, attributes));
  }

  /** Sends bytes to the main port and returns the answer. */
  send(payload: Uint8Array): Answer | undefined {
    const [output] = this.#lab.deliver(this.address, 3478, payload);
    if (!output) return undefined;
    assert.equal(output.to, this.address);
    assert.equal(output.fromPort, 0);
    const view = new StunView();
    assert.equal(view.attach(output.payload, 0, output.payload.length), true);
    return {
      class: view.class,
      code: view.errorCode(),
      view,
      payload: output.payload,
    };
  }

  /** Sends a request, with a fresh nonce if it needs one. */
  ask(method: number, attributes: readonly StunAttribute[] = []): Answer {
    let answer = this.request(method, attributes);
    if (answer?.code === 401 || answer?.code === 438) {
      this.nonce = answer.view.nonce();
      answer = this.request(method, attributes);
    }
    assert.ok(answer);
    return answer;
  }

  /** Makes an allocation with both families and returns its port. */
  allocate(...attributes: readonly StunAttribute[]): number {
    const answer = this.ask(METHOD.allocate, [UDP, BOTH, ...attributes]);
    assert.equal(answer.class, "success", `${answer.code}`);
    return answer.view.xorRelayed()[0]!.port;
  }

  bind(channel: number, peer: string): Answer {
    const address = addressOf(peer);
    return this.ask(METHOD.channelBind, [
      { kind: "xor-peer-address", address },
      { kind: "channel-number", channel },
    ]);
  }

  refresh(...attributes: readonly StunAttribute[]): Answer {
    return this.ask(METHOD.refresh, attributes);
  }

  /** Sends ChannelData and returns what leaves the relay. */
  sendData(channel: number, data: Uint8Array, padding = 0): Output[] {
    const payload = new Uint8Array(4 + data.length + padding);
    payload.set([channel >> 8, channel, data.length >> 8, data.length]);
    payload.set(data, 4);
    return this.#lab.deliver(this.address, 3478, payload);
  }

  /** Tells whether an answer is signed with our key. */
  isSigned(answer: Answer, username = this.username): boolean {
    const key = longTermKey(username, "firezone", passwordOf(username));
    return verifyIntegrity(answer.view, key);
  }

  #encode(method: number, attributes: readonly StunAttribute[]): Uint8Array {
    const transactionId = new Uint8Array(12);
    transactionId[0] = ++this.#ids;
    return encodeStun({ class: "request", method, transactionId, attributes });
  }
}

export function usernameOf(
  salt: string,
  expiresAtUnixSeconds = FAR_FUTURE,
): string {
  return formatRelayUsername({ expiresAtUnixSeconds, salt });
}

export function passwordOf(username: string): string {
  const [expiry = "", salt = ""] = username.split(":");
  return relayPassword(SECRET, { expiresAtUnixSeconds: Number(expiry), salt });
}

export function ipOf(text: string): IpAddress {
  const ip = parseIp(text);
  assert.ok(ip);
  return ip;
}

/** Takes what the relay forwards. */
export class RecordingSink implements DatagramSink {
  readonly bytes = new Uint8Array(4_096);
  readonly outputs: Output[] = [];

  reserve(): number {
    return 64;
  }

  commit(
    length: number,
    _source: IpAddress | null,
    localPort: number,
    destination: SocketAddress,
    ecn: Ecn,
  ): void {
    assert.equal(ecn, 0);
    this.outputs.push({
      fromPort: localPort,
      to: formatSocketAddress(destination),
      payload: this.bytes.slice(64, 64 + length),
    });
  }
}

/** A datagram at an offset, as in an arena. */
class TestDatagram implements Datagram {
  readonly bytes: Uint8Array;
  readonly start = 3;
  readonly end: number;
  readonly sourcePort: number;
  readonly localPort: number;
  readonly ecn = 0;
  readonly #source: SocketAddress;
  readonly #local: SocketAddress;

  constructor(
    payload: Uint8Array,
    source: SocketAddress,
    local: SocketAddress,
  ) {
    this.bytes = new Uint8Array(payload.length + 6);
    this.bytes.set(payload, this.start);
    this.end = this.start + payload.length;
    this.sourcePort = source.port;
    this.localPort = local.port;
    this.#source = source;
    this.#local = local;
  }

  isFrom(address: SocketAddress): boolean {
    return equalSocketAddresses(this.#source, address);
  }

  isTo(address: SocketAddress): boolean {
    return equalSocketAddresses(this.#local, address);
  }

  copySourceIp(target: Uint8Array): 4 | 6 {
    target.set(this.#source.ip.bytes);
    return this.#source.ip.family;
  }

  source(): SocketAddress {
    return this.#source;
  }

  local(): SocketAddress {
    return this.#local;
  }
}

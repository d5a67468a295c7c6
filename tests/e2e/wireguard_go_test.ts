import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import {
  formatIp,
  instant,
  ipFromBytes,
  readU16,
  readU32LE,
} from "../../lib/base/mod.ts";
import { x25519PublicKey } from "../../lib/crypto/mod.ts";
import { HandshakeMacs } from "../../lib/wireguard/cookie.ts";
import { icmpPacket } from "../support/ip_packet.ts";
import { TunnelShell } from "../support/tunnel_shell.ts";
import {
  until,
  WireguardGo,
  type WireguardGoOptions,
} from "../support/wireguard_go.ts";

const OURS = "10.99.0.2";
const THEIRS = "10.99.0.1";
const ECHO_REQUEST = 8;
const ECHO_REPLY = 0;
const NO_PRESHARED_KEY = new Uint8Array(32);

for (const presharedKey of [NO_PRESHARED_KEY, randomKey()]) {
  const name = presharedKey === NO_PRESHARED_KEY
    ? "without a preshared key"
    : "with a preshared key";

  Deno.test(`as initiator we reach the kernel behind wireguard-go ${name}`, async () => {
    await using lab = await Lab.start(presharedKey);
    const { shell } = lab;

    shell.startHandshake();
    await until("the handshake", () => shell.completed(true) === 1);

    await lab.exchangePings(1, 20);
    assert.equal(shell.completed(false), 0);
  });

  Deno.test(`as responder we are reached by the kernel behind wireguard-go ${name}`, async () => {
    await using lab = await Lab.start(presharedKey);

    const output = await lab.peer.ping(OURS, 5);

    assert.match(output, /5 packets transmitted, 5 received/);
    assert.equal(lab.shell.completed(false), 1);
    assert.equal(lab.shell.completed(true), 0);
  });
}

Deno.test("traffic goes on over the session that we renew after two minutes", async () => {
  await using lab = await Lab.start(randomKey());
  const { shell } = lab;
  shell.startHandshake();
  await until("the handshake", () => shell.completed(true) === 1);
  await lab.exchangePings(1, 3);
  const before = lab.lastDataReceiver();

  shell.advance(121_000);
  await lab.exchangePings(4, 3);
  await until("the renewal", () => shell.completed(true) === 2);
  await lab.exchangePings(7, 3);

  assert.notEqual(lab.lastDataReceiver(), before);
});

Deno.test("traffic goes on while wireguard-go renews the session, however often", async () => {
  await using lab = await Lab.start(randomKey());
  const { shell } = lab;
  await lab.peer.ping(OURS, 1);

  for (let round = 2; round < 5; round++) {
    await lab.exchangePings(3 * round, 3);
    await lab.peer.forgetPeer(lab.options);
    await lab.peer.ping(OURS, 1);
    assert.equal(shell.completed(false), round);
  }
});

Deno.test("a session that wireguard-go began can be renewed by us, and the other way round", async () => {
  await using lab = await Lab.start(randomKey());
  const { shell } = lab;
  await lab.peer.ping(OURS, 1);

  shell.startHandshake();
  await until("our renewal", () => shell.completed(true) === 1);
  await lab.exchangePings(1, 3);
  await lab.peer.forgetPeer(lab.options);
  await lab.peer.ping(OURS, 1);
  await lab.exchangePings(4, 3);

  assert.equal(shell.completed(false), 2);
});

Deno.test("no session comes of different preshared keys", async () => {
  await using lab = await Lab.start(randomKey(), randomKey());
  const { shell } = lab;

  shell.startHandshake();

  await until(
    "the refusal",
    () => shell.tunnel.counters.get("forged-response") === 1,
  );
  assert.equal(shell.tunnel.hasSession, false);
});

Deno.test("packets of every length cross unpadded one way and padded the other", async () => {
  await using lab = await Lab.start(randomKey());
  const { shell } = lab;
  shell.startHandshake();
  await until("the handshake", () => shell.completed(true) === 1);

  for (let length = 0; length < 34; length++) {
    await lab.exchangePing(length + 1, length);
  }
  await lab.exchangePing(99, 1_280 - 28);
});

Deno.test("wireguard-go takes our cookie when we are under load", async () => {
  await using lab = await Lab.start(randomKey());
  const { shell } = lab;
  shell.beforeCheck = () => lab.overloadGate();

  await lab.peer.ping(OURS, 1);

  assert.ok(shell.sent.some((message) => message[0] === 3));
  assert.equal(shell.completed(false), 1);
});

Deno.test("we take the cookie of wireguard-go when it is under load", async () => {
  await using lab = await Lab.start(randomKey());
  const { shell } = lab;
  using flood = lab.flood();

  await until("load", () => flood.cookieReplies > 0);
  shell.startHandshake();
  await until("our cookie", () => shell.cookieVerdict !== "");
  assert.equal(shell.cookieVerdict, "accepted");
  shell.advance(5_400);
  await until("the handshake", () => shell.completed(true) === 1);

  const initiation = shell.sent.findLast((message) => message[0] === 1);
  assert.notDeepEqual(initiation?.slice(132), new Uint8Array(16));
});

class Lab implements AsyncDisposable {
  readonly shell: TunnelShell;
  readonly peer: WireguardGo;
  readonly options: WireguardGoOptions;
  readonly #peerPublicKey: Uint8Array;
  readonly #replies = new Set<number>();

  private constructor(
    shell: TunnelShell,
    peer: WireguardGo,
    options: WireguardGoOptions,
  ) {
    this.shell = shell;
    this.peer = peer;
    this.options = options;
    this.#peerPublicKey = x25519PublicKey(options.privateKey);
    shell.peerPort = peer.port;
    shell.onPacket = (packet) => this.#handlePacket(packet);
  }

  /** Starts both ends. They agree on the preshared key unless the other side has one of its own. */
  static async start(
    presharedKey: Uint8Array,
    theirPresharedKey = presharedKey,
  ): Promise<Lab> {
    const [ours, theirs] = [randomKey(), randomKey()];
    const shell = await TunnelShell.start({
      privateKey: ours,
      peerPublicKey: x25519PublicKey(theirs),
      presharedKey,
    });
    const options = {
      privateKey: theirs,
      peerPublicKey: x25519PublicKey(ours),
      presharedKey: theirPresharedKey,
      peerPort: shell.port,
      address: `${THEIRS}/24`,
      allowedIp: `${OURS}/32`,
    };
    try {
      return new Lab(shell, await WireguardGo.start(options), options);
    } catch (error) {
      await shell[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Sends echo requests with rising sequence numbers until the kernel has answered each. */
  async exchangePings(first: number, count: number): Promise<void> {
    for (let sequence = first; sequence < first + count; sequence++) {
      await this.exchangePing(sequence, 32);
    }
  }

  /** Sends one echo request, again if need be, until the kernel has answered it. */
  async exchangePing(sequence: number, bodyLength: number): Promise<void> {
    const packet = icmpPacket({
      source: OURS,
      destination: THEIRS,
      type: ECHO_REQUEST,
      rest: [0, 7, sequence >>> 8, sequence & 0xff],
      body: new Uint8Array(bodyLength).fill(sequence),
    });
    await until(`echo reply ${sequence}`, () => {
      if (this.#replies.has(sequence)) return true;
      this.shell.sendPacket(packet);
      return false;
    });
  }

  /** Returns the index of the session that we last sent on. */
  lastDataReceiver(): number {
    const data = this.shell.sent.findLast((message) => message[0] === 4);
    return data ? readU32LE(data, 4) : 0;
  }

  /** Uses up the handshakes that our gate passes within a second. */
  overloadGate(): void {
    const message = initiationTo(this.options.peerPublicKey);
    const source = { ip: ipFromBytes(new Uint8Array(4)) };
    for (let i = 0; i < 100; i++) {
      this.shell.gate.check(
        message,
        0,
        message.length,
        { source },
        this.shell.now(),
      );
    }
  }

  /** Floods the other side with initiations from another port until disposed. */
  flood(): Flood {
    return new Flood(initiationTo(this.#peerPublicKey), this.peer.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shell[Symbol.asyncDispose]();
    await this.peer[Symbol.asyncDispose]();
  }

  /** Notes the kernel's echo replies and answers its echo requests. */
  #handlePacket(packet: Uint8Array): void {
    const icmp = packet.subarray(20);
    assert.equal(formatIp(ipFromBytes(packet.subarray(12, 16))), THEIRS);
    if (icmp[0] === ECHO_REPLY) this.#replies.add(readU16(icmp, 6));
    if (icmp[0] !== ECHO_REQUEST) return;
    this.shell.sendPacket(icmpPacket({
      source: OURS,
      destination: THEIRS,
      type: ECHO_REPLY,
      rest: [...icmp.subarray(4, 8)],
      body: icmp.slice(8),
    }));
  }
}

/** A stranger who sends right mac1s by the hundred and counts the cookies that it gets. */
class Flood implements Disposable {
  cookieReplies = 0;
  readonly #socket = createSocket("udp4");
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(message: Uint8Array, port: number) {
    this.#socket.on("message", (reply) => {
      if (reply[0] === 3) this.cookieReplies++;
    });
    this.#timer = setInterval(() => {
      for (let i = 0; i < 300; i++) {
        this.#socket.send(message, port, "127.0.0.1");
      }
    }, 20);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}

/** Builds an initiation that has nothing right but its mac1. */
function initiationTo(publicKey: Uint8Array): Uint8Array {
  const message = crypto.getRandomValues(new Uint8Array(148));
  message.set([1, 0, 0, 0]);
  message.fill(0, 132);
  new HandshakeMacs(publicKey).seal(message, instant(0));
  return message;
}

function randomKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32));
}

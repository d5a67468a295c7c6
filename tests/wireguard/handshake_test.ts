import assert from "node:assert/strict";
import { Arena, toHex } from "../../lib/base/mod.ts";
import {
  blake2s,
  PacketCipher,
  x25519,
  x25519PublicKey,
} from "../../lib/crypto/mod.ts";
import { HandshakeMacs } from "../../lib/wireguard/cookie.ts";
import {
  createInitiation,
  createResponse,
  type HandshakeKeys,
  openInitiation,
  proveInitiation,
  readResponse,
  type TransportKeys,
} from "../../lib/wireguard/handshake.ts";
import { SymmetricState } from "../../lib/wireguard/noise.ts";
import { Session } from "../../lib/wireguard/session.ts";
import vectors from "../vectors/wireguard_transcripts.json" with {
  type: "json",
};
import { hex, key, START } from "./support.ts";

const TYPE_1 =
  "0100000001cdab007b0d47d93427f8311160781c7c733fd89f88970aef490d8a" +
  "a0ee19a4cb8a1b1481e498317da959fba46669572516a5e6c021bfa620bb6c56ca0082e1" +
  "feae14988c2c64d024c617734a263f76a008df04d0f94bad8ee75ee7e699a44064a59e0b" +
  "f50d367be022ac058c01ffe3be609c46a9a63840293df07aab4ffbed0000000000000000" +
  "0000000000000000";
const TYPE_2 =
  "020000000101ef0001cdab00ff2ee45601ec1b67310c7790404585ae697331ee" +
  "e1c1f8cf2419731c1fff3e6b63ca7f161515d94de136489b1a9d5822f137d65a8e2a1787" +
  "91fdab050f07934900000000000000000000000000000000";
const KEEPALIVE =
  "040000000101ef000000000000000000f1bce9fd9651b3f6b50c00179cbd" +
  "1e01";
const PROBE_MESSAGE =
  "040000000101ef000100000000000000a81cd7aab3b97216168d13ab4ed0ffa0e2ea38f4" +
  "190449398db3bce881b37811b726786ae4290156b5157bf503e5f4a18c0c4d8445eea085" +
  "111c302e9283132d";
/** The ICMPv6 echo request with identifier 0 and sequence 0, p2p spec §3.5. */
const PROBE =
  "6000000000083a4001000000000000000000dead01ce00010100000000000000" +
  "0000dead01ce00028000";

Deno.test("[p2p 110] the handshake starts from the chaining key and hash of the specification", () => {
  const prologue = new TextEncoder().encode(
    "WireGuard v1 zx2c4 Jason@zx2c4.com",
  );

  const state = SymmetricState.start(prologue, key(7));

  assert.equal(
    toHex(state.chainingKey),
    "60e26daef327efc02ec335e2a025d2d016eb4206f87277f52d38d1988b78cd36",
  );
  const initialHash = hex(
    "2211b361081ac566691243db458ad5322d9c6c662293e8b70ee19c65ba079ef3",
  );
  assert.deepEqual(state.hash, blake2s(initialHash, key(7)));
});

Deno.test("[p2p 110] both roles build the messages of the specification byte for byte", () => {
  const a = keysOf(key(0x11), x25519PublicKey(key(0x22)), key(0x55));
  const b = keysOf(key(0x22), x25519PublicKey(key(0x11)), key(0x55));
  const timestamp = hex("400000006553f125075bcd15");

  const initiation = createInitiation(a, 0x00abcd01, timestamp, key(0x33))!;
  seal(initiation.message, a);
  const opened = open(initiation.message, b)!;
  const proved = proveInitiation(opened, b.staticShared)!;
  const response = createResponse(b, opened, proved, 0x00ef0101, key(0x44))!;
  seal(response.message, b);
  const read = readResponse(a, initiation, response.message, 0)!;

  assert.equal(toHex(initiation.message), TYPE_1);
  assert.deepEqual(opened.peerPublicKey, a.own.publicKey);
  assert.deepEqual(proved.timestamp, timestamp);
  assert.equal(toHex(response.message), TYPE_2);
  assert.equal(
    toHex(read.keys.sendKey),
    "a007faf842d83f5bd3be20a14e0ffcec34c84867b78b051980602713205922de",
  );
  assert.equal(
    toHex(read.keys.receiveKey),
    "d982d5cd10d34a7802b6c19fa441cd9164d70e4f4d62007ab416879ee8bd1b99",
  );
  assert.deepEqual(response.keys, swap(read.keys));
});

Deno.test("[p2p 110] a session builds the data messages of the specification byte for byte", () => {
  const lab = new SessionLab(
    {
      sendKey: hex(
        "a007faf842d83f5bd3be20a14e0ffcec34c84867b78b051980602713205922de",
      ),
      receiveKey: key(0),
    },
    0x00abcd01,
    0x00ef0101,
  );
  const probe = hex(PROBE + icmpChecksum(PROBE) + "00000000");

  assert.equal(toHex(lab.session.sealKeepalive()), KEEPALIVE);
  assert.equal(toHex(lab.seal(probe)), PROBE_MESSAGE);
});

Deno.test("[p2p 111] a response under another preshared key is refused", () => {
  const a = keysOf(key(0x11), x25519PublicKey(key(0x22)), key(0x55));
  const b = keysOf(key(0x22), x25519PublicKey(key(0x11)), key(0x56));
  const initiation = createInitiation(a, 1, new Uint8Array(12), key(0x33))!;
  const opened = open(initiation.message, b)!;
  const proved = proveInitiation(opened, b.staticShared)!;

  const response = createResponse(b, opened, proved, 2, key(0x44))!;

  assert.equal(readResponse(a, initiation, response.message, 0), undefined);
});

Deno.test("as initiator we repeat the conversation with wireguard-go byte for byte", () => {
  const vector = caseOf("initiator, no preshared key");
  const keys = keysOf(
    hex(vector.initiator_static!),
    hex(vector.responder_static_public!),
    hex(vector.psk),
  );
  const [first, second, ...data] = vector.messages;

  const initiation = createInitiation(
    keys,
    first!.sender_index!,
    hex(first!.timestamp!),
    hex(vector.initiator_ephemeral!),
  )!;
  seal(initiation.message, keys);
  assert.equal(toHex(initiation.message), first!.packet);
  assert.equal(toHex(initiation.state.hash), first!.hash);
  assert.equal(toHex(initiation.state.chainingKey), first!.chaining_key);

  const response = readResponse(keys, initiation, hex(second!.packet), 0)!;
  assert.equal(response.remoteIndex, second!.sender_index);
  assert.equal(toHex(response.keys.sendKey), second!.initiator_send_key);
  assert.equal(toHex(response.keys.receiveKey), second!.initiator_recv_key);
  repeat(
    data,
    new SessionLab(response.keys, first!.sender_index!, response.remoteIndex),
  );
});

Deno.test("as responder we repeat the conversation with wireguard-go byte for byte", () => {
  const vector = caseOf("responder, preshared key");
  const keys = keysOf(
    hex(vector.responder_static!),
    hex(vector.initiator_static_public!),
    hex(vector.psk),
  );
  const [first, second, ...data] = vector.messages;

  const opened = open(hex(first!.packet), keys)!;
  const proved = proveInitiation(opened, keys.staticShared)!;
  assert.equal(opened.senderIndex, first!.sender_index);
  assert.deepEqual(opened.peerPublicKey, keys.peerPublicKey);
  assert.equal(toHex(proved.timestamp), first!.timestamp);
  assert.equal(toHex(proved.state.hash), first!.hash);

  const response = createResponse(
    keys,
    opened,
    proved,
    second!.sender_index!,
    hex(vector.responder_ephemeral!),
  )!;
  seal(response.message, keys);
  assert.equal(toHex(response.message), second!.packet);
  assert.equal(toHex(response.keys.receiveKey), second!.initiator_send_key);
  repeat(
    data,
    new SessionLab(response.keys, second!.sender_index!, first!.sender_index!),
  );
});

Deno.test("we take the cookie of wireguard-go and prove it in the next initiation byte for byte", () => {
  const vector = caseOf("cookie reply and mac2");
  const keys = keysOf(
    hex(vector.initiator_static!),
    hex(vector.responder_static_public!),
    hex(vector.psk),
  );
  const macs = new HandshakeMacs(keys.peerPublicKey);
  const [first, reply, second, response] = vector.messages;

  const refused = hex(first!.packet);
  macs.seal(refused, START);
  assert.equal(toHex(refused), first!.packet);
  assert.equal(macs.handleReply(hex(reply!.packet), 0, 64, START), "accepted");
  const initiation = createInitiation(
    keys,
    0xcafe0001,
    hex(second!.timestamp!),
    hex(second!.initiator_ephemeral!),
  )!;
  macs.seal(initiation.message, START);

  assert.equal(toHex(initiation.message), second!.packet);
  assert.ok(readResponse(keys, initiation, hex(response!.packet), 0));
});

interface Message {
  readonly direction: string;
  readonly what: string;
  readonly packet: string;
  readonly sender_index?: number;
  readonly timestamp?: string;
  readonly hash?: string;
  readonly chaining_key?: string;
  readonly initiator_send_key?: string;
  readonly initiator_recv_key?: string;
  readonly initiator_ephemeral?: string;
  readonly plaintext?: string;
  readonly plaintext_padded?: string;
}

interface Transcript {
  readonly name: string;
  readonly psk: string;
  readonly initiator_static?: string;
  readonly initiator_static_public?: string;
  readonly initiator_ephemeral?: string;
  readonly responder_static?: string;
  readonly responder_static_public?: string;
  readonly responder_ephemeral?: string;
  readonly messages: readonly Message[];
}

function caseOf(name: string): Transcript {
  const cases: readonly Transcript[] = vectors.cases;
  const found = cases.find((vector) => vector.name === name);
  if (!found) throw new Error(`No such transcript: ${name}`);
  return found;
}

function keysOf(
  privateKey: Uint8Array,
  peerPublicKey: Uint8Array,
  presharedKey: Uint8Array,
): HandshakeKeys {
  return {
    own: { privateKey, publicKey: x25519PublicKey(privateKey) },
    peerPublicKey,
    staticShared: x25519(privateKey, peerPublicKey)!,
    presharedKey,
  };
}

function seal(message: Uint8Array, keys: HandshakeKeys): void {
  new HandshakeMacs(keys.peerPublicKey).seal(message, START);
}

function open(message: Uint8Array, keys: HandshakeKeys) {
  const { privateKey, publicKey } = keys.own;
  return openInitiation(privateKey, publicKey, message, 0, message.length);
}

function swap({ sendKey, receiveKey }: TransportKeys): TransportKeys {
  return { sendKey: receiveKey, receiveKey: sendKey };
}

/** Replays the data of a transcript: what the peer sent must open, what we send must come out the same. */
function repeat(messages: readonly Message[], lab: SessionLab): void {
  for (const message of messages) {
    if (message.direction === "from_wireguard_go") {
      assert.equal(
        toHex(lab.open(hex(message.packet))),
        message.plaintext_padded,
      );
    } else if (message.what === "keepalive") {
      assert.equal(toHex(lab.session.sealKeepalive()), message.packet);
    } else {
      const plaintext = padded(hex(message.plaintext!));
      assert.equal(toHex(lab.seal(plaintext)), message.packet);
    }
  }
}

/** Pads as the recorded peers did; our own tunnels never pad. */
function padded(plaintext: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(plaintext.length / 16) * 16);
  bytes.set(plaintext);
  return bytes;
}

/** The ICMPv6 checksum of the probe: pseudo-header and its first two bytes, the rest being zero. */
function icmpChecksum(probe: string): string {
  const bytes = hex(probe);
  let sum = 8 + 58;
  for (let at = 8; at < bytes.length; at += 2) {
    sum += bytes[at]! * 256 + bytes[at + 1]!;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return (~sum & 0xffff).toString(16).padStart(4, "0");
}

/** A session with room in an arena around it. */
class SessionLab {
  readonly session: Session;
  readonly #arena = new Arena(8_192);
  readonly #cipher = new PacketCipher(this.#arena);
  readonly #source = this.#arena.allocate(2_048);
  readonly #target = this.#arena.allocate(2_048);

  constructor(keys: TransportKeys, localIndex: number, remoteIndex: number) {
    this.session = new Session({
      isInitiator: true,
      ordinal: 0,
      localIndex,
      remoteIndex,
      keys,
      now: START,
    });
  }

  seal(plaintext: Uint8Array): Uint8Array {
    this.#arena.bytes.set(plaintext, this.#source);
    const length = this.session.seal(
      this.#cipher,
      this.#source,
      plaintext.length,
      this.#target,
      false,
    );
    return this.#arena.bytes.slice(this.#target, this.#target + length);
  }

  open(message: Uint8Array): Uint8Array {
    this.#arena.bytes.set(message, this.#source);
    const end = this.#source + message.length;
    const verdict = this.session.open(
      this.#cipher,
      this.#source,
      end,
      this.#target,
    );
    assert.equal(verdict, "opened");
    return this.#arena.bytes.slice(
      this.#target,
      this.#target + message.length - 32,
    );
  }
}

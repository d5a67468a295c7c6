import { createCipheriv, createDecipheriv } from "node:crypto";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { Arena, assert, writeU64LE } from "../../lib/base/mod.ts";
import { PacketCipher } from "../../lib/crypto/mod.ts";

/** Payloads in bytes, from a small packet to the largest of a tunnel. */
export const AEAD_SIZES = [64, 128, 256, 512, 1_280, 1_420] as const;

/** Ours, and what else seals packets in this runtime. */
export const AEAD_NAMES = ["webassembly", "noble", "node"] as const;

/** One of `AEAD_NAMES`. */
export type AeadName = typeof AEAD_NAMES[number];

/** One packet of one size, ready to be sealed and opened many times. */
export interface AeadWork {
  /** The packet with counter `SHOWN_COUNTER`, to compare with others. */
  readonly sealed: Uint8Array;
  /** Seals the message with the next counter. */
  seal(): void;
  /** Opens such a packet, which must succeed. */
  open(): void;
}

/** Makes ready a message of this size. Key, message and nonce are those of `evp.c`. */
export function prepareAead(name: AeadName, size: number): AeadWork {
  const message = Uint8Array.from({ length: size }, (_, i) => i);
  return PREPARE[name](message);
}

const SHOWN_COUNTER = 7;
const TAG_BYTES = 16;
/** Packets that are opened in turn: they fit the first cache, like the one packet of the others. */
const ROW_PACKETS = 16;
const ROOM_BYTES = 1_536;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const nonce = new Uint8Array(12);

const PREPARE: Record<AeadName, (message: Uint8Array) => AeadWork> = {
  webassembly: prepareKernel,
  noble: (message) => prepareCopying(message, sealByNoble, openByNoble),
  node: (message) => prepareCopying(message, sealByNode, openByNode),
};

/** As packets come: their counters follow each other, of which the kernel makes use. */
function prepareKernel(message: Uint8Array): AeadWork {
  const { length } = message;
  const sealedLength = length + TAG_BYTES;
  const arena = new Arena((2 + ROW_PACKETS) * ROOM_BYTES);
  const cipher = new PacketCipher(arena);
  assert(cipher.implementation === "webassembly", "No SIMD in this engine");
  const plain = arena.allocate(ROOM_BYTES);
  const target = arena.allocate(ROOM_BYTES);
  arena.bytes.set(message, plain);
  const row = Array.from({ length: ROW_PACKETS }, (_, i) => {
    const packet = arena.allocate(ROOM_BYTES);
    cipher.seal(KEY, SHOWN_COUNTER + i, plain, length, packet);
    return packet;
  });
  const [shown = 0] = row;
  let sent = 0;
  let received = 0;
  return {
    sealed: arena.bytes.slice(shown, shown + sealedLength),
    seal: () => cipher.seal(KEY, sent++, plain, length, target),
    open: () => {
      const i = received++ % ROW_PACKETS;
      const packet = row[i] ?? shown;
      const counter = SHOWN_COUNTER + i;
      const isGood = cipher.open(KEY, counter, packet, sealedLength, target);
      assert(isGood, "A good packet was refused");
    },
  };
}

function prepareCopying(
  message: Uint8Array,
  seal: (counter: number, message: Uint8Array) => Uint8Array,
  open: (counter: number, packet: Uint8Array) => void,
): AeadWork {
  const sealed = seal(SHOWN_COUNTER, message);
  let counter = 0;
  return {
    sealed,
    seal: () => void seal(counter++, message),
    open: () => open(SHOWN_COUNTER, sealed),
  };
}

function sealByNoble(counter: number, message: Uint8Array): Uint8Array {
  writeU64LE(nonce, 4, counter);
  return chacha20poly1305(KEY, nonce).encrypt(message);
}

function openByNoble(counter: number, packet: Uint8Array): void {
  writeU64LE(nonce, 4, counter);
  chacha20poly1305(KEY, nonce).decrypt(packet);
}

const NODE_CIPHER = "chacha20-poly1305";
const NODE_OPTIONS = { authTagLength: TAG_BYTES };

function sealByNode(counter: number, message: Uint8Array): Uint8Array {
  writeU64LE(nonce, 4, counter);
  const cipher = createCipheriv(NODE_CIPHER, KEY, nonce, NODE_OPTIONS);
  const packet = new Uint8Array(message.length + TAG_BYTES);
  packet.set(cipher.update(message));
  cipher.final();
  packet.set(cipher.getAuthTag(), message.length);
  return packet;
}

function openByNode(counter: number, packet: Uint8Array): void {
  writeU64LE(nonce, 4, counter);
  const decipher = createDecipheriv(NODE_CIPHER, KEY, nonce, NODE_OPTIONS);
  decipher.setAuthTag(packet.subarray(-TAG_BYTES));
  decipher.update(packet.subarray(0, -TAG_BYTES));
  decipher.final();
}

import assert from "node:assert/strict";
import { Arena, type RandomSource } from "../../lib/base/mod.ts";
import { PacketCipher } from "../../lib/crypto/mod.ts";
import { SeededRandom } from "../support/random.ts";
import { key, Pair } from "./support.ts";

Deno.test("a closed tunnel has overwritten the keys of all its sessions", () => {
  const [a, b] = [new KeyLog(), new KeyLog()];
  const pair = Pair.connected({ cipher: a.cipher }, { cipher: b.cipher });
  exchange(pair);
  pair.a.tunnel.startHandshake(pair.now);
  pair.deliver();
  exchange(pair);
  const usedBefore = [a, b].map(({ keys }) => [...keys].filter(isSecret));

  pair.a.tunnel.close();
  pair.b.tunnel.close();

  assert.deepEqual(usedBefore.map(({ length }) => length), [4, 4]);
  assert.ok([...a.keys, ...b.keys].every(isErased));
});

Deno.test("a closed tunnel leaves nothing of its keys in the cipher", () => {
  let scratch = () => new Uint8Array();
  const pair = Pair.connected({
    cipher: (arena) => {
      scratch = () => arena.bytes.slice(0, 16_384);
      return new PacketCipher(arena);
    },
  });
  exchange(pair);
  const used = scratch();

  pair.a.tunnel.close();

  const fresh = new Arena(0);
  assert.ok(new PacketCipher(fresh));
  assert.notDeepEqual(used, fresh.bytes.slice(0, 16_384));
  assert.deepEqual(scratch(), fresh.bytes.slice(0, 16_384));
});

Deno.test("a closed tunnel neither sends nor accepts", () => {
  const pair = Pair.connected();
  const { a, b } = pair;
  const late = b.seal(new Uint8Array(20).fill(0x45), pair.now);
  assert.ok(late);

  a.tunnel.close();
  a.tunnel.startHandshake(pair.now);
  b.tunnel.startHandshake(pair.now);
  const [initiation] = b.drain();

  assert.equal(pair.send(a), "no-session");
  assert.equal(a.receive(late, pair.now).verdict, "unknown-session");
  assert.equal(a.receive(initiation!, pair.now).verdict, "expired-tunnel");
  assert.deepEqual(a.drain(), []);
  assert.equal(a.tunnel.pollTimeout(), Infinity);
  assert.deepEqual(a.events.map(({ kind }) => kind), ["handshake-completed"]);
});

Deno.test("a private ephemeral key is overwritten once its handshake is over", () => {
  const [a, b] = [new DrawLog(1), new DrawLog(2)];
  const pair = new Pair({ random: a }, { random: b });

  pair.a.tunnel.startHandshake(pair.now);
  const whileWaiting = a.keys.map(isSecret);
  pair.deliver();

  assert.deepEqual(whileWaiting, [true]);
  assert.ok(pair.a.tunnel.hasSession && pair.b.tunnel.hasSession);
  assert.ok([...a.keys, ...b.keys].every(isErased));
});

Deno.test("the key of an initiation that can no longer be answered is overwritten", () => {
  const draws = new DrawLog(1);
  const pair = new Pair({ random: draws });

  pair.a.tunnel.startHandshake(pair.now);
  pair.run(15_999, false);

  // Two initiations may be answered (p2p spec §5.4); this is the third or fourth.
  assert.deepEqual(draws.keys.slice(-2).map(isSecret), [true, true]);
  assert.ok(draws.keys.length >= 3);
  assert.ok(draws.keys.slice(0, -2).every(isErased));
});

Deno.test("a tunnel leaves the preshared key of its owner alone", () => {
  const presharedKey = key(0x55);
  const pair = Pair.connected({ presharedKey });

  pair.a.tunnel.close();

  assert.deepEqual(presharedKey, key(0x55));
});

/** Remembers the very arrays that are used as keys. */
class KeyLog {
  readonly keys = new Set<Uint8Array>();

  readonly cipher = (arena: Arena): PacketCipher => {
    const { keys } = this;
    return new class extends PacketCipher {
      override seal(...args: Parameters<PacketCipher["seal"]>): void {
        keys.add(args[0]);
        super.seal(...args);
      }

      override open(...args: Parameters<PacketCipher["open"]>): boolean {
        keys.add(args[0]);
        return super.open(...args);
      }
    }(arena);
  };
}

/** Remembers the very arrays that were filled with private keys. */
class DrawLog implements RandomSource {
  readonly keys: Uint8Array[] = [];
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  fill(bytes: Uint8Array): void {
    this.#random.fill(bytes);
    if (bytes.length === 32) this.keys.push(bytes);
  }
}

/** One packet each way, so that each side uses both keys. */
function exchange(pair: Pair): void {
  assert.equal(pair.send(pair.a), "packet");
  assert.equal(pair.send(pair.b), "packet");
}

function isErased(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function isSecret(bytes: Uint8Array): boolean {
  return !isErased(bytes);
}

import assert from "node:assert/strict";
import { Arena } from "../../lib/base/mod.ts";
import { CryptoPool } from "../support/crypto_pool.ts";
import { ipv4Packet, Pair } from "./support.ts";

const ROOM = 2_048;

Deno.test("what was opened ahead is judged as ever: once, in order, and forged ones never", () => {
  const bench = new Workbench();
  const good = bench.receive(bench.message(1));
  const again = bench.receive(bench.message(1));
  const forgery = bench.message(2);
  forgery[40]! ^= 1;
  const forged = bench.receive(forgery);
  const last = bench.receive(bench.message(3));

  for (const it of [good, again, forged, last]) assert.ok(bench.openAhead(it));
  const verdicts = [good, again, forged, last].map((it) => bench.open(it));

  assert.deepEqual(verdicts, ["packet 1", "duplicate", "forged", "packet 3"]);
});

Deno.test("opening ahead moves no replay window and confirms no session", () => {
  const bench = new Workbench();
  const message = bench.receive(bench.message(1));

  bench.openAhead(message);
  bench.cipher.endAhead();

  assert.equal(bench.open(message), "packet 1");
});

Deno.test("a session that ends between looking ahead and opening opens nothing", () => {
  const bench = new Workbench();
  const message = bench.receive(bench.message(1));
  bench.openAhead(message);

  bench.pair.b.tunnel.close();

  assert.equal(bench.open(message), "unknown-session");
});

Deno.test("of messages to a session that there is not nothing is opened ahead", () => {
  const bench = new Workbench();
  const message = bench.message(1);
  message[4]! ^= 1;
  const at = bench.receive(message);

  assert.ok(bench.openAhead(at));

  assert.equal(bench.pool.handOff.opens.hasWork, false);
  assert.equal(bench.open(at), "unknown-session");
});

/** A message in the arena. */
interface Placed {
  readonly start: number;
  readonly end: number;
}

/** A connected pair, of which one end opens with a pooled cipher. */
class Workbench {
  readonly #arena = new Arena(64 * ROOM);
  readonly pool = new CryptoPool(this.#arena);
  readonly cipher = this.pool.cipher;
  readonly pair = Pair.connected({}, {
    arena: this.#arena,
    cipher: () => this.cipher,
  });
  readonly #target = this.#arena.allocate(ROOM);
  readonly #messages = new Map<number, Uint8Array>();

  /** The message that holds packet `number`; the same one whenever it is asked for. */
  message(number: number): Uint8Array {
    const known = this.#messages.get(number);
    if (known) return known.slice();
    const { a, now } = this.pair;
    const message = a.seal(ipv4Packet(100, number), now);
    assert.ok(message);
    this.#messages.set(number, message.slice());
    return message;
  }

  receive(message: Uint8Array): Placed {
    const start = this.#arena.allocate(ROOM);
    this.#arena.bytes.set(message, start);
    return { start, end: start + message.length };
  }

  openAhead({ start, end }: Placed): boolean {
    const { b, now } = this.pair;
    return b.tunnel.openAhead(this.#arena.bytes, start, end, now);
  }

  open({ start, end }: Placed): string {
    const { b, now } = this.pair;
    const { bytes } = this.#arena;
    const length = b.tunnel.open(bytes, start, end, this.#target, now);
    if (length < 0) return b.tunnel.lastRefusal ?? "";
    const opened = bytes.slice(this.#target, this.#target + length);
    for (const number of this.#messages.keys()) {
      if (`${opened}` === `${ipv4Packet(100, number)}`) {
        return `packet ${number}`;
      }
    }
    return "another packet";
  }
}

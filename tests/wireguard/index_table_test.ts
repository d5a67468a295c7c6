import assert from "node:assert/strict";
import type { RandomSource } from "../../lib/base/mod.ts";
import { IndexTable } from "../../lib/wireguard/mod.ts";
import { SeededRandom } from "../support/random.ts";

Deno.test("[p2p 118] a connection is found by the upper 24 bits of any of its indices", () => {
  const table = new IndexTable<number>();
  const random = new SeededRandom(1);

  const first = table.insert(random, (id) => id);
  const second = table.insert(random, (id) => id);

  assert.notEqual(first, second);
  for (const session of [0, 1, 255]) {
    assert.equal(table.find(first * 256 + session), first);
    assert.equal(table.find(second * 256 + session), second);
  }
});

Deno.test("a connection id has 24 bits and is drawn again while another connection has it", () => {
  const table = new IndexTable<number>();
  const random = new Draws([0xffff_ffff, 0xffff_ffff, 0]);

  assert.equal(table.insert(random, (id) => id), 0xff_ffff);
  assert.equal(table.insert(random, (id) => id), 0);
  assert.equal(table.find(0xffff_ff07), 0xff_ffff);
});

Deno.test("a removed connection is not found and leaves its id to others", () => {
  const table = new IndexTable<string>();
  table.insert(new Draws([0x0100_0000]), () => "old");

  table.remove(0x01_0000);

  assert.equal(table.find(0x0100_0001), undefined);
  assert.equal(table.size, 0);
  table.insert(new Draws([0x0100_0000]), () => "young");
  assert.equal(table.find(0x0100_0001), "young");
});

/** Serves 32-bit draws from a list. */
class Draws implements RandomSource {
  readonly #values: number[];

  constructor(values: number[]) {
    this.#values = values;
  }

  fill(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    view.setUint32(0, this.#values.shift() ?? 0);
  }
}

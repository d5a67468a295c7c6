import assert from "node:assert/strict";
import { AddressMemo } from "../../lib/policy/mod.ts";

Deno.test("a memo remembers the answer to its last question only, until it is to forget", () => {
  const memo = new AddressMemo<string>("none");
  const [a, b] = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)];
  assert.equal(memo.isAbout(4, new Uint8Array(4), 0, 0), false);

  memo.remember(4, a, 0, 7, "yes");

  assert.equal(memo.isAbout(4, a, 0, 7), true);
  assert.equal(memo.answer, "yes");
  assert.equal(memo.isAbout(4, a, 0, 8), false);
  assert.equal(memo.isAbout(4, b, 0, 7), false);

  memo.remember(4, b, 0, 7, "no");
  assert.equal(memo.isAbout(4, a, 0, 7), false);
  assert.equal(memo.answer, "no");

  memo.forget();
  assert.equal(memo.isAbout(4, b, 0, 7), false);
});

Deno.test("a memo tells addresses apart by every byte, and families with the same first bytes", () => {
  const memo = new AddressMemo<string>("none");
  for (const [version, length] of [[4, 4], [6, 16]] as const) {
    const asked = new Uint8Array(16).fill(9);
    memo.remember(version, asked, 0, 7, "yes");
    for (let i = 0; i < length; i++) {
      const other = asked.slice();
      other[i] = 8;
      assert.equal(memo.isAbout(version, other, 0, 7), false);
    }
    assert.equal(memo.isAbout(version === 4 ? 6 : 4, asked, 0, 7), false);
    assert.equal(memo.isAbout(version, asked, 0, 7), true);
  }
});

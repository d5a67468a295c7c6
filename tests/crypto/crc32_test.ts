import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/mod.ts";
import { crc32 } from "../../lib/crypto/mod.ts";

Deno.test("crc32 gives the check value of its catalogue entry, CRC-32/ISO-HDLC", () => {
  assert.equal(crc32(utf8("123456789"), 0, 9), 0xcbf43926);
});

Deno.test("crc32 covers the bytes from start up to end only", () => {
  assert.equal(crc32(utf8("--123456789--"), 2, 11), 0xcbf43926);
  assert.equal(crc32(utf8("anything"), 3, 3), 0);
});

Deno.test("crc32 is unsigned", () => {
  assert.equal(crc32(new Uint8Array(4).fill(0xff), 0, 4), 0xffffffff);
});

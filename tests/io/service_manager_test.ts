import assert from "node:assert/strict";
import { unixSocketName } from "../../lib/io/unix_name.ts";

Deno.test("the name of a Unix socket is a path with a zero behind it, or an abstract name with one in front", () => {
  assert.deepEqual([...unixSocketName("/a") ?? []], [1, 0, 47, 97, 0]);
  assert.deepEqual([...unixSocketName("@ab") ?? []], [1, 0, 0, 97, 98]);
});

Deno.test("what is no name of a Unix socket is none", () => {
  for (const name of ["", "/", "@", "a", "vsock:2:1", `/${"x".repeat(107)}`]) {
    assert.equal(unixSocketName(name), undefined, name);
  }
  assert.equal(unixSocketName(`/${"x".repeat(106)}`)?.length, 110);
  assert.equal(unixSocketName(`@${"x".repeat(107)}`)?.length, 110);
});

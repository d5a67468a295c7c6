import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeNetlink,
  encodeNetlink,
  findAttribute,
  netlinkError,
} from "../../lib/io/netlink_message.ts";

Deno.test("a request has header, fixed part and padded attributes", () => {
  const bytes = encodeNetlink({
    type: 24,
    flags: 0x600,
    body: Uint8Array.of(1, 2, 3, 4),
    attributes: [
      { type: 7, value: Uint8Array.of(0xaa) },
      { type: 15, value: 0x2021fd00 },
      { type: 26, value: [{ type: 10, value: Uint8Array.of(0xbb) }] },
    ],
  }, 5);

  assert.deepEqual([...bytes], [
    ...[48, 0, 0, 0, 24, 0, 0x05, 0x06, 5, 0, 0, 0, 0, 0, 0, 0],
    ...[1, 2, 3, 4],
    ...[5, 0, 7, 0, 0xaa, 0, 0, 0],
    ...[8, 0, 15, 0, 0x00, 0xfd, 0x21, 0x20],
    ...[12, 0, 26, 0, 5, 0, 10, 0, 0xbb, 0, 0, 0],
  ]);
});

Deno.test("several messages in one read are told apart", () => {
  const acknowledgement = [
    ...[20, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0, 0],
  ];
  const refusal = [
    ...[20, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0],
    ...[0xef, 0xff, 0xff, 0xff],
  ];

  const replies = decodeNetlink(
    Uint8Array.from([...acknowledgement, ...refusal]),
  );

  assert.deepEqual(replies.map(({ sequence }) => sequence), [7, 8]);
  assert.deepEqual(replies.map(netlinkError), [0, 17]);
});

Deno.test("a refusal without a number is not taken for an acknowledgement", () => {
  const body = Uint8Array.of(0, 0);

  assert.equal(netlinkError({ type: 2, sequence: 1, body }), undefined);
});

Deno.test("an attribute is found behind the fixed part, its flag bits ignored", () => {
  const body = Uint8Array.from([
    ...[1, 2, 3, 4],
    ...[5, 0, 9, 0, 0xaa, 0, 0, 0],
    ...[6, 0, 1, 0x80, 0xbb, 0xcc, 0, 0],
  ]);

  assert.deepEqual(findAttribute(body, 4, 1), Uint8Array.of(0xbb, 0xcc));
  assert.deepEqual(findAttribute(body, 4, 9), Uint8Array.of(0xaa));
  assert.equal(findAttribute(body, 4, 2), undefined);
});

Deno.test("an attribute that claims more than there is ends the search", () => {
  const body = Uint8Array.from([9, 0, 1, 0, 0xaa, 0, 0, 0]);

  assert.equal(findAttribute(body, 0, 1), undefined);
});

Deno.test("random replies never throw and never loop", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    for (const reply of decodeNetlink(bytes)) {
      netlinkError(reply);
      findAttribute(reply.body, 12, 15);
    }
  }));
});

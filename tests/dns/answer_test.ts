import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="@types/dns-packet"
import * as dnsPacket from "dns-packet";
import fc from "fast-check";
import { formatIp } from "../../lib/base/mod.ts";
import { readAddresses } from "../../lib/dns/mod.ts";

Deno.test("the addresses of the family asked for are read, with the shortest life", () => {
  const answer = answerOf("www.example", [
    { type: "A", name: "www.example", ttl: 60, data: "192.0.2.1" },
    { type: "A", name: "WWW.example", ttl: 30, data: "192.0.2.2" },
    { type: "AAAA", name: "www.example", ttl: 5, data: "2001:db8::1" },
  ]);

  assert.deepEqual(texts(answer, "www.example", 4), {
    rcode: 0,
    addresses: ["192.0.2.1", "192.0.2.2"],
    alias: undefined,
    ttlSeconds: 30,
  });
  assert.deepEqual(texts(answer, "www.example", 6)?.addresses, ["2001:db8::1"]);
});

Deno.test("aliases are followed in the answer, in whatever order the records are", () => {
  const answer = answerOf("www.example", [
    { type: "A", name: "c.example", ttl: 60, data: "192.0.2.1" },
    { type: "CNAME", name: "b.example", ttl: 20, data: "C.example" },
    { type: "CNAME", name: "www.example", ttl: 40, data: "b.example" },
  ]);

  assert.deepEqual(texts(answer, "www.example", 4), {
    rcode: 0,
    addresses: ["192.0.2.1"],
    alias: undefined,
    ttlSeconds: 20,
  });
});

Deno.test("an answer that ends in an alias names what to ask for next", () => {
  const answer = answerOf("www.example", [
    { type: "CNAME", name: "www.example", ttl: 40, data: "b.example" },
  ]);

  const read = texts(answer, "www.example", 4);

  assert.deepEqual(read?.addresses, []);
  assert.equal(read?.alias, "b.example");
  assert.equal(read?.ttlSeconds, 40);
});

Deno.test("aliases that go round in a circle come to an end", () => {
  const answer = answerOf("a.example", [
    { type: "CNAME", name: "a.example", ttl: 40, data: "b.example" },
    { type: "CNAME", name: "b.example", ttl: 40, data: "a.example" },
  ]);

  assert.deepEqual(texts(answer, "a.example", 4)?.addresses, []);
});

Deno.test("records of other names and what is beside the answer section do not count", () => {
  const answer = dnsPacket.encode({
    type: "response",
    questions: [{ type: "A", name: "www.example" }],
    answers: [
      { type: "A", name: "evil.example", ttl: 60, data: "192.0.2.66" },
    ],
    additionals: [
      { type: "A", name: "www.example", ttl: 60, data: "192.0.2.67" },
    ],
  });

  assert.deepEqual(texts(answer, "www.example", 4)?.addresses, []);
});

Deno.test("what cannot be decoded beside the answer section does not spoil it", () => {
  const answer = dnsPacket.encode({
    type: "response",
    questions: [{ type: "A", name: "www.example" }],
    answers: [
      { type: "A", name: "www.example", ttl: 60, data: "192.0.2.1" },
    ],
  });
  const withRubbish = new Uint8Array([...answer, 0xff, 0xff]);
  withRubbish[11] = 1;

  assert.deepEqual(texts(withRubbish, "www.example", 4)?.addresses, [
    "192.0.2.1",
  ]);
});

Deno.test("no such name is told from no such record", () => {
  const none = answerOf("www.example", []);
  const noName = answerOf("www.example", []);
  noName[3]! |= 3;

  assert.equal(readAddresses(none, "www.example", 4)?.rcode, 0);
  assert.equal(readAddresses(noName, "www.example", 4)?.rcode, 3);
});

Deno.test("a life with the sign bit set means none", () => {
  const answer = answerOf("a", [
    { type: "A", name: "a", ttl: 0x80000000, data: "192.0.2.1" },
  ]);

  assert.equal(readAddresses(answer, "a", 4)?.ttlSeconds, 0);
});

Deno.test("[dp 13] no bytes make the reader of answers throw or dawdle", () => {
  const start = performance.now();
  fc.assert(fc.property(damagedAnswers(), (bytes) => {
    const read = readAddresses(bytes, "www.example", 4);

    assert.ok(!read || read.addresses.length <= 256);
  }));
  assert.ok(performance.now() - start < 10_000);
});

Deno.test("a message of pointers to pointers is read in reasonable time", () => {
  const bytes = new Uint8Array(65_535);
  bytes.set(answerOf("a", []));
  const question = 12 + 3 + 4;
  // One record whose data is a chain of pointers, then records named by its end.
  const chainStart = question + 11;
  const chainLength = 30_000;
  bytes[question + 2] = 16;
  bytes[question + 9] = chainLength >> 8;
  bytes[question + 10] = chainLength & 0xff;
  for (let at = chainStart; at < chainStart + chainLength; at += 2) {
    const target = at === chainStart ? 12 : at - 2;
    if (target >= 0x4000) break;
    bytes[at] = 0xc0 | target >> 8;
    bytes[at + 1] = target & 0xff;
  }
  const last = chainStart + 2 * Math.floor((0x3ffe - chainStart) / 2);
  let count = 1;
  for (let at = chainStart + chainLength; at + 16 <= bytes.length; at += 16) {
    bytes.set([0xc0 | last >> 8, last & 0xff, 0, 1, 0, 1], at);
    bytes[at + 11] = 4;
    count++;
  }
  bytes[6] = count >> 8;
  bytes[7] = count & 0xff;
  const start = performance.now();

  readAddresses(bytes, "a", 4);

  assert.ok(performance.now() - start < 2_000);
});

function answerOf(
  name: string,
  answers: dnsPacket.StringAnswer[],
): Uint8Array {
  return new Uint8Array(dnsPacket.encode({
    type: "response",
    questions: [{ type: "A", name }],
    answers,
  }));
}

function texts(bytes: Uint8Array, name: string, family: 4 | 6) {
  const read = readAddresses(bytes, name, family);
  return read && { ...read, addresses: read.addresses.map(formatIp) };
}

function damagedAnswers(): fc.Arbitrary<Uint8Array> {
  const answer = answerOf("www.example", [
    { type: "CNAME", name: "www.example", ttl: 40, data: "b.example" },
    { type: "A", name: "b.example", ttl: 60, data: "192.0.2.1" },
    { type: "A", name: "b.example", ttl: 60, data: "192.0.2.2" },
  ]);
  const edits = fc.array(
    fc.tuple(fc.nat(answer.length - 1), fc.nat(255)),
    { maxLength: 6 },
  );
  return fc.tuple(edits, fc.nat(answer.length)).map(([changes, cut]) => {
    const bytes = Buffer.from(answer);
    for (const [at, value] of changes) bytes[at] = value;
    return new Uint8Array(bytes.subarray(0, bytes.length - cut % 8));
  });
}

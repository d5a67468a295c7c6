import assert from "node:assert/strict";
import fc from "fast-check";
import { isUsableAddress } from "../../lib/base/mod.ts";
import {
  type CandidateKind,
  formatCandidateLine,
  parseCandidateFields,
} from "../../lib/wire/mod.ts";

const KINDS: CandidateKind[] = ["host", "srflx", "prflx", "relay"];

Deno.test("whatever a line consists of, reading it returns fields or nothing", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    parseCandidateFields(text);
  }));
  fc.assert(fc.property(
    fc.array(fc.constantFrom("1", "udp", "typ", "host", "raddr", "::", "9")),
    (tokens) => {
      parseCandidateFields(tokens.join(" "));
    },
  ));
});

Deno.test("fields that are formatted and read again are the same", () => {
  fc.assert(fc.property(candidateFields(), (fields) => {
    const line = formatCandidateLine("f", fields);

    assert.deepEqual(
      parseCandidateFields(line.slice("candidate:".length)),
      isUsableAddress(fields.address) ? fields : undefined,
    );
  }));
});

Deno.test("a line longer than 512 characters is not looked at", () => {
  const line = "x 1 udp 5 192.0.2.1 9 typ host";
  assert.ok(parseCandidateFields(line));

  assert.equal(parseCandidateFields(line + " k v".repeat(150)), undefined);
});

function candidateFields(): fc.Arbitrary<
  Parameters<typeof formatCandidateLine>[1]
> {
  return fc.record({
    kind: fc.constantFrom(...KINDS),
    address: socketAddress(),
    priority: fc.integer({ min: 0, max: 0xffff_ffff }),
    related: socketAddress(),
    ufrag: fc.stringMatching(/^[a-z0-9]{4}$/),
  }, { requiredKeys: ["kind", "address", "priority"], noNullPrototype: true });
}

function socketAddress(): fc.Arbitrary<
  { ip: { family: 4 | 6; bytes: Uint8Array }; port: number }
> {
  const ip = fc.oneof(
    bytes(4).map((bytes) => ({ family: 4 as const, bytes })),
    bytes(16).map((bytes) => ({ family: 6 as const, bytes })),
  );
  return fc.record(
    { ip, port: fc.integer({ min: 0, max: 0xffff }) },
    { noNullPrototype: true },
  );
}

function bytes(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

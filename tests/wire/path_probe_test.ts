import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex } from "../../lib/base/mod.ts";
import {
  encodePathProbe,
  IpPacketView,
  pathProbeIdentifier,
  pathProbeSequence,
  pathProbeType,
  PROBE_REPLY,
  PROBE_REQUEST,
} from "../../lib/wire/mod.ts";

/** p2p spec §10.6. */
const REQUEST = fromHex(
  "6000000000083a4001000000000000000000dead01ce000101000000000000000000dead01ce00028000aa8d12340001",
)!;
const REPLY = fromHex(
  "6000000000083a4001000000000000000000dead01ce000101000000000000000000dead01ce00028100a98d12340001",
)!;

Deno.test("[p2p 67] request and reply are encoded as in the vectors, the reply with the same addresses", () => {
  assert.deepEqual(encodePathProbe(PROBE_REQUEST, 0x1234, 1), REQUEST);
  assert.deepEqual(encodePathProbe(PROBE_REPLY, 0x1234, 1), REPLY);
});

Deno.test("a probe is recognised and read, and is a valid packet", () => {
  fc.assert(fc.property(
    fc.constantFrom(PROBE_REQUEST, PROBE_REPLY),
    fc.integer({ min: 0, max: 0xffff }),
    fc.integer({ min: 0, max: 0xffff }),
    fc.integer({ min: 0, max: 9 }),
    (type, identifier, sequence, at) => {
      const probe = encodePathProbe(type as 128 | 129, identifier, sequence);
      const bytes = new Uint8Array(at + probe.length);
      bytes.set(probe, at);

      assert.equal(pathProbeType(bytes, at, bytes.length), type);
      assert.equal(pathProbeIdentifier(bytes, at), identifier);
      assert.equal(pathProbeSequence(bytes, at), sequence);
      assert.equal(new IpPacketView().attach(bytes, at, bytes.length), "ok");
    },
  ));
});

Deno.test("a packet that differs from a probe in address, type, code, protocol or length is none", () => {
  const version = 0;
  const protocol = 6;
  const type = 40;
  const code = 41;
  const addresses = Array.from({ length: 32 }, (_, i) => 8 + i);
  for (const at of [version, protocol, type, code, ...addresses]) {
    const changed = REQUEST.slice();
    changed[at]! ^= 0x40;
    assert.equal(pathProbeType(changed, 0, changed.length), 0, `byte ${at}`);
  }
  for (let length = 0; length < REQUEST.length; length++) {
    assert.equal(pathProbeType(REQUEST, 0, length), 0, `${length} bytes`);
  }
});

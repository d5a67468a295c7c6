import assert from "node:assert/strict";
import fc from "fast-check";
import {
  candidatePriority,
  checkPriority,
  localPreference,
  pairPriority,
  unadoptedPriority,
} from "../../lib/ice/mod.ts";
import vectors from "../vectors/ice_candidates.json" with { type: "json" };

Deno.test("priorities of the first candidates are those of p2p spec §10.2", () => {
  const cases = [
    ["host", 4, false, 2130706175],
    ["host", 6, false, 2130706431],
    ["srflx", 4, false, 1686109951],
    ["srflx", 6, false, 1686110207],
    ["relay", 4, false, 37748479],
    ["relay", 6, false, 37748735],
  ] as const;
  for (const [kind, family, isCrossFamily, expected] of cases) {
    const preference = localPreference(kind, family, 0, isCrossFamily);

    assert.equal(candidatePriority(kind, preference), expected);
  }
});

Deno.test("[p2p 25] a relay candidate allocated over the other family loses 1000 of its local preference", () => {
  const v6OverV4 = localPreference("relay", 6, 0, true);
  const v4OverV6 = localPreference("relay", 4, 0, true);

  assert.equal(candidatePriority("relay", v6OverV4), 37492735);
  assert.equal(candidatePriority("relay", v4OverV6), 37492479);
});

Deno.test("[p2p 25] each earlier candidate of a kind and family costs 2 of the local preference", () => {
  assert.equal(localPreference("host", 4, 0, false), 65534);
  assert.equal(localPreference("host", 4, 1, false), 65532);
  assert.equal(localPreference("srflx", 6, 3, false), 32761);
});

Deno.test("a local preference never falls below zero", () => {
  assert.equal(localPreference("relay", 4, 10_000, true), 0);
});

Deno.test("candidates that never went through an agent have the priorities of p2p spec §10.2", () => {
  assert.equal(unadoptedPriority("srflx", 4), 1694498559);
  assert.equal(unadoptedPriority("relay", 4), 50331391);
  assert.equal(unadoptedPriority("relay", 6), 50331647);
});

Deno.test("the PRIORITY attribute has the values of p2p spec §10.2", () => {
  assert.equal(checkPriority(65534), 1862270719);
  assert.equal(checkPriority(65535), 1862270975);
  assert.equal(checkPriority(16382), 1849687807);
});

Deno.test("priorities agree with the published vectors, except for relays, which Firezone prefers a little", () => {
  for (const vector of vectors.priorities) {
    if (vector.type_preference === 0) continue;
    const kind = vector.type as "host" | "srflx" | "prflx";

    const priority = candidatePriority(kind, vector.local_preference);

    assert.equal(priority, vector.priority, vector.type);
  }
});

Deno.test("[p2p 26] pair priorities agree with the published vectors", () => {
  for (const vector of vectors.pair_priorities) {
    const { local_priority: local, remote_priority: remote } = vector;

    const priority = vector.local_is_controlling
      ? pairPriority(local, remote)
      : pairPriority(remote, local);

    assert.equal(priority, BigInt(vector.rfc8445));
  }
});

Deno.test("[p2p 26] pair priorities agree with the formula in exact arithmetic", () => {
  const priorities = fc.integer({ min: 0, max: 0xffff_ffff });
  fc.assert(fc.property(priorities, priorities, (controlling, controlled) => {
    const g = BigInt(controlling);
    const d = BigInt(controlled);
    const [min, max] = g < d ? [g, d] : [d, g];
    const expected = 2n ** 32n * min + 2n * max + (g > d ? 1n : 0n);

    assert.equal(pairPriority(controlling, controlled), expected);
  }));
});

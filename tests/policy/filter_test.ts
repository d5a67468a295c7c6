import assert from "node:assert/strict";
import fc from "fast-check";
import { Filter, type FilterRule } from "../../lib/policy/mod.ts";
import { filterRules, transports } from "../arbitraries/policy.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { naivePermits, type NaiveTransport } from "../support/naive_policy.ts";

const TCP = 1 << 16;
const UDP = 2 << 16;
const ECHO = 3 << 16;
const OTHER_ICMP = 4 << 16;
const OTHER_PROTOCOL = 5 << 16;

const ICMP = { protocol: "icmp" } as const;

Deno.test("[dp 53] [portal 73] an empty filter list permits everything", () => {
  const filter = new Filter([]);

  for (
    const selector of [
      TCP,
      TCP | 65_535,
      UDP | 53,
      ECHO | 9,
      OTHER_ICMP,
      OTHER_PROTOCOL,
    ]
  ) {
    assert.ok(filter.permits(selector));
  }
});

Deno.test("[dp 54] both ends of a port range are included", () => {
  const filter = new Filter([tcp(80, 443)]);

  assert.deepEqual(
    [79, 80, 81, 442, 443, 444].filter((port) => filter.permits(TCP | port)),
    [80, 81, 442, 443],
  );
});

Deno.test("[dp 54] the whole port range permits port 0 and port 65535", () => {
  const filter = new Filter([udp(0, 65_535)]);

  assert.ok(filter.permits(UDP));
  assert.ok(filter.permits(UDP | 65_535));
  assert.ok(!filter.permits(TCP | 80));
});

Deno.test("a range permits its own protocol only", () => {
  const filter = new Filter([tcp(80, 80)]);

  assert.ok(!filter.permits(UDP | 80));
  assert.ok(!filter.permits(ECHO | 80));
});

Deno.test("[dp 55] the ICMP rule permits echo and every other ICMP type", () => {
  const filter = new Filter([ICMP]);

  assert.ok(filter.permits(ECHO | 1));
  assert.ok(filter.permits(OTHER_ICMP));
  assert.ok(!filter.permits(TCP | 80));
});

Deno.test("[dp 55] [dp 56] a non-empty list without ICMP permits neither ICMP nor opaque protocols", () => {
  const filter = new Filter([tcp(0, 65_535), udp(0, 65_535)]);

  assert.ok(!filter.permits(ECHO | 1));
  assert.ok(!filter.permits(OTHER_ICMP));
  assert.ok(!filter.permits(OTHER_PROTOCOL));
  assert.ok(!new Filter([ICMP]).permits(OTHER_PROTOCOL));
});

Deno.test("a range whose start lies above its end matches nothing and does not empty the list", () => {
  const filter = new Filter([tcp(443, 80)]);

  for (const port of [79, 80, 200, 443, 444]) {
    assert.ok(!filter.permits(TCP | port));
  }
  assert.ok(!filter.permits(UDP | 80));
});

Deno.test("Filter agrees with the table of the spec read line by line", () => {
  fc.assert(
    fc.property(filterRules(), transports(), (rules, transport) => {
      assert.equal(
        new Filter(rules).permits(selectorOf(transport)),
        naivePermits(rules, transport),
      );
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("asking a filter of 2,000 ranges costs no heap", () => {
  const filter = new Filter(
    Array.from({ length: 2_000 }, (_, i) => tcp(20 * i, 20 * i + 9)),
  );
  let port = 0;
  let permitted = 0;

  const bytesPerCall = heapBytesPerCall(() => {
    port = (port + 7) & 0xffff;
    if (filter.permits(TCP | port)) permitted++;
  });

  assert.ok(permitted > 0);
  assert.ok(bytesPerCall < 1, `${bytesPerCall} bytes a call`);
});

function tcp(start: number, end: number): FilterRule {
  return { protocol: "tcp", start, end };
}

function udp(start: number, end: number): FilterRule {
  return { protocol: "udp", start, end };
}

function selectorOf({ kind, value }: NaiveTransport): number {
  switch (kind) {
    case "tcp":
      return TCP | value;
    case "udp":
      return UDP | value;
    case "echo":
      return ECHO | value;
    case "other-icmp":
      return OTHER_ICMP;
    case "other-protocol":
      return OTHER_PROTOCOL;
  }
}

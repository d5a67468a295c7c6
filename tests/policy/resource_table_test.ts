import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cidr, parseCidr } from "../../lib/base/mod.ts";
import {
  Filter,
  type FilterRule,
  type ResourceEntry,
  ResourceTable,
} from "../../lib/policy/mod.ts";
import {
  crowdedAddresses,
  naiveEntries,
  transports,
} from "../arbitraries/policy.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import {
  naiveAddress,
  type NaiveEntry,
  naivePermits,
  naiveSelect,
  type NaiveTransport,
} from "../support/naive_policy.ts";

const TCP = 1 << 16;
const HTTPS = TCP | 443;
const SSH = TCP | 22;

const ONLY_HTTPS: FilterRule[] = [{ protocol: "tcp", start: 443, end: 443 }];
const ONLY_SSH: FilterRule[] = [{ protocol: "tcp", start: 22, end: 22 }];

Deno.test("[dp 51] an address that no entry covers is uncovered", () => {
  const table = tableOf([{ id: "a", network: "10.0.0.0/8", rules: [] }]);

  assert.equal(select(table, "11.0.0.1", HTTPS), "uncovered");
  assert.equal(table.selected, undefined);
  assert.equal(select(table, "::a00:1", HTTPS), "uncovered");
});

Deno.test("[dp 52] an address whose entries reject the selector is filtered, and the best of them is named", () => {
  const table = tableOf([
    { id: "a", network: "10.0.0.0/8", rules: ONLY_SSH },
    { id: "b", network: "10.1.0.0/16", rules: ONLY_SSH },
  ]);

  assert.equal(select(table, "10.1.2.3", HTTPS), "filtered");
  assert.equal(table.selected?.resourceId, "b");
});

Deno.test("[dp 57] a permitting /8 beats a rejecting /32", () => {
  const table = tableOf([
    { id: "b", network: "10.1.2.3/32", rules: ONLY_SSH },
    { id: "a", network: "10.0.0.0/8", rules: ONLY_HTTPS },
  ]);

  assert.equal(select(table, "10.1.2.3", HTTPS), "permitted");
  assert.equal(table.selected?.resourceId, "a");
  assert.equal(select(table, "10.1.2.3", SSH), "permitted");
  assert.equal(table.selected?.resourceId, "b");
});

Deno.test("[dp 58] among permitting entries the longer prefix wins, then the greater id", () => {
  const table = tableOf([
    { id: "d", network: "10.0.0.0/8", rules: [] },
    { id: "a", network: "10.1.0.0/16", rules: [] },
    { id: "c", network: "10.1.0.0/16", rules: [] },
    { id: "b", network: "10.1.0.0/16", rules: [] },
  ]);

  select(table, "10.1.2.3", HTTPS);

  assert.equal(table.selected?.resourceId, "c");
});

Deno.test("a network of all addresses covers everything of its own family", () => {
  const table = tableOf([
    { id: "a", network: "0.0.0.0/0", rules: [] },
    { id: "b", network: "2001:db8::/32", rules: [] },
  ]);

  assert.equal(select(table, "255.255.255.255", HTTPS), "permitted");
  assert.equal(select(table, "0.0.0.0", HTTPS), "permitted");
  assert.equal(select(table, "2001:db9::1", HTTPS), "uncovered");
});

for (const family of [4, 6] as const) {
  Deno.test(`ResourceTable agrees with sorting all entries by the three criteria, IPv${family}`, () => {
    fc.assert(
      fc.property(
        naiveEntries(family),
        crowdedAddresses(family),
        transports(),
        (entries, address, transport) => {
          const table = tableOf(entries);

          const selection = table.select(
            family,
            address,
            0,
            selectorOf(transport),
          );

          const best = naiveSelect(entries, address, transport);
          assert.equal(table.selected?.resourceId, best?.id);
          assert.equal(selection, expectedSelection(best, transport));
        },
      ),
      { numRuns: 1_000 },
    );
  });
}

Deno.test("looking up one of 1,000 networks costs no heap", () => {
  const table = tableOf(
    Array.from({ length: 1_000 }, (_, i) => ({
      id: String(i),
      network: `10.${i >> 4}.${(i & 15) << 4}.0/20`,
      rules: i % 2 === 0 ? ONLY_HTTPS : [],
    })),
  );
  const address = Uint8Array.from([10, 0, 0, 1]);
  let permitted = 0;

  const bytesPerCall = heapBytesPerCall(() => {
    address[1] = (address[1]! + 1) % 70;
    address[2]! += 13;
    if (table.select(4, address, 0, HTTPS) === "permitted") permitted++;
  });

  assert.ok(permitted > 0);
  assert.ok(bytesPerCall < 1, `${bytesPerCall} bytes a call`);
});

function tableOf(entries: readonly NaiveEntry[]): ResourceTable {
  return new ResourceTable(
    entries.map(({ id, network, rules }): ResourceEntry => ({
      resourceId: id,
      network: cidr(network),
      filter: new Filter(rules),
    })),
  );
}

function select(
  table: ResourceTable,
  address: string,
  selector: number,
): string {
  const bytes = naiveAddress(address);
  return table.select(bytes.length === 4 ? 4 : 6, bytes, 0, selector);
}

function expectedSelection(
  best: NaiveEntry | undefined,
  transport: NaiveTransport,
): string {
  if (best === undefined) return "uncovered";
  return naivePermits(best.rules, transport) ? "permitted" : "filtered";
}

function selectorOf({ kind, value }: NaiveTransport): number {
  const kinds = ["tcp", "udp", "echo", "other-icmp", "other-protocol"];
  const hasValue = !kind.startsWith("other");
  return ((kinds.indexOf(kind) + 1) << 16) | (hasValue ? value : 0);
}

function cidr(text: string): Cidr {
  const network = parseCidr(text);
  if (!network) throw new Error(`Not a network: ${text}`);
  return network;
}

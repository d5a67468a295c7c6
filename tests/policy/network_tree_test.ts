import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cidr, parseCidr } from "../../lib/base/mod.ts";
import { NetworkTree, NO_NETWORK } from "../../lib/policy/mod.ts";
import { crowdedAddresses, naiveEntries } from "../arbitraries/policy.ts";
import { naiveAddress, naiveCovers } from "../support/naive_policy.ts";

interface Step {
  readonly op: string;
  readonly peer: string | null;
  readonly prefix?: string;
  readonly address?: string;
}

for (const { name, steps } of allowedIpsCases()) {
  Deno.test(`NetworkTree finds the longest prefix as in the ${name} vectors`, () => {
    const owners = new Map<string, string>();
    for (const { op, peer, prefix = "", address = "" } of steps) {
      switch (op) {
        case "insert":
          owners.set(canonical(prefix), peer ?? "");
          break;
        case "remove":
          if (owners.get(canonical(prefix)) === peer) {
            owners.delete(canonical(prefix));
          }
          break;
        case "remove_peer":
          for (const [network, owner] of owners) {
            if (owner === peer) owners.delete(network);
          }
          break;
        case "lookup_is":
          assert.equal(longest(owners, address), peer);
          break;
        case "lookup_is_not":
          assert.notEqual(longest(owners, address), peer);
          break;
        case "is_empty":
          assert.equal(owners.size, 0);
          break;
        default:
          assert.fail(`An operation that is not known: ${op}`);
      }
    }
  });
}

for (const family of [4, 6] as const) {
  Deno.test(`NetworkTree leads through all covering networks, longest first, IPv${family}`, () => {
    fc.assert(
      fc.property(
        naiveEntries(family),
        crowdedAddresses(family),
        (entries, address) => {
          const tree = new NetworkTree(
            entries.map(({ network }) => ({
              network: cidr(network),
              value: network,
            })),
          );

          const found: (readonly string[])[] = [];
          let node = tree.deepest(address, 0);
          while (node !== NO_NETWORK) {
            found.push(tree.valuesOf(node));
            node = tree.parentOf(node);
          }

          const expected = new Map<number, string[]>();
          for (const { network } of entries) {
            if (!naiveCovers(network, address)) continue;
            const prefix = Number(network.split("/")[1]);
            expected.set(prefix, [...expected.get(prefix) ?? [], network]);
          }
          assert.deepEqual(
            found,
            [...expected].sort(([a], [b]) => b - a).map(([, list]) => list),
          );
        },
      ),
      { numRuns: 500 },
    );
  });
}

Deno.test("NetworkTree finds nothing when it is empty", () => {
  assert.equal(new NetworkTree([]).deepest(new Uint8Array(4), 0), NO_NETWORK);
});

function longest(
  owners: ReadonlyMap<string, string>,
  address: string,
): string | undefined {
  const bytes = naiveAddress(address);
  const tree = new NetworkTree(
    [...owners]
      .map(([network, value]) => ({ network: cidr(network), value }))
      .filter(({ network }) => network.ip.bytes.length === bytes.length),
  );
  const node = tree.deepest(bytes, 0);
  return node === NO_NETWORK ? undefined : tree.valuesOf(node)[0];
}

/** Names a network so that two spellings of it are equal. */
function canonical(prefix: string): string {
  const { ip, prefixLength } = cidr(prefix);
  return ip.family === 4
    ? `${ip.bytes.join(".")}/${prefixLength}`
    : `${
      Array.from(
        { length: 8 },
        (_, i) => ((ip.bytes[2 * i]! << 8) | ip.bytes[2 * i + 1]!).toString(16),
      ).join(":")
    }/${prefixLength}`;
}

function cidr(text: string): Cidr {
  const network = parseCidr(text);
  if (!network) throw new Error(`Not a network: ${text}`);
  return network;
}

function allowedIpsCases(): readonly {
  readonly name: string;
  readonly steps: readonly Step[];
}[] {
  const url = new URL("../vectors/wg_allowed_ips.json", import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url)).cases;
}

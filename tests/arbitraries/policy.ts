import fc from "fast-check";
import { formatIp, ipFromBytes } from "../../lib/base/mod.ts";
import type { FilterRule } from "../../lib/policy/mod.ts";
import type { NaiveEntry, NaiveTransport } from "../support/naive_policy.ts";

/** A few ports, so that ranges, their ends and packets often meet. */
const PORTS = [0, 1, 22, 79, 80, 81, 443, 65_534, 65_535];

/** Ports near the ends of the ranges that `filterRules` makes. */
export function ports(): fc.Arbitrary<number> {
  return fc.constantFrom(...PORTS);
}

/** Filter lists, empty ones and ranges that match nothing among them. */
export function filterRules(): fc.Arbitrary<FilterRule[]> {
  const range = fc.record({
    protocol: fc.constantFrom<"tcp" | "udp">("tcp", "udp"),
    start: ports(),
    end: ports(),
  });
  return fc.array(
    fc.oneof(range, range, fc.constant({ protocol: "icmp" as const })),
    { maxLength: 6 },
  );
}

/** Transports of every kind. */
export function transports(): fc.Arbitrary<NaiveTransport> {
  return fc.record({
    kind: fc.constantFrom(
      "tcp" as const,
      "udp" as const,
      "echo" as const,
      "other-icmp" as const,
      "other-protocol" as const,
    ),
    value: ports(),
  });
}

/** Addresses of few distinct bits, so that networks of all sizes cover each other. */
export function crowdedAddresses(family: 4 | 6): fc.Arbitrary<Uint8Array> {
  const length = family === 4 ? 4 : 16;
  const base = family === 4 ? [10, 0] : [0x20, 0x01];
  const rest = length - base.length;
  return fc
    .array(fc.constantFrom(0, 0, 0, 1, 0x80, 0xff), {
      minLength: rest,
      maxLength: rest,
    })
    .map((bytes) => Uint8Array.from([...base, ...bytes]));
}

/** Entries whose networks overlap often. */
export function naiveEntries(family: 4 | 6): fc.Arbitrary<NaiveEntry[]> {
  const width = family === 4 ? 32 : 128;
  const entry = fc.record({
    address: crowdedAddresses(family),
    prefix: fc.oneof(
      fc.nat({ max: width }),
      fc.constantFrom(0, 8, 16, 24, width),
    ),
    rules: filterRules(),
  });
  return fc.array(entry, { maxLength: 24 }).map((list) =>
    list.map(({ address, prefix, rules }, i) => ({
      id: `00000000-0000-0000-0000-0000000000${
        i.toString(16).padStart(2, "0")
      }`,
      network: `${formatIp(ipFromBytes(masked(address, prefix)))}/${prefix}`,
      rules,
    }))
  );
}

function masked(address: Uint8Array, prefix: number): Uint8Array {
  return address.map((byte, i) =>
    byte & (0xff00 >> Math.min(8, Math.max(0, prefix - 8 * i)))
  );
}

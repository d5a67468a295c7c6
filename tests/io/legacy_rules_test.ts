import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import fc from "fast-check";
import { legacyVerdict, sizeOfRules } from "../../lib/io/legacy_rules.ts";

const TUN = "tun-firezone";

interface Capture {
  readonly info: string;
  readonly rules: string;
}

interface Case {
  readonly name: string;
  readonly verdict: string;
  readonly ipv4: Capture;
  readonly ipv6: Capture;
}

const { cases } = JSON.parse(Deno.readTextFileSync(
  new URL("../vectors/legacy_firewall.json", import.meta.url),
)) as { readonly cases: readonly Case[] };

for (const { name, verdict, ipv4, ipv6 } of cases) {
  Deno.test(`old rules, as the kernel hands them over: ${name}`, () => {
    for (const [family, capture] of [[4, ipv4], [6, ipv6]] as const) {
      const [info, rules] = bytesOf(capture);

      assert.equal(sizeOfRules(info), rules.length);
      assert.equal(legacyVerdict(family, info, rules, TUN), verdict);
    }
  });
}

Deno.test("old rules that are cut off or damaged are never followed for ever", () => {
  const captures = cases.flatMap(({ ipv4, ipv6 }) => [
    [4, ...bytesOf(ipv4)] as const,
    [6, ...bytesOf(ipv6)] as const,
  ]);
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 });
  fc.assert(fc.property(
    fc.constantFrom(...captures),
    changes,
    fc.double({ min: 0, max: 1, noNaN: true }),
    ([family, info, rules], spots, part) => {
      const damaged = rules.slice(0, Math.ceil(rules.length * part));
      for (const [at, value] of spots) damaged[at % rules.length] = value;

      const verdict = legacyVerdict(family, info, damaged, TUN);

      assert.ok(["passes", "drops", "unknown"].includes(verdict));
    },
  ));
});

Deno.test("old rules that lead in a circle say nothing", () => {
  const [info, rules] = bytesOf(
    cases.find(({ name }) => name === "a chain that drops, gone to")!.ipv4,
  );
  const view = new DataView(rules.buffer);
  const entry = new DataView(info.buffer).getUint32(36 + 8, true);
  // The verdict stands at the end of the rule; the chain goes to itself.
  const verdict = entry + view.getUint16(entry + 88, true) + 32;
  view.setInt32(verdict, entry, true);

  assert.equal(legacyVerdict(4, info, rules, TUN), "unknown");
});

function bytesOf(
  { info, rules }: Capture,
): [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] {
  const inflate = (text: string) =>
    new Uint8Array(inflateSync(Uint8Array.fromBase64(text)));
  return [inflate(info), inflate(rules)];
}

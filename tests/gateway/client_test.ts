import assert from "node:assert/strict";
import fc from "fast-check";
import { instant } from "../../lib/base/mod.ts";
import { Client } from "../../lib/gateway/client.ts";
import type { Resource } from "../../lib/portal/mod.ts";
import { packSelector, SELECTOR_TCP } from "../../lib/wire/mod.ts";
import {
  ALICE,
  cidrResource,
  dnsResource,
  internetResource,
  ipOf,
  uuidOf,
} from "../support/gateway_harness.ts";
import { CLAIMS } from "../support/ingest_token.ts";

Deno.test("whatever happens between two packets, a client may reach what it may when asked for the first time", () => {
  const seen = { permitted: 0, filtered: 0, uncovered: 0, refused: 0 };
  fc.assert(
    fc.property(
      fc.array(steps(), { minLength: 30, maxLength: 60 }),
      (history) => {
        const client = newClient();
        const forgetful = newClient();
        let last = ASKED[0]!;
        for (const step of history) {
          apply(client, step);
          apply(forgetful, step);
          // What was asked before the step, and something twice without one.
          for (const { address, port } of [last, step.asked, step.asked]) {
            ask(forgetful, ELSEWHERE, 1);
            const expected = ask(forgetful, address, port);
            const actual = ask(client, address, port);
            assert.deepEqual(actual, expected);
            seen[actual.access]++;
          }
          last = step.asked;
        }
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(Math.min(...Object.values(seen)) > 200, JSON.stringify(seen));
});

const ELSEWHERE = "9.9.9.9";
const ASKED = ["100.96.0.1", "10.1.2.3", "8.8.8.8", "fd00:2021:1111:8000::1"]
  .flatMap((address) => [{ address, port: 80 }, { address, port: 443 }]);
const DOMAINS = ["wiki.corp.example", "git.corp.example"];
const HTTP = [{ protocol: "tcp", start: 80, end: 80 } as const];
const RESOURCES: readonly ((filters: typeof HTTP | []) => Resource)[] = [
  (filters) => cidrResource(uuidOf(1), "10.0.0.0/8", filters),
  (filters) => cidrResource(uuidOf(2), "10.1.0.0/16", filters),
  (filters) => dnsResource(uuidOf(3), filters, DOMAINS[0]),
  (filters) => dnsResource(uuidOf(4), filters, "*.corp.example"),
  () => internetResource(uuidOf(5)),
  // Of a kind that does not replace the one known under this id.
  () => internetResource(uuidOf(2)),
];

interface Step {
  readonly what: "grant" | "update" | "revoke" | "keep" | "expire" | "announce";
  readonly resource: number;
  readonly isFiltered: boolean;
  readonly at: number;
  readonly domain: string;
  readonly hasAddress: boolean;
  readonly asked: { readonly address: string; readonly port: number };
}

function steps(): fc.Arbitrary<Step> {
  return fc.record({
    what: fc.constantFrom<Step["what"]>(
      ...["grant", "grant", "grant", "update", "announce", "announce"] as const,
      ...["revoke", "keep", "expire"] as const,
    ),
    resource: fc.constantFrom(0, 0, 1, 1, 2, 2, 3, 3, 4, 5),
    isFiltered: fc.boolean(),
    at: fc.integer({ min: 0, max: 9 }),
    domain: fc.constantFrom(...DOMAINS),
    hasAddress: fc.boolean(),
    asked: fc.constantFrom(...ASKED),
  });
}

function newClient(): Client {
  const addresses = { ipv4: ipOf(ALICE.ipv4), ipv6: ipOf(ALICE.ipv6) };
  return new Client(ALICE.id, addresses, 1);
}

function apply(client: Client, step: Step): void {
  const resource = RESOURCES[step.resource]!(step.isFiltered ? HTTP : []);
  switch (step.what) {
    case "grant": {
      const claims = { ...CLAIMS, issuedAt: step.at };
      client.grant(resource, instant(step.at), claims);
      return;
    }
    case "update":
      client.updateFilters(resource);
      return;
    case "revoke":
      client.revoke(resource.id);
      return;
    case "keep":
      return client.revokeOthers(new Set([resource.id]));
    case "expire":
      client.expire(instant(step.at >> 1));
      return;
    case "announce":
      client.translate(
        {
          resourceId: resource.id,
          domain: step.domain,
          proxyIps: [ipOf("100.96.0.1"), ipOf("fd00:2021:1111:8000::1")],
        },
        step.hasAddress ? [ipOf(`192.0.2.${step.at}`)] : [],
      );
  }
}

function ask(client: Client, address: string, port: number) {
  const { bytes, family } = ipOf(address);
  const selector = packSelector(SELECTOR_TCP, port);
  const access = client.accessTo(family, bytes, 0, selector);
  const isPermitted = access === "permitted";
  return {
    access,
    translation: client.translation && { ...client.translation },
    owner: isPermitted ? client.flowOwner : undefined,
  };
}

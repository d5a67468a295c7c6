/**
 * What does a look at a resource's filters cost, by their number?
 *
 *     deno bench --allow-read tests/bench/filter_bench.ts
 */
import assert from "node:assert/strict";
import { Filter, type FilterRule } from "../../lib/policy/mod.ts";
import { packSelector, SELECTOR_TCP } from "../../lib/wire/mod.ts";
import { naivePermits } from "../support/naive_policy.ts";

const PORTS = 4_096;

for (const count of [0, 1, 10, 1_000]) {
  const rules = Array.from({ length: count }, (_, i): FilterRule => ({
    ...{ protocol: "tcp", start: 4 * i, end: 4 * i + 1 },
  }));
  const filter = new Filter(rules);
  for (let port = 0; port < PORTS; port++) {
    assert.equal(
      filter.permits(packSelector(SELECTOR_TCP, port)),
      naivePermits(rules, { kind: "tcp", value: port }),
    );
  }

  const group = `${count} ranges`;
  let port = 0;
  // A stride that visits all ports in no order that can be foreseen.
  const next = () => port = (port + 1_237) % PORTS;
  Deno.bench(`one by one, ${group}`, { group, baseline: true }, () => {
    naivePermits(rules, { kind: "tcp", value: next() });
  });
  Deno.bench(`compiled, ${group}`, { group }, () => {
    filter.permits(packSelector(SELECTOR_TCP, next()));
  });
}

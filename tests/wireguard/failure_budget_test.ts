import assert from "node:assert/strict";
import { after } from "../../lib/base/mod.ts";
import { FailureBudget } from "../../lib/wireguard/failure_budget.ts";
import { ip, START } from "./support.ts";

Deno.test("ten failures within a second are too many, and forgotten a second after the first", () => {
  const budget = new FailureBudget();
  const source = ip("192.0.2.1");
  for (let i = 0; i < 10; i++) {
    assert.ok(budget.allows(source, after(START, i)));
    budget.note(source, after(START, i));
  }

  assert.equal(budget.allows(source, after(START, 999)), false);
  assert.equal(budget.allows(source, after(START, 1_000)), true);
});

Deno.test("addresses of one IPv6 network share a budget, IPv4 addresses do not", () => {
  const budget = new FailureBudget();
  for (let i = 0; i < 10; i++) {
    budget.note(ip(`2001:db8::${i}`), START);
    budget.note(ip("192.0.2.1"), START);
  }

  assert.equal(budget.allows(ip("2001:db8::ffff"), START), false);
  assert.equal(budget.allows(ip("2001:db8:0:1::1"), START), true);
  assert.equal(budget.allows(ip("192.0.2.2"), START), true);
});

Deno.test("1024 sources are remembered, and the oldest one makes room", () => {
  const budget = new FailureBudget();
  const source = (i: number) => ip(`10.0.${i >> 8}.${i & 0xff}`);
  for (let i = 0; i < 1_025; i++) {
    for (let n = 0; n < 10; n++) budget.note(source(i), START);
  }

  assert.equal(budget.size, 1_024);
  assert.equal(budget.allows(source(0), START), true);
  assert.equal(budget.allows(source(1), START), false);
});

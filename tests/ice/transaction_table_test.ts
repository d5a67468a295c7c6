import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import type { Agent, PendingCheck } from "../../lib/ice/mod.ts";
import { TransactionTable } from "../../lib/ice/mod.ts";

const NOW = instant(1_000);

Deno.test("a check is found by its transaction id and by no other", () => {
  const table = new TransactionTable();
  const check = checkOf(1, 2, 3);
  table.add(check, NOW);

  assert.equal(table.find(idOf(1, 2, 3), NOW), check);
  assert.equal(table.find(idOf(1, 2, 4), NOW), undefined);
  assert.equal(table.find(idOf(1, 4, 3), NOW), undefined);
  assert.equal(table.find(idOf(4, 2, 3), NOW), undefined);
});

Deno.test("of two checks whose ids begin alike the later one is found", () => {
  const table = new TransactionTable();
  const later = checkOf(1, 5, 6);
  table.add(checkOf(1, 2, 3), NOW);
  table.add(later, NOW);

  assert.equal(table.find(idOf(1, 5, 6), NOW), later);
  assert.equal(table.find(idOf(1, 2, 3), NOW), undefined);
  assert.equal(table.size, 1);
});

Deno.test("a check is forgotten with its response", () => {
  const table = new TransactionTable();
  const check = checkOf(1, 2, 3);
  table.add(check, NOW);

  table.delete(check);

  assert.equal(table.find(idOf(1, 2, 3), NOW), undefined);
  assert.equal(table.size, 0);
});

function checkOf(...id: Parameters<typeof idOf>): PendingCheck {
  return {
    transactionId: idOf(...id),
    // The table only hands them back.
    agent: {} as Agent,
    pair: {} as PendingCheck["pair"],
    attempt: { sentAt: NOW },
  };
}

/** Returns 12 bytes that begin with `first`. */
function idOf(first: number, middle: number, last: number): Uint8Array {
  const id = new Uint8Array(12);
  id[0] = first;
  id[5] = middle;
  id[11] = last;
  return id;
}

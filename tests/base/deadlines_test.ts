import assert from "node:assert/strict";
import fc from "fast-check";
import { type Instant, instant, NEVER } from "../../lib/base/mod.ts";
import { Deadlines, type Timed } from "../../lib/base/deadlines.ts";

interface Item extends Timed {
  readonly name: number;
}

Deno.test("Deadlines agrees with a sorted list", () => {
  const steps = fc.array(
    fc.record({
      name: fc.nat(12),
      step: fc.constantFrom("set", "set", "remove", "expire"),
      at: fc.nat(100),
    }),
    { maxLength: 100 },
  );
  fc.assert(fc.property(steps, (list) => {
    const deadlines = new Deadlines<Item>();
    const items = Array.from({ length: 13 }, (_, name) => itemOf(name));
    const model = new Map<number, number>();

    for (const { name, step, at } of list) {
      const item = items[name]!;
      if (step === "set") {
        deadlines.set(item, instant(at));
        model.set(name, at);
      } else if (step === "remove") {
        deadlines.remove(item);
        model.delete(name);
      } else {assert.deepEqual(
          takeAll(deadlines, instant(at)),
          takeAllFrom(model, at),
        );}

      assert.equal(deadlines.size, model.size);
      assert.equal(deadlines.next, Math.min(NEVER, ...model.values()));
    }
  }));
});

function itemOf(name: number): Item {
  return { name, dueAt: NEVER, heapIndex: -1 };
}

function takeAll(deadlines: Deadlines<Item>, now: Instant): number[] {
  const names: number[] = [];
  let last = -1;
  for (
    let item = deadlines.takeDue(now);
    item;
    item = deadlines.takeDue(now)
  ) {
    assert.ok(item.dueAt >= last, "Out of order");
    last = item.dueAt;
    names.push(item.name);
  }
  return names.sort((a, b) => a - b);
}

function takeAllFrom(model: Map<number, number>, now: number): number[] {
  const names = [...model].filter(([, at]) => at <= now).map(([name]) => name);
  for (const name of names) model.delete(name);
  return names.sort((a, b) => a - b);
}

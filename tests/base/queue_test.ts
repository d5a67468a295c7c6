import assert from "node:assert/strict";
import fc from "fast-check";
import { Queue } from "../../lib/base/mod.ts";

const LIMIT = 4;

Deno.test("Queue behaves as a bounded list that refuses what does not fit", () => {
  const steps = fc.array(
    fc.oneof(fc.integer(), fc.constant("shift"), fc.constant("clear")),
  );
  fc.assert(fc.property(steps, (commands) => {
    const queue = new Queue<number>(LIMIT);
    const model: number[] = [];
    let refused = 0;

    for (const command of commands) {
      if (command === "shift") assert.equal(queue.shift(), model.shift());
      else if (command === "clear") queue.clear(), model.length = 0;
      else {
        const fits = model.length < LIMIT;
        if (fits) model.push(command as number);
        else refused++;
        assert.equal(queue.push(command as number), fits);
      }
      assert.equal(queue.length, model.length);
      assert.equal(queue.some((it) => it === model.at(-1)), model.length > 0);
    }
    assert.equal(queue.refused, refused);
  }));
});

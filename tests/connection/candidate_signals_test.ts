import assert from "node:assert/strict";
import {
  type CandidateSignal,
  CandidateSignals,
} from "../../lib/connection/candidate_signals.ts";

Deno.test("[p2p 16] an addition that is withdrawn before it was taken cancels out", () => {
  const signals = new CandidateSignals();

  signals.add(signal("a", "a", 1));
  signals.remove(signal("a", "a", 1));

  assert.equal(signals.isEmpty, true);
});

Deno.test("a withdrawal that is followed by an addition is not signalled", () => {
  const signals = new CandidateSignals();

  signals.remove(signal("a", "a", 1));
  signals.add(signal("a", "a", 2));

  assert.deepEqual(signals.take(), { added: ["a"], removed: [] });
});

Deno.test("[p2p 18] a batch is sorted by priority descending, ties by text", () => {
  const signals = new CandidateSignals();
  signals.add(signal("1", "b", 5));
  signals.add(signal("2", "c", 9));
  signals.add(signal("3", "a", 5));

  assert.deepEqual(signals.take().added, ["c", "a", "b"]);
  assert.equal(signals.isEmpty, true);
});

function signal(key: string, line: string, priority: number): CandidateSignal {
  return { key, line, priority };
}

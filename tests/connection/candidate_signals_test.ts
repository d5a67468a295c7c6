import assert from "node:assert/strict";
import {
  CandidateSignals,
  type SignalledLine,
} from "../../lib/connection/candidate_signals.ts";
import { addressOf } from "../support/datagram.ts";

Deno.test("[p2p 16] an addition that is withdrawn before it was taken cancels out", () => {
  const signals = new CandidateSignals();

  signals.add("a", line("a", 1));
  signals.remove("a", line("a", 1));

  assert.equal(signals.isEmpty, true);
});

Deno.test("a withdrawal that is followed by an addition is not signalled", () => {
  const signals = new CandidateSignals();

  signals.remove("a", line("a", 1));
  signals.add("a", line("a", 2));

  assert.deepEqual(signals.take(), { added: ["a"], removed: [] });
});

Deno.test("[p2p 18] a batch is sorted by priority descending, ties by text", () => {
  const signals = new CandidateSignals();
  signals.add("1", line("b", 5));
  signals.add("2", line("c", 9));
  signals.add("3", line("a", 5));

  assert.deepEqual(signals.take().added, ["c", "a", "b"]);
  assert.equal(signals.isEmpty, true);
});

function line(text: string, priority: number): SignalledLine {
  const address = addressOf("192.0.2.1:9");
  return { candidate: { kind: "host", address, priority }, line: text };
}

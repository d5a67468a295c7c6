import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import { type MetricInputs, StatusHistory } from "../../lib/status/mod.ts";

Deno.test("a history tells what passed in a second, and who is reached how", () => {
  const history = new StatusHistory();

  history.record(inputs(1_000, 50), instant(0), 10_000);
  assert.deepEqual(history.since(0), []);
  history.record(inputs(3_000, 150), instant(2_000), 12_000);

  assert.deepEqual(history.since(0), [{
    at: 12_000,
    receivedRate: 1_000,
    sentRate: 50,
    direct: 2,
    relayed: 3,
    saturation: 0.25,
  }]);
  assert.deepEqual(history.since(12_000), []);
});

Deno.test("a history keeps ten minutes and no more", () => {
  const history = new StatusHistory();

  for (let second = 0; second <= 700; second++) {
    history.record(inputs(second, 0), instant(second * 1_000), second * 1_000);
  }

  const samples = history.since(0);
  assert.equal(samples.length, 600);
  assert.equal(samples[0]?.at, 101_000);
});

Deno.test("a history has a gap where the data worker did not answer", () => {
  const history = new StatusHistory();

  history.record(inputs(0, 0), instant(0), 0);
  history.record({} as MetricInputs, instant(1_000), 1_000);
  history.record(inputs(4_000, 0), instant(4_000), 4_000);

  assert.deepEqual(history.since(0).map((it) => it.receivedRate), [1_000]);
});

Deno.test("a history goes on when the wall clock is set back, in order", () => {
  const history = new StatusHistory();

  [10_000, 11_000, 12_000, 5_000].forEach((unix, i) =>
    history.record(inputs(0, 0), instant(i * 1_000), unix)
  );

  assert.deepEqual(history.since(0).map(({ at }) => at), [5_000]);
});

Deno.test("a history makes nothing of two looks in one millisecond", () => {
  const history = new StatusHistory();

  history.record(inputs(0, 0), instant(0), 1);
  history.record(inputs(9, 0), instant(0), 1);

  assert.deepEqual(history.since(0), []);
});

function inputs(bytesReceived: number, bytesSent: number): MetricInputs {
  const traffic = {
    bytesReceived,
    bytesSent,
    packetsReceived: 0,
    packetsSent: 0,
  };
  const routes = {
    PeerToPeer: 2,
    PeerToRelay: 1,
    RelayToPeer: 2,
    RelayToRelay: 0,
  };
  return {
    data: {
      plane: { loop: { busyShare: 0.25 } },
      core: { node: { traffic, routes } },
    },
  } as unknown as MetricInputs;
}

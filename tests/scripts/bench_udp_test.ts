import assert from "node:assert/strict";
import { climb, type Rung } from "../../scripts/bench/ladder.ts";
import { burstOf, readTransfer } from "../../scripts/bench/udp_load.ts";

Deno.test("a UDP transfer counts at the receiver, and for as long as it took", () => {
  const sent = JSON.stringify({ packets: 200_000, seconds: 2 });
  const received = JSON.stringify({
    ...{ packets: 150_000, seconds: 2.5, overflowed: 3 },
  });

  const transfer = readTransfer(sent, `Listening\n${received}\n`);

  assert.deepEqual(transfer, {
    ...{ sent: 100_000, received: 60_000, lossPercent: 25, overflowed: 3 },
  });
});

Deno.test("a UDP transfer of which the first packets were late is not faster for it", () => {
  const sent = JSON.stringify({ packets: 1_000, seconds: 1 });
  const received = JSON.stringify({ packets: 500, seconds: 0.1 });

  assert.equal(readTransfer(sent, received).received, 500);
});

Deno.test("an end of a load that failed says why instead of giving a figure", () => {
  const sent = JSON.stringify({ packets: 1_000, seconds: 1 });

  assert.throws(
    () => readTransfer(sent, "Listening\nError: Nobody connects"),
    /Cannot read what an end of a load found: Error: Nobody connects/,
  );
});

Deno.test("a burst lasts 100 µs, as far as one system call may carry it", () => {
  const load = { payloadBytes: 1_252, seconds: 1, isGrouped: true };
  const small = { payloadBytes: 64, seconds: 1, isGrouped: false };

  assert.equal(burstOf({ ...load, packetsPerSecond: 100_000 }), 10);
  assert.equal(burstOf({ ...load, packetsPerSecond: 5_000_000 }), 51);
  assert.equal(burstOf({ ...load, packetsPerSecond: 100 }), 1);
  assert.equal(burstOf({ ...small, packetsPerSecond: 5_000_000 }), 64);
});

Deno.test("a ladder ends after two rungs that carried no more than the best", async () => {
  const offered: number[] = [];

  const summit = await climb([1, 2, 3, 4, 5, 6], (rate) => {
    offered.push(rate);
    return rung(rate, Math.min(rate, 3));
  });

  assert.deepEqual(offered, [1, 2, 3, 4, 5]);
  assert.deepEqual(summit, { clean: 3, most: 3, sent: 5 });
});

Deno.test("a single bad rung neither ends a ladder nor counts", async () => {
  const carried = [100, 150, 300, 400];

  const summit = await climb(
    [100, 200, 300, 410],
    (rate) => rung(rate, carried.shift() ?? 0),
  );

  assert.deepEqual(summit, { clean: 300, most: 400, sent: 410 });
});

Deno.test("a ladder ends where the sender has no more", async () => {
  const summit = await climb([10, 20, 40], (rate) => {
    assert.notEqual(rate, 40);
    return rung(Math.min(rate, 15), Math.min(rate, 15));
  });

  assert.deepEqual(summit, { clean: 15, most: 15, sent: 15 });
});

Deno.test("one that loses at every rung carries nothing cleanly", async () => {
  const summit = await climb([10, 20], (rate) => rung(rate, rate / 2));

  assert.deepEqual(summit, { clean: 0, most: 10, sent: 20 });
});

function rung(sent: number, received: number): Promise<Rung> {
  const lossPercent = 100 * (1 - received / sent);
  return Promise.resolve({ sent, received, lossPercent });
}

import assert from "node:assert/strict";
import { unixMs } from "../../lib/base/mod.ts";
import { metricsData } from "../../lib/otlp/metrics_data.ts";
import { METRICS } from "../../lib/status/mod.ts";
import { NOW, ObservedGateway } from "../status/support.ts";

Deno.test("[ops 6] gauges, counters and histograms keep names, labels and numbers", async () => {
  const gateway = new ObservedGateway();
  gateway.comeUp();
  gateway.processorMs = 3_000;
  gateway.observer.noteConnection(42);

  const metrics = await read(gateway);

  assert.deepEqual(metrics.get("firezone_gateway_relays"), {
    unit: "",
    points: [
      { attributes: { state: "asking" }, value: 0 },
      { attributes: { state: "answered" }, value: 0 },
      { attributes: { state: "allocated" }, value: 1 },
    ],
  });
  assert.deepEqual(metrics.get("process_cpu_seconds_total"), {
    unit: "s",
    points: [{ attributes: {}, value: 3 }],
  });
  assert.deepEqual(
    metrics.get("firezone_gateway_tunnel_bytes_total")?.unit,
    "By",
  );
  assert.deepEqual(metrics.get("firezone_gateway_handshake_seconds"), {
    unit: "s",
    points: [{
      attributes: {},
      value: {
        buckets: { boundaries: [0.01, 0.1], counts: [1, 1, 1] },
        sum: 0.555,
        count: 3,
      },
    }],
  });
});

Deno.test("numbers that nobody knows are left out instead of being zero", async () => {
  const gateway = new ObservedGateway();
  gateway.comeUp();
  gateway.isAlive = false;

  const metrics = await read(gateway);

  assert.ok(metrics.has("firezone_gateway_ready"));
  assert.ok(!metrics.has("firezone_gateway_clients"));
  assert.ok(!metrics.has("firezone_gateway_handshake_seconds"));
});

Deno.test("counting began when the process started, with the fraction of its second", async () => {
  const gateway = new ObservedGateway();

  const inputs = await gateway.observer.metricInputs();
  const [{ dataPoints: [point] } = { dataPoints: [] }] = metricsData(
    METRICS,
    inputs,
    unixMs(NOW + 1_250),
  );

  assert.deepEqual(point?.startTime, [NOW / 1_000, 0]);
  assert.deepEqual(point?.endTime, [NOW / 1_000 + 1, 250_000_000]);
});

async function read(gateway: ObservedGateway) {
  const inputs = await gateway.observer.metricInputs();
  const data = metricsData(METRICS, inputs, unixMs(NOW));
  return new Map(data.map(({ descriptor: { name, unit }, dataPoints }) => [
    name,
    {
      unit,
      points: dataPoints.map(({ attributes, value }) => ({
        attributes,
        value,
      })),
    },
  ]));
}

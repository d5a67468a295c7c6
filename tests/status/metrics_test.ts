import assert from "node:assert/strict";
import { METRICS, renderMetrics } from "../../lib/status/mod.ts";
import { metricsPage } from "../../scripts/metrics_page.ts";
import { NOW, ObservedGateway } from "./support.ts";

Deno.test("[ops 6] metrics hold bytes, drops by reason, peers by path, latencies, queues, load", async () => {
  const gateway = new ObservedGateway();
  gateway.comeUp();
  gateway.world.sendTo("11.0.0.1");
  gateway.observer.noteConnection(42);
  gateway.observer.noteLookup(7);
  gateway.processorMs = 3_000;
  gateway.now = 2_000;

  const lines = await scrape(gateway);

  for (
    const line of [
      'firezone_gateway_info{version="1.2.3"} 1',
      "firezone_gateway_ready 1",
      'firezone_gateway_ready_condition{condition="portal"} 1',
      "firezone_gateway_portal_joins_total 1",
      'firezone_gateway_interface_up{interface="tun-test"} 1',
      'firezone_gateway_relays{state="allocated"} 1',
      'firezone_gateway_relay_round_trip_seconds{relay="r1"} 0.0125',
      "firezone_gateway_saturation_ratio 0.25",
      "firezone_gateway_cpu_processors 1.5",
      "firezone_gateway_socket_queue_bytes 1500",
      'firezone_gateway_drops_total{source="client",reason="prohibited-destination"} 1',
      'firezone_gateway_drops_total{source="client",reason="multicast"} 0',
      'firezone_gateway_drops_total{source="kernel",reason="socket-queue-full"} 2',
      'firezone_gateway_drops_total{source="kernel",reason="tun-queue-full"} 4',
      "firezone_gateway_clients 1",
      "firezone_gateway_authorizations 1",
      'firezone_gateway_peers{path="direct"} 1',
      'firezone_gateway_peers{path="relayed"} 1',
      'firezone_gateway_peers{path="none"} 1',
      'firezone_gateway_connection_setup_seconds_bucket{le="0.025"} 0',
      'firezone_gateway_connection_setup_seconds_bucket{le="0.05"} 1',
      'firezone_gateway_connection_setup_seconds_bucket{le="+Inf"} 1',
      "firezone_gateway_connection_setup_seconds_sum 0.042",
      'firezone_gateway_handshake_seconds_bucket{le="0.01"} 1',
      'firezone_gateway_handshake_seconds_bucket{le="0.1"} 2',
      'firezone_gateway_handshake_seconds_bucket{le="+Inf"} 3',
      "firezone_gateway_handshake_seconds_count 3",
      "firezone_gateway_dns_lookup_seconds_count 1",
      "process_cpu_seconds_total 3",
      "process_resident_memory_bytes 50000000",
      `process_start_time_seconds ${NOW / 1_000}`,
    ]
  ) assert.ok(lines.includes(line), line);
});

Deno.test("a data worker that does not answer takes only its own numbers away", async () => {
  const gateway = new ObservedGateway();
  gateway.comeUp();
  gateway.isAlive = false;

  const lines = await scrape(gateway);

  assert.ok(lines.includes("firezone_gateway_ready 0"));
  assert.ok(lines.includes("firezone_gateway_portal_joined 1"));
  assert.ok(
    !lines.some((line) => line.startsWith("firezone_gateway_clients ")),
  );
});

Deno.test("each metric has a name of its own in base units, as Prometheus wants it", () => {
  const names = METRICS.map(({ name }) => name);

  assert.equal(new Set(names).size, names.length);
  for (const { name, kind, help } of METRICS) {
    assert.match(name, /^(?:firezone_gateway|process)_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), kind === "counter", name);
    assert.match(help, /^[A-Z].*\.$/);
  }
});

Deno.test("[ops 6] the documented metrics are those that are served", async () => {
  const page = await Deno.readTextFile("docs/metrics.md");

  assert.equal(
    unaligned(page),
    unaligned(metricsPage(METRICS)),
    "Run `deno task docs:metrics`",
  );
});

async function scrape({ observer }: ObservedGateway): Promise<string[]> {
  const text = await renderMetrics(await observer.metricInputs());
  return text.split("\n");
}

/** The formatter breaks lines and aligns tables. */
function unaligned(page: string): string {
  return page.replaceAll(/\s+/g, " ").replaceAll(/-{3,}/g, "---");
}

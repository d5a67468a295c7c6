import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import { ReadinessWatch } from "../support/readiness_watch.ts";
import { METRICS } from "../../lib/status/mod.ts";
import { requireTools } from "../support/tools.ts";
import { curl, type RunningLab, startQuietLab } from "./recovery_support.ts";

/** Readiness follows its cause within this time, in ms (issue: one second), on a loaded machine. */
const FLIP_LIMIT_MS = 1_000;

/** How long the portal waits before it tells of relays that came or went, in ms (portal spec §4.4.6). */
const RELAY_DEBOUNCE_MS = 1_000;

const PROMETHEUS_PARSER =
  "/usr/lib/python3/dist-packages/prometheus_client/parser.py";

/** Prints type and sum of all samples of each metric family. */
const PARSE_METRICS = [
  "import sys, json",
  "from prometheus_client.parser import text_fd_to_metric_families as read",
  "print(json.dumps({f.name: {",
  '  "type": f.type, "sum": sum(s.value for s in f.samples)',
  "} for f in read(sys.stdin)}))",
].join("\n");

/** How long programs may take to come back, in ms. */
const RETURN_LIMIT_MS = 20_000;

Deno.test("[ops 6] readiness follows loss and return of portal, interface and relay", async () => {
  await using lab = await startQuietLab();
  const { demo } = lab;
  const watch = new ReadinessWatch(demo.lab, "gateway");
  const flips: Record<string, number> = {};
  await watch.tookUntil("200", Date.now(), RETURN_LIMIT_MS);

  // First of all: one that has just come back to a portal that restarted, and
  // goes again, is never told of.
  const relayLostAt = Date.now();
  await lab.relay.stop();
  flips["relay lost"] = await watch.tookUntil("503", relayLostAt, 10_000);
  const relay = await demo.startRelay();
  const relayBackAt = Date.now();
  flips["relay back"] = await watch.tookUntil("200", relayBackAt, 10_000);

  const portalLostAt = Date.now();
  lab.portal.signal("SIGKILL");
  flips["portal lost"] = await watch.tookUntil("503", portalLostAt, 5_000);
  const portal = await demo.startPortal();
  await nthLine(lab, /Joined the portal/, 2);
  flips["portal back"] = await watch.tookUntil("200", Date.now(), 5_000);

  const downAt = Date.now();
  await ip(demo, "link", "set", "tun-firezone", "down");
  flips["interface down"] = await watch.tookUntil("503", downAt, 5_000);
  const upAt = Date.now();
  await ip(demo, "link", "set", "tun-firezone", "up");
  flips["interface up"] = await watch.tookUntil("200", upAt, 5_000);
  await curl(lab);

  const deletedAt = Date.now();
  await ip(demo, "link", "delete", "tun-firezone");
  flips["interface deleted"] = await watch.tookUntil("000", deletedAt, 5_000);

  console.log(`    ms until /readyz followed: ${JSON.stringify(flips)}`);
  await lab.gateway.waitFor(/Cannot go on/, 10_000);
  assert.equal(await lab.gateway.stop(), 1);
  for (const [cause, tookMs] of Object.entries(flips)) {
    const isByRelay = cause.startsWith("relay");
    const limitMs = FLIP_LIMIT_MS + (isByRelay ? RELAY_DEBOUNCE_MS : 0);
    assert.ok(tookMs <= limitMs, `${cause}: ${tookMs} ms`);
  }
  await Promise.all([portal.stop(), relay.stop()]);
});

Deno.test("[ops 1.6] health checks answer GET and HEAD, say what is missing, and tell JSON when asked", async () => {
  requireTools("ip", "curl");
  await using demo = new FirezoneLab("fzhea");
  await demo.build();
  await demo.startPortal();
  await demo.startGateway();

  const alive = await ask(demo, "/healthz");
  const ready = await ask(demo, "/readyz");
  const json = await ask(demo, "/readyz?format=json");
  const accepted = await ask(
    demo,
    "/readyz",
    ...["-H", "Accept: application/json"],
  );
  const head = await ask(demo, "/readyz", "--head");
  const post = await ask(demo, "/readyz", "-X", "POST");
  const other = await ask(demo, "/status");

  assert.deepEqual(alive, { status: 200, body: "alive\n" });
  assert.deepEqual(ready, {
    status: 503,
    body: "not ready: relay no relays\n",
  });
  assert.equal(json.status, 503);
  assert.deepEqual(json, accepted);
  assert.deepEqual(
    JSON.parse(json.body).checks.map((it: { ok: boolean }) => it.ok),
    [true, true, true, false, true],
  );
  assert.equal(head.status, 503);
  assert.equal(post.status, 405);
  assert.equal(other.status, 404);
});

Deno.test("[ops 6] in a healthy lab each datagram that the kernel refuses is counted by its reason", async () => {
  await using lab = await startQuietLab();

  const { body } = await ask(lab.demo, "/metrics");

  const refusals = body.matchAll(/reason="(send-[a-z-]+)"} (\d+)/g);
  const counts = new Map([...refusals].map(([, name, n]) => [name, Number(n)]));
  // The relay has an IPv6 address, too, and no site of the lab a route to it.
  assert.ok((counts.get("send-unroutable") ?? 0) > 0, body);
  counts.delete("send-unroutable");
  assert.ok(counts.size > 0);
  assert.deepEqual([...counts.values()].filter((count) => count > 0), []);
  await lab.gateway.waitFor(
    /DEBUG io: Datagram refused counter="?send-unroutable"? reason="?ENETUNREACH"? to="?\[2001:db8::7\]:3478/,
    1_000,
  );
});

Deno.test("[ops 6] what /metrics serves is read by the parser of Prometheus' own Python client", async () => {
  requireTools("ip", "curl", PROMETHEUS_PARSER);
  await using lab = await startQuietLab();
  const { lab: network } = lab.demo;
  const url = "http://127.0.0.1:8080/metrics";
  const parse = `curl -sSf ${url} | /usr/bin/python3 -c '${PARSE_METRICS}'`;

  const families: Record<string, { type: string; sum: number }> = JSON.parse(
    await network.must("gateway", "bash", "-o", "pipefail", "-c", parse),
  );

  const prefix = "firezone_gateway_";
  assert.deepEqual(
    Object.entries(families).map(([name, { type }]) => [name, type]).sort(),
    METRICS.map(({ name, kind }) => [name.replace(/_total$/, ""), kind]).sort(),
  );
  assert.equal(families[`${prefix}ready`]?.sum, 1);
  assert.equal(families[`${prefix}clients`]?.sum, 1);
  assert.equal(families[`${prefix}peers`]?.sum, 1);
  assert.ok((families[`${prefix}tunnel_bytes`]?.sum ?? 0) > 0);
  assert.ok((families[`${prefix}handshake_seconds`]?.sum ?? 0) > 0);
});

Deno.test("[ops 1.3] a taken health port is said, and the gateway goes on", async () => {
  requireTools("ip", "python3");
  await using demo = new FirezoneLab("fzhep");
  await demo.build();
  await demo.startPortal();
  const other = demo.lab.spawn("gateway", "other", [
    ...["python3", "-u", "-m", "http.server", "8080"],
  ]);
  await other.waitFor(/Serving HTTP/, 10_000);

  const gateway = demo.spawnGateway();

  await gateway.waitFor(
    /WARN monitor: Health checks and metrics are not served reason="Cannot serve on 0\.0\.0\.0:8080: .*--health-check-addr"/,
    15_000,
  );
  await gateway.waitFor(/Interface configured/, 15_000);
  assert.equal(await gateway.stop(), 0);
});

async function ask(
  { lab }: FirezoneLab,
  target: string,
  ...options: readonly string[]
): Promise<{ status: number; body: string }> {
  const url = `http://127.0.0.1:8080${target}`;
  const text = await lab.must(
    "gateway",
    ...["curl", "-s", "-m", "5", "-w", "\n%{http_code}", ...options, url],
  );
  const at = text.lastIndexOf("\n");
  return { status: Number(text.slice(at + 1)), body: text.slice(0, at) };
}

function ip({ lab }: FirezoneLab, ...args: readonly string[]): Promise<string> {
  return lab.must("gateway", "ip", ...args);
}

async function nthLine(
  { gateway }: RunningLab,
  pattern: RegExp,
  count: number,
): Promise<void> {
  const deadline = Date.now() + RETURN_LIMIT_MS;
  while (gateway.lines.filter((line) => pattern.test(line)).length < count) {
    if (Date.now() > deadline) throw new Error(gateway.tail());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

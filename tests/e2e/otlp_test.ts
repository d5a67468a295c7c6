import assert from "node:assert/strict";
import {
  FirezoneLab,
  PROGRAM_FROM_SOURCE,
} from "../../scripts/lab/firezone_lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import { METRICS } from "../../lib/status/mod.ts";
import { buildBinary } from "../support/compiled_binary.ts";
import {
  type Export,
  message,
  OTLP_GRPC_PORT,
  OTLP_HTTP_PORT,
  OtlpCollector,
  textOf,
} from "../support/otlp_collector.ts";
import { requireTools } from "../support/tools.ts";
import { until } from "../support/until.ts";

const START_MS = 20_000;

/** How long a gateway may take to end (operations spec §1.4). */
const STOP_LIMIT_MS = 5_000;

const INTERVAL = "--otlp-interval=1000";
const HTTP = `--otlp-endpoint=http://127.0.0.1:${OTLP_HTTP_PORT}`;
const GRPC = `--otlp-grpc-endpoint=127.0.0.1:${OTLP_GRPC_PORT}`;

/** A secret as operators give it to a collector that wants one. */
const AUTHORIZATION = "Bearer s3cret";
const HEADERS = `OTEL_EXPORTER_OTLP_HEADERS=authorization=${AUTHORIZATION}`;

for (const [protocol, option] of [["http", HTTP], ["grpc", GRPC]] as const) {
  Deno.test(`[ops 6] a collector that speaks OTLP/${protocol} is sent all metrics, the last time when the gateway stops`, async () => {
    await using lab = await collectingLab();
    const { collector } = lab;
    const gateway = await lab.startGateway(PROGRAM_FROM_SOURCE, option);
    await until(() => collector.count >= 2, START_MS);
    const isServed = await servedMetrics(lab.demo);
    const before = collector.count;
    assert.equal(await gateway.stop(), 0);
    await until(() => collector.count > before);

    const first = await collector.read(0);
    const last = await collector.read(-1);
    assert.equal(last.protocol, protocol);
    assert.equal(last.authorization, AUTHORIZATION);
    assert.ok(!gateway.lines.join("\n").includes("s3cret"));
    expectMetrics(last, isServed);
    const cpu = ({ metrics }: Export) =>
      metrics.get("process_cpu_seconds_total")?.values[""] ?? 0;
    assert.ok(cpu(last) > cpu(first), `${cpu(first)}, then ${cpu(last)}`);
  });
}

Deno.test("[ops 6] a collector that refuses is told of once, and when it takes metrics again", async () => {
  await using lab = await collectingLab({ refused: 2 });
  const gateway = await lab.startGateway(PROGRAM_FROM_SOURCE, GRPC);

  await gateway.waitFor(
    /WARN otlp: Metrics cannot be sent, going on trying reason="gRPC status 8: come back later"/,
    START_MS,
  );
  await gateway.waitFor(/INFO otlp: Metrics are sent again/, START_MS);

  const told = gateway.lines.filter((line) => /WARN otlp/.test(line));
  assert.equal(told.length, 1);
  assert.equal(await gateway.stop(), 0);
});

Deno.test("[ops 6] a collector that never answers keeps no gateway from ending in time", async () => {
  requireTools("ip", "python3");
  await using demo = new FirezoneLab("fzotl");
  await demo.build();
  await demo.startPortal();
  const silent = demo.lab.spawn("gateway", "silent", [
    ...["python3", "-u", "-c", SILENT_SERVER, String(OTLP_HTTP_PORT)],
  ]);
  await silent.waitFor(/Listening/, START_MS);
  const gateway = await demo.startGateway([
    ...PROGRAM_FROM_SOURCE,
    ...[HTTP, INTERVAL],
  ]);
  await silent.waitFor(/Asked/, START_MS);

  const stoppedAt = performance.now();
  assert.equal(await gateway.stop(), 0);

  assert.ok(performance.now() - stoppedAt < STOP_LIMIT_MS);
});

Deno.test("[ops 6] the compiled program sends metrics, too", async () => {
  await using binary = await buildBinary();
  for (const option of [HTTP, GRPC]) {
    await using lab = await collectingLab();
    const { collector } = lab;
    const gateway = await lab.startGateway([binary.path], option);
    await until(() => collector.count >= 1, START_MS);
    assert.equal(await gateway.stop(), 0);

    const { metrics } = await collector.read(-1);
    assert.equal(metrics.get("firezone_gateway_portal_joined")?.kind, "gauge");
  }
});

/** Accepts connections, reads, and never answers. */
const SILENT_SERVER = [
  "import socket, sys",
  "server = socket.create_server(('127.0.0.1', int(sys.argv[1])))",
  "print('Listening')",
  "kept = []",
  "while True:",
  "    kept.append(server.accept()[0])",
  "    kept[-1].recv(65536)",
  "    print('Asked')",
].join("\n");

/** A gateway's box with a collector in it. */
interface CollectingLab extends AsyncDisposable {
  readonly demo: FirezoneLab;
  readonly collector: OtlpCollector;
  startGateway(
    program: readonly string[],
    option: string,
  ): Promise<LabProcess>;
}

async function collectingLab(
  options: { readonly refused?: number } = {},
): Promise<CollectingLab> {
  requireTools("ip", "curl", "env");
  const stack = new AsyncDisposableStack();
  try {
    const demo = stack.use(new FirezoneLab("fzotl"));
    const directory = await Deno.makeTempDir({ prefix: "firezone-otlp-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    await demo.build();
    await demo.startPortal();
    const collector = await OtlpCollector.start(
      demo.lab,
      "gateway",
      directory,
      options,
    );
    return {
      demo,
      collector,
      startGateway: (program, option) =>
        demo.startGateway(["env", HEADERS, ...program, option, INTERVAL]),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** Asks which metrics are served for Prometheus. */
async function servedMetrics(demo: FirezoneLab): Promise<Set<string>> {
  const url = "http://127.0.0.1:8080/metrics";
  const text = await demo.lab.must("gateway", "curl", "-sSf", url);
  return new Set(
    [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = ""]) => name),
  );
}

/** Holds an export to what is served: the same names and kinds, in base units, with all that OTLP wants to know of them. */
function expectMetrics(
  { metrics, resource }: Export,
  served: ReadonlySet<string>,
): void {
  assert.deepEqual(new Set(metrics.keys()), served);
  for (const { name, kind } of METRICS) {
    if (served.has(name)) assert.equal(metrics.get(name)?.kind, kind, name);
  }
  assert.equal(resource["service.name"], "firezone-gateway");
  assert.match(resource["service.version"] ?? "", /^1\.\d+\.\d+$/);
  assert.match(resource["service.instance.id"] ?? "", /\/tun-firezone$/);

  const prefix = "firezone_gateway_";
  assert.deepEqual(metrics.get(`${prefix}portal_joins_total`)?.values, {
    "": 1,
  });
  assert.equal(
    metrics.get(`${prefix}ready_condition`)?.values["interface"],
    1,
  );
  assert.equal(metrics.get("process_resident_memory_bytes")?.unit, "By");
  assert.equal(metrics.get(`${prefix}saturation_ratio`)?.unit, "1");

  const CUMULATIVE = "2";
  const joins = message(
    metrics.get(`${prefix}portal_joins_total`)?.raw["counter"]?.[0],
  );
  assert.equal(textOf(joins["temporality"]), CUMULATIVE);
  assert.equal(textOf(joins["is_monotonic"]), "true");
  const point = message(joins["points"]?.[0]);
  assert.ok(
    BigInt(textOf(point["start"])) < BigInt(textOf(point["time"])),
  );

  const lookups = metrics.get(`${prefix}dns_lookup_seconds`);
  const histogram = message(
    message(lookups?.raw["histogram"]?.[0])["points"]?.[0],
  );
  assert.equal(lookups?.unit, "s");
  assert.equal(
    histogram["buckets"]?.length,
    (histogram["bounds"]?.length ?? 0) + 1,
  );
}

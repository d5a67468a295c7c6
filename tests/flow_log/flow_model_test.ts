import assert from "node:assert/strict";
import * as fc from "fast-check";
import { formatIp, formatSocketAddress } from "../../lib/base/mod.ts";
import type { FlowReport } from "../../lib/flow_log/mod.ts";
import { ACK, FIN, FlowWorld, RST, SYN } from "./flow_world.ts";
import { type NaiveFlow, NaiveFlows } from "./naive_flows.ts";

const EPOCH_MS = 1_787_000_000_000;

const packets = fc.record({
  protocol: fc.constantFrom("tcp", "tcp", "udp"),
  flags: fc.constantFrom(
    SYN,
    SYN | ACK,
    ACK,
    ACK,
    ACK | FIN,
    RST,
    RST | ACK,
    0,
    SYN | FIN,
    SYN | RST,
  ),
  payload: fc.constantFrom(0, 0, 1, 1_000),
  clientPort: fc.constantFrom(1, 2),
  resourceIp: fc.constantFrom("10.20.0.5", "10.20.0.6"),
});

const steps = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("tx"), packets, fc.nat(17)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("rx"), packets, fc.nat(0)) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant("wait"),
      packets,
      fc.constantFrom(100, 1_000, 30_000, 121_000),
    ),
  },
);

Deno.test("[dp 127] [dp 129] [dp 130] [dp 131] [dp 132] FlowTracker reports the flows that the specification's table makes", () => {
  fc.assert(
    fc.property(
      fc.array(steps, { maxLength: 120 }),
      fc.integer(),
      (script, seed) => {
        const world = new FlowWorld({ seed });
        const model = new NaiveFlows();
        const reports: FlowReport[] = [];

        for (const [kind, packet, value] of script) {
          const from = `192.0.2.9:${1 + value}`;
          if (kind === "tx") {
            world.tx(packet, { from });
            model.tx(packet, world.now, from);
          } else if (kind === "rx") {
            world.rx(packet);
            model.rx(packet, world.now);
          } else reports.push(...advance(world, model, value));
        }
        for (const flow of model.flows) flow.end ??= world.now;
        reports.push(...world.stop());

        assert.deepEqual(
          reports.filter((it) => it.kind === "close").map(tellReport)
            .toSorted(),
          model.flows.map(tellModel).toSorted(),
        );
        assert.equal(
          reports.filter((it) => it.kind === "open").length,
          model.flows.length,
        );
      },
    ),
    { numRuns: 300 },
  );
});

/** Lets time pass. The model keeps house whenever the tracker ended something, and nothing may be overdue then. */
function advance(
  world: FlowWorld,
  model: NaiveFlows,
  ms: number,
): FlowReport[] {
  const reports: FlowReport[] = [];
  const target = world.now + ms;
  while (world.now < target) {
    const dueAt = Math.max(world.tracker.pollTimeout(), world.now);
    const stepMs = Math.min(dueAt, target) - world.now;
    const before = world.tracker.snapshot().open;
    reports.push(...world.advance(stepMs));
    const hasHousekept = world.tracker.snapshot().open < before;
    if (hasHousekept) model.housekeep(world.now);
  }
  for (const flow of model.flows) {
    const silentMs = world.now - flow.last;
    const isOverdue = silentMs > 122_000 ||
      (flow.finTx && flow.finRx && silentMs > 1_000);
    assert.ok(flow.end !== undefined || !isOverdue, "Housekeeping is late");
  }
  return reports;
}

function tellReport(report: FlowReport): string {
  assert.ok(report.kind === "close");
  const { source, destination, protocol, outers } = report;
  return [
    `${protocol} ${source.port} ${formatIp(destination.ip)}`,
    outers.map(({ remote }) => formatSocketAddress(remote)).join(","),
    report.startedAt - EPOCH_MS,
    report.endedAt - EPOCH_MS,
    report.lastPacketAt - EPOCH_MS,
    `${report.txPackets}/${report.txBytes} ${report.rxPackets}/${report.rxBytes}`,
  ].join(" ");
}

function tellModel(flow: NaiveFlow): string {
  return [
    flow.key,
    flow.paths.join(","),
    flow.start,
    flow.end,
    flow.last,
    `${flow.tx.join("/")} ${flow.rx.join("/")}`,
  ].join(" ");
}

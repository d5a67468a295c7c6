import assert from "node:assert/strict";
import type { FlowClosed, FlowReport } from "../../lib/flow_log/mod.ts";
import { CLAIMS } from "../support/ingest_token.ts";
import {
  ACK,
  FIN,
  FlowWorld,
  gist,
  HOME,
  OWNER,
  RST,
  SYN,
  type TestPacket,
} from "./flow_world.ts";

const DATA: TestPacket = { flags: ACK, payload: 100 };
const EPOCH_MS = 1_787_000_000_000;

/** First packets of a client, and whether they open a flow. */
const FIRST_PACKETS: readonly [string, TestPacket, boolean][] = [
  ["SYN", { flags: SYN }, true],
  ["SYN with ECN setup", { flags: SYN | 0xc0 }, true],
  ["SYN-ACK of a connection from the resource", { flags: SYN | ACK }, true],
  ["data", DATA, true],
  ["UDP", { protocol: "udp", payload: 10 }, true],
  ["empty UDP", { protocol: "udp" }, true],
  ["bare ACK", { flags: ACK }, false],
  ["FIN", { flags: FIN | ACK }, false],
  ["FIN with data", { flags: FIN | ACK, payload: 5 }, false],
  ["SYN-FIN", { flags: SYN | FIN }, false],
  ["RST", { flags: RST }, false],
  ["RST-ACK", { flags: RST | ACK }, false],
];

for (const [name, packet, opens] of FIRST_PACKETS) {
  Deno.test(`[dp 130] a client's ${name} ${opens ? "opens a" : "opens no"} flow`, () => {
    const world = new FlowWorld();

    world.tx(packet);

    assert.equal(world.tracker.snapshot().open, opens ? 1 : 0);
  });
}

Deno.test("[dp 130] nothing of the resource opens a flow", () => {
  const world = new FlowWorld();

  for (const [, packet] of FIRST_PACKETS) world.rx(packet);

  assert.equal(world.tracker.snapshot().open, 0);
});

Deno.test("[dp 127] a flow is reported when it starts and when it ends, with what passed in between", () => {
  const world = new FlowWorld();
  world.tx({ flags: SYN }, { domain: "wiki.corp.example" });
  const [opened] = world.advance(1);
  world.rx({ flags: SYN | ACK });
  world.tx(DATA);
  world.advance(1_000);
  world.rx({ flags: ACK, payload: 1_000 });
  world.rx({ flags: RST });

  const [closed] = world.advance(0);

  const identity = {
    claims: CLAIMS,
    protocol: "tcp",
    domain: "wiki.corp.example",
    startedAt: EPOCH_MS,
  };
  assert.ok(opened);
  assert.ok(closed?.kind === "close");
  for (const report of [opened, closed]) {
    const { claims, protocol, domain, startedAt } = report;
    assert.deepEqual({ claims, protocol, domain, startedAt }, identity);
    assert.equal(report.source.port, 40_000);
    assert.equal(report.destination.port, 443);
    assert.equal(report.outers.length, 1);
  }
  assert.equal(opened.kind, "open");
  assert.equal(gist(closed), "close tcp rx 3/1000 tx 2/100");
  assert.equal(closed.endedAt, EPOCH_MS + 1_001);
  assert.equal(closed.lastPacketAt, EPOCH_MS + 1_001);
});

Deno.test("[dp 129] a retransmitted SYN does not split a flow", () => {
  const world = new FlowWorld();

  for (let i = 0; i < 3; i++) world.tx({ flags: SYN });

  assert.deepEqual(world.stop().map(gist), [
    "open tcp",
    "close tcp rx 0/0 tx 3/0",
  ]);
});

Deno.test("[dp 129] a SYN after anything else starts another flow", () => {
  const world = new FlowWorld();
  world.tx({ flags: SYN });
  world.tx({ flags: ACK });
  world.rx(DATA);
  world.advance(500);

  world.tx({ flags: SYN });

  const [closed, opened] = [...world.advance(0), ...world.advance(100)]
    .toSorted((a) => a.kind === "close" ? -1 : 1);
  assert.ok(closed?.kind === "close");
  assert.equal(gist(closed), "close tcp rx 1/100 tx 2/0");
  assert.equal(closed.endedAt, EPOCH_MS + 500);
  assert.equal(opened?.startedAt, EPOCH_MS + 500);
});

Deno.test("[dp 132] RST of either side ends a flow at once", () => {
  for (const side of ["tx", "rx"] as const) {
    const world = new FlowWorld();
    world.tx({ flags: SYN });
    world.advance(300);

    world[side]({ flags: RST });

    const [closed] = world.advance(0);
    assert.ok(closed?.kind === "close");
    assert.equal(closed.endedAt, EPOCH_MS + 300);
    assert.equal(closed.rxPackets + closed.txPackets, 2);
  }
});

Deno.test("[dp 132] FIN of both sides ends a flow with its last packet, FIN of one side does not", () => {
  for (const [first, second] of [["tx", "rx"], ["rx", "tx"]] as const) {
    const world = new FlowWorld();
    world.tx({ flags: SYN });
    world[first]({ flags: FIN | ACK });
    world.advance(60_000);
    assert.equal(world.tracker.snapshot().open, 1);

    world[second]({ flags: FIN | ACK });
    world.now = (world.now + 1) as typeof world.now;
    world.tx({ flags: ACK });

    const [closed] = world.advance(1_000);
    assert.ok(closed?.kind === "close");
    assert.equal(closed.endedAt, EPOCH_MS + 60_001);
    assert.equal(closed.lastPacketAt, EPOCH_MS + 60_001);
    assert.equal(closed.rxPackets + closed.txPackets, 4);
  }
});

Deno.test("[dp 132] a flow ends after more than 120 s of silence, whoever spoke last", () => {
  for (const protocol of ["tcp", "udp"] as const) {
    const world = new FlowWorld();
    const packet = { protocol, flags: SYN };
    world.tx(packet);
    world.advance(100_000);
    world.rx(packet);
    world.advance(120_000);
    assert.equal(world.tracker.snapshot().open, 1);

    const [closed] = world.advance(3_000);

    assert.ok(closed?.kind === "close");
    assert.equal(closed.lastPacketAt, EPOCH_MS + 100_000);
    assert.ok(closed.endedAt > EPOCH_MS + 220_000);
    assert.ok(closed.endedAt <= EPOCH_MS + 223_000);
  }
});

Deno.test("[dp 132] when we stop all flows end with that time", () => {
  const world = new FlowWorld();
  for (let port = 1; port <= 2_500; port++) {
    world.tx({ protocol: "udp", clientPort: port });
  }
  world.advance(50);

  const reports = world.stop();

  const closed = reports.filter((it): it is FlowClosed => it.kind === "close");
  assert.equal(closed.length, 2_500);
  assert.ok(closed.every(({ endedAt }) => endedAt === EPOCH_MS + 50));
  world.tx({ protocol: "udp", clientPort: 9 });
  assert.equal(world.tracker.snapshot().open, 0);
});

Deno.test("[dp 131] each outer path that a client's packets come by is recorded, also one that comes back", () => {
  const world = new FlowWorld();
  world.tx({ flags: SYN });
  world.advance(10);
  world.tx(DATA, { from: "203.0.113.7:3478" });
  world.rx(DATA);
  world.tx(DATA, { from: "203.0.113.7:3478" });
  world.tx(DATA, { from: "203.0.113.7:3478", to: "198.51.100.2:52625" });
  world.tx(DATA, { from: HOME });

  const reports = world.stop();

  const outers = reports.at(-1)?.outers.map(({ remote, local, activatedAt }) =>
    [remote.port, local.ip.bytes[3], activatedAt - EPOCH_MS].join(" ")
  );
  assert.deepEqual(outers, ["5000 1 0", "3478 1 10", "3478 2 10", "5000 1 10"]);
});

Deno.test("[dp 131] a flow with 16 outer paths goes on in another one, even by a bare ACK", () => {
  const world = new FlowWorld();
  world.tx({ flags: SYN });
  for (let port = 1; port <= 15; port++) {
    world.tx(DATA, { from: `192.0.2.9:${port}` });
  }
  world.tx(DATA, { from: "192.0.2.9:15" });
  assert.equal(world.tracker.snapshot().waiting, 1);
  world.advance(7);

  world.tx({ flags: ACK }, { from: "192.0.2.9:16" });

  const reports = world.stop();
  const [first, second] = reports.filter((it) => it.kind === "close");
  assert.equal(first?.outers.length, 16);
  assert.equal(first?.endedAt, EPOCH_MS + 7);
  assert.equal(second?.outers.length, 1);
  assert.equal(second?.startedAt, EPOCH_MS + 7);
});

Deno.test("[dp 130] [dp 131] RST and FIN on a 17th outer path end a flow and open none", () => {
  for (const flags of [RST, FIN | ACK]) {
    const world = new FlowWorld();
    for (let port = 1; port <= 16; port++) {
      world.tx(DATA, { from: `192.0.2.9:${port}` });
    }

    world.tx({ flags }, { from: "192.0.2.9:17" });

    assert.equal(world.tracker.snapshot().open, 0);
  }
});

Deno.test("flows of other clients, resources and protocols with the same ports stay apart", () => {
  const world = new FlowWorld();
  const other = { ...OWNER, resourceId: "other" };
  const stranger = { ...OWNER, clientId: "stranger" };
  world.tx(DATA);
  world.tx(DATA, { owner: other });
  world.tx(DATA, { owner: stranger });
  world.tx({ protocol: "udp", payload: 100 });

  world.rx({ flags: ACK, payload: 7 }, other);

  assert.equal(world.tracker.snapshot().open, 4);
  const received = world.stop().flatMap((it) =>
    it.kind === "close" ? [it.rxBytes] : []
  );
  assert.deepEqual(received.toSorted(), [0, 0, 0, 7]);
});

Deno.test("a flow keeps the token that it was opened under when its authorization is renewed", () => {
  const world = new FlowWorld();
  world.tx(DATA);

  world.tx(DATA, {
    owner: { ...OWNER, claims: { ...CLAIMS, policyId: "renewed" } },
  });

  const closed = world.stop().at(-1);
  assert.equal(closed?.claims.policyId, CLAIMS.policyId);
  assert.equal(closed && gist(closed), "close tcp rx 0/0 tx 2/200");
});

Deno.test("flows are tracked when the portal wants it or the flag says so", () => {
  const cases = [[false, 0, 0], [false, 60, 1], [true, 0, 1]] as const;
  for (const [always, intervalSecs, expected] of cases) {
    const world = new FlowWorld({ always });
    world.tracker.configure(intervalSecs);

    world.tx();

    assert.equal(world.tracker.snapshot().open, expected);
  }
});

Deno.test("switching tracking off ends no flow: what is open is counted to its end, and nothing opens", () => {
  const world = new FlowWorld({ always: false });
  world.tracker.configure(60);
  world.tx({ flags: SYN });

  world.tracker.configure(0);
  world.tx(DATA);
  world.rx(DATA);
  world.tx({ flags: SYN, clientPort: 1 });

  assert.deepEqual(world.stop().map(gist), [
    "open tcp",
    "close tcp rx 1/100 tx 2/100",
  ]);
});

Deno.test("a packet that was seen but not sent is not counted", () => {
  const world = new FlowWorld();
  world.tx({ flags: SYN });
  world.rx(DATA);

  world.tracker.countInbound(OWNER, world.now);

  assert.equal(world.stop().map(gist).at(-1), "close tcp rx 1/100 tx 1/0");
});

Deno.test("IPv6 flows are known by all of their addresses", () => {
  const world = new FlowWorld();
  const base = { clientIp: "fd00:2021:1111::1", flags: ACK, payload: 9 };
  world.tx({ ...base, resourceIp: "2001:db8::1" });
  world.tx({ ...base, resourceIp: "2001:db8::2" });

  world.rx({ ...base, resourceIp: "2001:db8::2" });

  const received = world.stop().flatMap((it) =>
    it.kind === "close" ? [it.rxBytes] : []
  );
  assert.deepEqual(received.toSorted(), [0, 9]);
});

Deno.test("one client cannot take the room of all others, and a full tracker opens nothing more", () => {
  const world = new FlowWorld();
  openMany(world, "a", 16_384);
  world.tx({ protocol: "udp", clientIp: "100.65.0.1" }, {
    owner: { ...OWNER, clientId: "a" },
  });
  for (const client of ["b", "c", "d"]) openMany(world, client, 16_384);
  openMany(world, "e", 3);

  const { open, refused } = world.tracker.snapshot();

  assert.equal(open, 65_536);
  assert.deepEqual(refused, {
    "too-many-flows": 3,
    "too-many-flows-of-client": 1,
  });
});

Deno.test("a flood of short flows is reported in batches, in order, and completely", () => {
  const world = new FlowWorld();
  for (let port = 1; port <= 3_000; port++) {
    world.tx({ flags: SYN, clientPort: port });
    world.tx({ flags: RST, clientPort: port });
  }

  const first = world.advance(0);
  const rest = world.advance(1_000);

  assert.equal(first.length, 1_000);
  assert.equal(rest.length, 5_000);
  assertOpenBeforeClose([...first, ...rest]);
  assert.equal(world.tracker.pollTimeout(), Infinity);
});

Deno.test("room is free again once the end of a flow is reported", () => {
  const world = new FlowWorld();
  openMany(world, "a", 16_384);
  world.advance(130_000);

  openMany(world, "a", 16_384);

  assert.equal(world.tracker.snapshot().refused["too-many-flows-of-client"], 0);
});

Deno.test("one look ends a bounded number of flows, and the rest follows soon", () => {
  const world = new FlowWorld();
  openMany(world, "a", 5_000);
  world.advance(1_000);
  world.now = (world.now + 200_000) as typeof world.now;

  world.tracker.handleTimeout(world.now);

  assert.equal(world.tracker.snapshot().open, 5_000 - 1_024);
  world.advance(100);
  assert.equal(world.tracker.snapshot().open, 0);
});

function openMany(world: FlowWorld, clientId: string, count: number): void {
  const owner = { ...OWNER, clientId };
  for (let port = 1; port <= count; port++) {
    world.tx({ protocol: "udp", clientPort: port }, { owner });
  }
}

function assertOpenBeforeClose(reports: readonly FlowReport[]): void {
  const opened = new Set<number>();
  for (const { kind, source } of reports) {
    if (kind === "open") opened.add(source.port);
    else assert.ok(opened.has(source.port));
  }
}

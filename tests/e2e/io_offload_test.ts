import assert from "node:assert/strict";
import type { Lab } from "../../scripts/lab/lab.ts";
import {
  type Box,
  countersOf,
  startNode,
  twoBoxes,
} from "../support/io_lab.ts";
import type { IoNodeOptions } from "../support/io_node.ts";
import type { Received } from "../support/traffic.ts";

const TUN = "tun-firezone";
const HOSTS = { 4: "100.64.0.2", 6: "fd00:2021:1111::2" } as const;
const TRANSFER_BYTES = 20_000_000;
const DATAGRAMS = 400;

/** Each end with and without offloads. */
const PAIRINGS: readonly (readonly [string, Offloads, Offloads])[] = [
  ["between ends with offloads", {}, {}],
  ["from an end with offloads to one without", {}, off()],
  ["from an end without offloads to one with", off(), {}],
  ["between ends without offloads", off(), off()],
];

for (const [pairing, left, right] of PAIRINGS) {
  Deno.test(`[dp 24] [dp 25] TCP and UDP of both families arrive intact ${pairing}`, async () => {
    await using lab = await twoBoxes("fzoff");
    const sender = await startNode(lab, "left", left);
    const receiver = await startNode(lab, "right", right);

    for (const family of [4, 6] as const) {
      await transfer(lab, HOSTS[family]);
      const received = await burst(lab, HOSTS[family], 1_200);
      assert.deepEqual(received, whole(DATAGRAMS));
    }

    assert.deepEqual(await checksumErrors(lab, "right"), []);
    const frames = await framesOf(lab, "left", "tx");
    const io = await countersOf(sender);
    const splits = left.tunOffload !== false;
    assert.equal(io["packets-read"]! > 5 * frames, splits);
    const written = await countersOf(receiver);
    const merges = right.tunOffload !== false;
    const writes = await framesOf(lab, "right", "rx");
    assert.equal(written["packets-written"]! > 3 * writes, merges);
    assert.equal(written["tun-merge-refused"], 0);
    assert.equal(io["send-segments-refused"], 0);
  });
}

Deno.test("[dp 124] where a path does not take groups of datagrams, each one arrives nevertheless", async () => {
  await using lab = await twoBoxes("fzoff");
  for (const box of ["left", "right"] as const) {
    await lab.must(box, ..."ip link set eth0 mtu 1280".split(" "));
  }
  const sender = await startNode(lab, "left");
  await startNode(lab, "right");

  // Too long for the link with the outer headers, so that they are fragmented.
  const received = await burst(lab, HOSTS[4], 1_252);
  await transfer(lab, HOSTS[4]);

  assert.deepEqual(received, whole(DATAGRAMS));
  const io = await countersOf(sender);
  assert.ok(io["send-segments-refused"]! > 0);
  assert.equal(io["send-error"], 0);
  assert.equal(io["packets-read"], io["datagrams-sent"]);
});

Deno.test("[dp 119] [dp 125] a slow link holds reading up, and what arrives is in order", async () => {
  await using lab = await twoBoxes("fzoff");
  const shape = "tc qdisc add dev eth0 root tbf rate 30mbit burst 32k limit 4m";
  await lab.must("left", ...shape.split(" "));
  const sender = await startNode(lab, "left", { sendBufferBytes: 65_536 });
  await startNode(lab, "right");

  const received = await burst(lab, HOSTS[4], 1_200);
  await transfer(lab, HOSTS[6], TRANSFER_BYTES / 10);

  assert.ok(received.count > DATAGRAMS / 2);
  assert.ok(received.isInOrder && received.isIntact);
  const io = await countersOf(sender);
  assert.equal(io["packets-read"], io["datagrams-sent"]);
});

Deno.test("control messages are answered while packets flood in", async () => {
  await using lab = await twoBoxes("fzoff");
  const sender = await startNode(lab, "left");
  const receiver = await startNode(lab, "right");
  const server = lab.spawn("right", "iperf3", [
    "iperf3",
    "-s",
    "-1",
    "--forceflush",
  ]);
  await server.waitFor(/listening/, 5_000);
  const flood = `timeout 8 iperf3 -c ${HOSTS[4]} -u -b 0 -l 1200 -t 2 -P 2`;
  const flooding = lab.run("left", ...flood.split(" "));

  for (let i = 0; i < 5; i++) {
    await countersOf(sender);
    await countersOf(receiver);
  }

  const io = await countersOf(sender);
  assert.ok(io["packets-read"]! > 100);
  await flooding;
});

type Offloads = Pick<IoNodeOptions, "tunOffload" | "udpOffload">;

function off(): Offloads {
  return { tunOffload: false, udpOffload: false };
}

function whole(count: number): Received {
  return { count, isInOrder: true, isIntact: true };
}

/** Sends random bytes by TCP and checks that the same arrive. */
async function transfer(
  lab: Lab,
  host: string,
  length = TRANSFER_BYTES,
): Promise<void> {
  const receiver = lab.spawn("right", "receiver", [
    ...deno("traffic.ts"),
    ...["receive-tcp", "7000"],
  ]);
  await receiver.waitFor(/listening/, 10_000);
  const sent = await lab.must(
    "left",
    ...["timeout", "20", ...deno("traffic.ts")],
    ...["send-tcp", host, "7000", String(length)],
  );
  const received = await receiver.waitFor(/^received /, 5_000);
  await receiver.ended;
  assert.equal(received.split(" ")[1], sent.trim().split(" ")[1]);
}

/** Sends numbered datagrams at once and returns what became of them. */
async function burst(
  lab: Lab,
  host: string,
  length: number,
): Promise<Received> {
  const receiver = lab.spawn("right", "receiver", [
    ...deno("traffic.ts"),
    ...["receive-udp", "7000"],
  ]);
  await receiver.waitFor(/listening/, 10_000);
  const to = host.includes(":") ? `[${host}]:7000` : `${host}:7000`;
  await lab.must(
    "left",
    ...deno("traffic.ts"),
    ...["send-udp", to, String(DATAGRAMS), String(length)],
  );
  const line = await receiver.waitFor(/^received /, 10_000);
  await receiver.ended;
  return JSON.parse(line.slice("received ".length));
}

/** How many packets, large ones counted once, crossed the TUN interface. */
async function framesOf(
  lab: Lab,
  box: Box,
  direction: "rx" | "tx",
): Promise<number> {
  const show = `ip -j -s link show ${TUN}`.split(" ");
  const [link] = JSON.parse(await lab.must(box, ...show));
  return link.stats64[direction].packets;
}

/** The kernel's counters of wrong checksums that are not zero. */
async function checksumErrors(lab: Lab, box: Box): Promise<string[]> {
  const ipv4 = await lab.must(box, "cat", "/proc/net/snmp");
  const ipv6 = await lab.must(box, "cat", "/proc/net/snmp6");
  const errors = ["Tcp", "Udp"].filter((protocol) => {
    const [names = [], values = []] = ipv4.split("\n")
      .filter((line) => line.startsWith(`${protocol}:`))
      .map((line) => line.split(" "));
    return values[names.indexOf("InCsumErrors")] !== "0";
  });
  const six = ipv6.match(/^Udp6InCsumErrors\s+[1-9]\d*$/m);
  return six ? [...errors, six[0]] : errors;
}

function deno(script: string): string[] {
  const path = new URL(`../support/${script}`, import.meta.url).pathname;
  return [Deno.execPath(), "run", "--allow-all", path];
}

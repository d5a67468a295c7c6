import assert from "node:assert/strict";
import type { Lab } from "../../scripts/lab/lab.ts";
import {
  countersOf,
  optionsOf,
  ping,
  spawnNode,
  startNode,
  twoBoxes,
} from "../support/io_lab.ts";
import { requireTools } from "../support/tools.ts";

const PREFIX = "fzpkt";
const MARK = "0xfd002021";

/** Counts what leaves a data plane, with the mark and without. */
const COUNT_MARKS = `table inet t {
  counter marked {
  }
  counter bare {
  }
  chain output {
    type filter hook output priority 0
    udp dport 52625 meta mark ${MARK} counter name marked
    udp dport 52625 meta mark != ${MARK} counter name bare
  }
}`;

/** A link of 4 Mbit/s that holds on to more than a socket may send at once, so that the socket fills up. */
const SLOW_LINK = "rate 4mbit burst 16k limit 32m".split(" ");
const FLOOD_RATE = "60M";
const FLOOD_SECONDS = 4;
const FLOOD_PACKET_BYTES = 1_200;

/** What a data plane may need more after a second flood than after the first, in KiB. It is sent 30,000. */
const MOST_GROWTH_KIB = 4 * 1024;

/** Sends a datagram whose checksum is 0xdead from the left box; the kernel makes its IP header complete. */
const WRONG_CHECKSUM = `
import socket, struct
udp = struct.pack("!HHHH", 1000, 2000, 12, 0xdead) + b"data"
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, 0, 0, 64, 17, 0,
    socket.inet_aton("100.64.0.1"), socket.inet_aton("100.64.0.2"))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.sendto(ip + udp, ("100.64.0.2", 0))
`;

Deno.test("[dp 21] every datagram of a data plane carries the mark", async () => {
  await using lab = await twoBoxes(PREFIX);
  await lab.nft("left", COUNT_MARKS);
  await startNode(lab, "left");
  await startNode(lab, "right");

  await ping(lab, "100.64.0.2", "8");
  await ping(lab, "fd00:2021:1111::2", "8");

  assert.ok(await packetsCounted(lab, "marked") >= 6);
  assert.equal(await packetsCounted(lab, "bare"), 0);
});

Deno.test("[dp 21] a data plane that may not mark its sockets does not start", async () => {
  await using lab = await twoBoxes(PREFIX);
  // An interface that somebody else made for us is ours without the capability.
  const add = "ip tuntap add dev tun-firezone mode tun user root vnet_hdr";
  await lab.must("left", ...add.split(" "));
  const drop = [
    "setpriv",
    "--bounding-set=-net_admin,-net_raw",
    "--inh-caps=-net_admin,-net_raw",
  ];

  const node = spawnNode(lab, "left", optionsOf("left"), drop);

  await node.waitFor(
    /^refused MissingCapabilityError: Cannot mark a socket: EPERM$/,
    10_000,
  );
  assert.equal(await node.ended, 1);
});

Deno.test("[ops 1.1] packets of the host with a wrong checksum are warned of when somebody wants to know, and of no others", async () => {
  requireTools("python3");
  await using lab = await twoBoxes(PREFIX);
  const node = await startNode(lab, "left", { validatesChecksums: true });
  await startNode(lab, "right");

  await ping(lab, "100.64.0.2", "8");
  await lab.must("left", "python3", "-c", WRONG_CHECKSUM);

  await node.waitFor(/wrong checksum {"checksum":"udp","length":32}/, 5_000);
  const warnings = node.lines.filter((it) => it.includes("wrong checksum"));
  assert.equal(warnings.length, 1);
});

Deno.test("[dp 28] [dp 120] a packet that the kernel does not take is lost alone", async () => {
  await using lab = await twoBoxes(PREFIX);
  const node = await startNode(lab, "left");
  await startNode(lab, "right");

  await lab.must("right", "bash", "-c", `${NO_PACKETS} & wait`);
  await ping(lab, "100.64.0.2", "1252");
  await ping(lab, "fd00:2021:1111::2", "8");

  const counters = await countersOf(node);
  assert.equal(counters["tun-write-error"], NO_PACKET_COUNT);
  assert.ok(counters["packets-written"]! >= 6);
});

Deno.test("[dp 28] packets that arrive while the interface is down are lost, and later ones are not", async () => {
  await using lab = await twoBoxes(PREFIX);
  const node = await startNode(lab, "left");
  await startNode(lab, "right");
  await lab.must("left", "ip", "link", "set", "tun-firezone", "down");

  await lab.run("right", ..."ping -c 2 -i 0.05 -W 1 100.64.0.1".split(" "));
  await lab.must("left", "ip", "link", "set", "tun-firezone", "up");
  node.signal("SIGHUP");
  await node.waitFor(/^event configured$/, 2_000);

  await ping(lab, "100.64.0.2", "8");
  const counters = await countersOf(node);
  assert.equal(counters["tun-write-error"], 2);
});

Deno.test("[dp 125] [dp 119] while the network takes nothing, nothing is read, no memory is filled and no packet overtakes another", async () => {
  await using lab = await twoBoxes(PREFIX);
  const node = await startNode(lab, "left");
  await startNode(lab, "right");
  await ping(lab, "100.64.0.2", "8");
  const shape = ["tc", "qdisc", "add", "dev", "eth0", "root", "tbf"];
  await lab.must("left", ...shape, ...SLOW_LINK);
  const shorten = "ip link set tun-firezone txqueuelen 100";
  await lab.must("left", ...shorten.split(" "));
  await lab.spawn("right", "iperf", ["iperf3", "-s", "--forceflush"])
    .waitFor(/listening/, 5_000);
  // Rings and code that are used for the first time take their memory now.
  await flood(lab);
  const before = memoryKib(node.pid);
  const countersBefore = await countersOf(node);

  const report = await flood(lab);

  const grown = memoryKib(node.pid) - before;
  const { sum, streams: [stream] } = JSON.parse(report).end;
  const countersAfter = await countersOf(node);
  const more = (name: string) => countersAfter[name]! - countersBefore[name]!;
  assert.ok(grown < MOST_GROWTH_KIB, `${grown} KiB more`);
  const read = more("packets-read");
  assert.ok(read < sum.packets / 2, `${read} of ${sum.packets} read`);
  assert.equal(read, more("datagrams-sent") + more("send-blocked"));
  assert.equal(stream.udp.out_of_order, 0);
});

/** Sends more than the slow link takes, and returns the sender's report. */
function flood(lab: Lab): Promise<string> {
  return lab.must(
    "left",
    "iperf3",
    ...["-c", "100.64.0.2", "-u", "-b", FLOOD_RATE, "-J"],
    ...["-t", `${FLOOD_SECONDS}`, "-l", `${FLOOD_PACKET_BYTES}`],
  );
}

const NO_PACKET_COUNT = 20;

/** Sends datagrams that are no IP packets to the left data plane, from where its peer would. */
const NO_PACKETS =
  `for i in $(seq ${NO_PACKET_COUNT}); do printf '\\x10no packet' > /dev/udp/192.0.2.1/52625; done`;

async function packetsCounted(lab: Lab, name: string): Promise<number> {
  const listed = await lab.must(
    "left",
    ..."nft -j list counter inet t".split(" "),
    name,
  );
  const objects = JSON.parse(listed).nftables;
  return objects.find((it: { counter?: unknown }) => it.counter).counter
    .packets;
}

function memoryKib(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

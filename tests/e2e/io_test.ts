import assert from "node:assert/strict";
import type { Lab } from "../../scripts/lab/lab.ts";
import {
  type Box,
  optionsOf,
  ping,
  spawnNode,
  startNode,
  twoBoxes,
} from "../support/io_lab.ts";

const TUN = "tun-firezone";
const TUNNEL_TABLE = 539098368;
const LINK_TABLE = 539098369;
const DEFAULT_TABLE = 539098370;
const MARK = "0xfd002021";

Deno.test("[dp 14] [dp 17] [dp 19] [dp 20] the TUN interface is made and configured as the spec demands", async () => {
  await using lab = await twoBoxes("fzio");

  await startNode(lab, "left");

  const [link] = await ipJson(lab, "left", "-d", "link", "show", TUN);
  assert.equal(link.mtu, 1280);
  assert.equal(link.txqlen, 10_000);
  assert.ok(link.flags.includes("UP"));
  assert.equal(link.linkinfo.info_data.pi, false);
  assert.equal(link.linkinfo.info_data.vnet_hdr, true);
  assert.equal(link.linkinfo.info_data.multi_queue, false);
  assert.equal(link.inet6_addr_gen_mode, "none");
  assert.deepEqual(await addressesIn(lab, "left"), [
    "100.64.0.1/32",
    "fd00:2021:1111::1/128",
  ]);
  assert.deepEqual(await routesIn(lab, "left", TUNNEL_TABLE), [
    `100.64.0.0/11 ${TUN} static`,
    `fd00:2021:1111::/107 ${TUN} static`,
  ]);
  const ours = [
    { priority: 100, table: TUNNEL_TABLE },
    { priority: 200, table: LINK_TABLE },
    { priority: 300, table: DEFAULT_TABLE },
  ].map(({ priority, table }) => `${priority} not ${MARK} ${table} kernel`);
  assert.deepEqual(await rulesIn(lab, "left", "-4"), ours);
  assert.deepEqual(await rulesIn(lab, "left", "-6"), ours);
});

Deno.test("[dp 23] packets pass from one TUN interface to another and back, over both families", async () => {
  await using lab = await twoBoxes("fzio");
  await startNode(lab, "left");
  await startNode(lab, "right");

  await ping(lab, "100.64.0.2", "8");
  await ping(lab, "100.64.0.2", "1252");
  await ping(lab, "fd00:2021:1111::2", "1232");
});

Deno.test("stopping lets the core speak last and leaves neither interface nor rules behind", async () => {
  await using lab = await twoBoxes("fzio");
  const node = await startNode(lab, "left");

  assert.equal(await node.stop(), 0);

  assert.deepEqual(node.lines.slice(-2), ["event stopped", "ended cleanly"]);
  const links = await lab.must("left", "ip", "link", "show");
  assert.doesNotMatch(links, new RegExp(TUN));
  assert.deepEqual(await rulesIn(lab, "left", "-4"), []);
  assert.deepEqual(await rulesIn(lab, "left", "-6"), []);
});

Deno.test("rules that a crashed run left go with ours", async () => {
  await using lab = await twoBoxes("fzio");
  const left = `not fwmark ${MARK} lookup ${LINK_TABLE} priority 200`;
  const add = `ip rule add ${left} protocol kernel`;
  await lab.must("left", ...add.split(" "));
  const node = await startNode(lab, "left");
  assert.equal((await rulesIn(lab, "left", "-4")).length, 3);

  await node.stop();

  assert.deepEqual(await rulesIn(lab, "left", "-4"), []);
});

Deno.test("[dp 15] a second process is refused while the first one holds the interface", async () => {
  await using lab = await twoBoxes("fzio");
  const first = await startNode(lab, "left");

  const second = spawnNode(lab, "left", optionsOf("left"));

  await second.waitFor(
    /^refused TunBusyError: Cannot create the interface tun-firezone: EBUSY$/,
    10_000,
  );
  assert.equal(await second.ended, 1);
  assert.match(await lab.must("left", "ip", "link"), new RegExp(TUN));
  assert.equal(await first.stop(), 0);
});

Deno.test("a process without CAP_NET_ADMIN is refused by name", async () => {
  await using lab = await twoBoxes("fzio");
  const drop = [
    "setpriv",
    "--bounding-set=-net_admin",
    "--inh-caps=-net_admin",
  ];

  const node = spawnNode(lab, "left", optionsOf("left"), drop);

  await node.waitFor(/^refused MissingCapabilityError: .*: EPERM$/, 10_000);
  assert.equal(await node.ended, 1);
});

Deno.test("a process with no privilege but CAP_NET_ADMIN brings everything up", async () => {
  await using lab = await twoBoxes("fzio");
  const lower = [
    "setpriv",
    "--inh-caps=-all,+net_admin",
    "--ambient-caps=-all,+net_admin",
    "--bounding-set=-all,+net_admin",
    "--securebits=+noroot,+noroot_locked",
  ];

  const node = await startNode(lab, "left", {}, lower);

  const status = Deno.readTextFileSync(`/proc/${node.pid}/status`);
  assert.match(status, /^CapEff:\t0{12}1000$/m);
  assert.equal((await rulesIn(lab, "left", "-6")).length, 3);
  assert.equal(await node.stop(), 0);
  assert.deepEqual(await rulesIn(lab, "left", "-6"), []);
});

Deno.test("a TUN node that others may not open is refused by name", async () => {
  await using lab = await twoBoxes("fzio");
  const launcher = [
    ...["unshare", "--mount", "sh", "-c"],
    'mount -t tmpfs tmpfs /dev/net && mknod -m 000 /dev/net/tun c 10 200 && exec "$@"',
    ...["sh", "setpriv", "--bounding-set=-dac_override,-dac_read_search"],
  ];

  const node = spawnNode(lab, "left", optionsOf("left"), launcher);

  await node.waitFor(
    /^refused TunForbiddenError: .*\/dev\/net\/tun: EACCES$/,
    9_000,
  );
});

Deno.test("a missing TUN node is made", async () => {
  await using lab = await twoBoxes("fzio");
  const launcher = [
    ...["unshare", "--mount", "sh", "-c"],
    'mount -t tmpfs tmpfs /dev/net && exec "$@"',
    "sh",
  ];

  await startNode(lab, "left", {}, launcher);
});

Deno.test("[dp 18] a host without IPv6 gets IPv4 only", async () => {
  await using lab = await twoBoxes("fzio");
  await lab.sysctl(
    "left",
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
  );

  const node = await startNode(lab, "left");

  await node.waitFor(/Interface configured {"ipv4":true,"ipv6":false}/, 1_000);
  assert.deepEqual(await addressesIn(lab, "left"), ["100.64.0.1/32"]);
  assert.deepEqual(await routesIn(lab, "left", TUNNEL_TABLE), [
    `100.64.0.0/11 ${TUN} static`,
  ]);
  assert.deepEqual(await rulesIn(lab, "left", "-6"), []);
});

Deno.test("[dp 16] another configuration replaces addresses and routes and keeps what stays", async () => {
  await using lab = await twoBoxes("fzio");
  const reconfigured = {
    ...optionsOf("left").settings,
    ipv4: "100.64.0.9",
    routes: ["100.64.0.0/11", "10.9.0.0/16", "0.0.0.0/0"],
  };
  const node = await startNode(lab, "left", { reconfigured });

  node.signal("SIGHUP");
  await node.waitFor(/^event configured$/, 2_000);

  assert.deepEqual(await addressesIn(lab, "left"), [
    "100.64.0.9/32",
    "fd00:2021:1111::1/128",
  ]);
  assert.deepEqual(await routesIn(lab, "left", TUNNEL_TABLE), [
    `10.9.0.0/16 ${TUN} static`,
    `100.64.0.0/11 ${TUN} static`,
  ]);
  assert.deepEqual(await routesIn(lab, "left", DEFAULT_TABLE), [
    `default ${TUN} static`,
  ]);
  assert.equal((await rulesIn(lab, "left", "-4")).length, 3);
});

Deno.test("routes that an earlier run left in our tables are flushed at start", async () => {
  await using lab = await twoBoxes("fzio");
  const stale = ["10.8.0.0/16", "fd99::/64"];
  for (const route of stale) {
    for (const table of [TUNNEL_TABLE, LINK_TABLE, DEFAULT_TABLE]) {
      const add = `ip route add ${route} dev lo table ${table}`;
      await lab.must("left", ...add.split(" "));
    }
  }
  await lab.must("left", ..."ip route add 10.7.0.0/16 dev lo".split(" "));

  await startNode(lab, "left");

  assert.equal((await routesIn(lab, "left", TUNNEL_TABLE)).length, 2);
  assert.deepEqual(await routesIn(lab, "left", LINK_TABLE), []);
  assert.deepEqual(await routesIn(lab, "left", DEFAULT_TABLE), []);
  assert.match(await lab.must("left", "ip", "route"), /^10\.7\.0\.0\/16 /m);
});

Deno.test("[dp 135] the node ends by name when its interface is deleted", async () => {
  await using lab = await twoBoxes("fzio");
  const node = await startNode(lab, "left");

  await lab.must("left", "ip", "link", "delete", TUN);

  await node.waitFor(/^failed TunGoneError: .*: EBADFD$/, 3_000);
  assert.deepEqual(await rulesIn(lab, "left", "-4"), []);
});

Deno.test("the node survives its interface going down and up again", async () => {
  await using lab = await twoBoxes("fzio");
  const node = await startNode(lab, "left");
  await startNode(lab, "right");

  await lab.must("left", "ip", "link", "set", TUN, "down");
  await lab.run("right", ..."ping -c 1 -W 1 100.64.0.1".split(" "));
  await lab.must("left", "ip", "link", "set", TUN, "up");
  node.signal("SIGHUP");
  await node.waitFor(/^event configured$/, 2_000);

  await ping(lab, "100.64.0.2", "8");
  await ping(lab, "fd00:2021:1111::2", "8");
});

Deno.test("a core that breaks ends the worker with its rules and interface removed", async () => {
  await using lab = await twoBoxes("fzio");
  const node = await startNode(lab, "left");

  node.signal("SIGINT");

  await node.waitFor(/^failed WorkerBrokenError: .*Broken on request$/, 3_000);
  assert.deepEqual(await rulesIn(lab, "left", "-4"), []);
  assert.doesNotMatch(await lab.must("left", "ip", "link"), new RegExp(TUN));
});

Deno.test("a running worker answers with counters", async () => {
  await using lab = await twoBoxes("fzio");
  const node = await startNode(lab, "left");
  await startNode(lab, "right");
  await ping(lab, "100.64.0.2", "8");

  node.signal("SIGUSR2");

  const line = await node.waitFor(/^snapshot /, 2_000);
  const { io, core } = JSON.parse(line.slice("snapshot ".length));
  assert.deepEqual(core, { passes: true });
  assert.ok(io["packets-read"] >= 1);
  assert.equal(io["packets-read"], io["datagrams-sent"]);
  assert.equal(io["tun-write-error"], 0);
});

Deno.test("[p2p 132] [dp 126] port 52625 gives way to another one when it is taken", async () => {
  await using lab = await twoBoxes("fzio");
  const first = await startNode(lab, "left");

  const second = await startNode(lab, "left", { tunName: "tun-second" });

  assert.ok(
    first.lines.includes('started {"ipv4Port":52625,"ipv6Port":52625}'),
  );
  const line = await second.waitFor(/^started /, 1_000);
  const { ipv4Port, ipv6Port } = JSON.parse(line.slice("started ".length));
  assert.ok(ipv4Port !== 52625 && ipv4Port > 0);
  assert.ok(ipv6Port !== 52625 && ipv6Port > 0);
});

// deno-lint-ignore no-explicit-any
async function ipJson(lab: Lab, box: Box, ...args: string[]): Promise<any[]> {
  const { code, stdout } = await lab.run(box, "ip", "-j", ...args);
  // A table that nobody has used is an error to `ip`.
  return code === 0 && stdout.trim() !== "" ? JSON.parse(stdout) : [];
}

async function addressesIn(lab: Lab, box: Box): Promise<string[]> {
  const [link] = await ipJson(lab, box, "addr", "show", TUN);
  return link.addr_info.map((
    it: { local: string; prefixlen: number },
  ) => `${it.local}/${it.prefixlen}`);
}

async function routesIn(lab: Lab, box: Box, table: number): Promise<string[]> {
  const shown = `route show table ${table}`.split(" ");
  const all = [
    ...await ipJson(lab, box, "-4", "-N", ...shown),
    ...await ipJson(lab, box, "-6", "-N", ...shown),
  ];
  return all.map(({ dst, dev, protocol }) =>
    `${dst} ${dev} ${protocol === "4" ? "static" : protocol}`
  );
}

async function rulesIn(
  lab: Lab,
  box: Box,
  family: "-4" | "-6",
): Promise<string[]> {
  const rules = await ipJson(lab, box, family, "-d", "rule", "show");
  return rules.filter((rule) => rule.fwmark !== undefined).map((rule) =>
    [
      rule.priority,
      rule.not === null ? "not" : "",
      rule.fwmark,
      rule.table,
      rule.protocol,
    ].join(" ")
  );
}

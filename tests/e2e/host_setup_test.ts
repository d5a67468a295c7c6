import assert from "node:assert/strict";
import { NAMES } from "../../scripts/lab/dns_server.ts";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import {
  buildBinary,
  openTunNode,
  UNPRIVILEGED,
} from "../support/compiled_binary.ts";
import { snapshotOf } from "../support/host_snapshot.ts";
import { until } from "../support/until.ts";
import { requireTools } from "../support/tools.ts";

/** How the host's interface to its resources is called. Upstream's script translates nothing that leaves by such a name. */
const EGRESS = "bond0.7";

const GREETING = "Hello from the resource\n";
const FETCH_S = "10";

/** What the client can reach, by address and by name, over both families. */
const URLS: readonly (readonly string[])[] = [
  [`http://${SITES.web}/`],
  [`http://[${SITES.webIpv6}]/`],
  ["-4", `http://${NAMES.app}/`],
  ["-6", `http://${NAMES.app}/`],
];

/** Firewalls that drop what they do not know, and the chain where they have to hear of us. */
const FIREWALLS = [
  {
    name: "Docker's, by iptables",
    commands: ["iptables", "ip6tables"].flatMap((program) => [
      `${program} -P FORWARD DROP`,
      `${program} -N DOCKER-USER`,
      `${program} -A DOCKER-USER -j RETURN`,
      `${program} -A FORWARD -j DOCKER-USER`,
    ]),
    opened: "ip filter DOCKER-USER",
  },
  {
    name: "one made by nft that drops by policy",
    commands: [
      "nft add table inet fw",
      "nft 'add chain inet fw forwarded { type filter hook forward priority 0; policy drop; }'",
      "nft add rule inet fw forwarded ct state established,related accept",
    ],
    opened: "inet fw forwarded",
  },
  {
    name: "one made by nft that rejects at its end",
    commands: [
      "nft add table inet fw",
      "nft 'add chain inet fw forwarded { type filter hook forward priority 10; policy accept; }'",
      "nft add rule inet fw forwarded counter reject with icmpx admin-prohibited",
    ],
    opened: "inet fw forwarded",
  },
] as const;

Deno.test("[dp 30] a gateway with setcap alone, run by an ordinary user, makes its host carry clients' packets, and leaves it as it was", async (t) => {
  requireTools("ip", "nft", "iptables", "iptables-legacy", "setcap", "setpriv");
  await using binary = await buildBinary();
  using _tun = openTunNode();
  await using demo = new FirezoneLab("fzhost");
  await demo.build();
  await renameEgress(demo);
  await demo.startPortal();
  await demo.startRelay();
  const untouched = await snapshotOf(demo.lab, "gateway");
  const command = [...UNPRIVILEGED, binary.path];

  await t.step("resources answer, past an interface of any name", async () => {
    const gateway = await demo.startGateway(command);
    const client = await demo.startClient();
    await expectGreetings(demo, gateway);
    await expectSource(demo, "10.20.0.1", "fd00:10:20::1");

    assert.match(uidOf(gateway), /^65534\t/);
    assert.deepEqual(warningsOf(gateway), []);
    assert.equal(await client.stop(), 0);
    assert.equal(await gateway.stop(), 0);
    assert.deepEqual(await snapshotOf(demo.lab, "gateway"), untouched);
  });

  await t.step("the next start cleans up after a crash", async () => {
    const crashing = await demo.startGateway(command);
    const during = await snapshotOf(demo.lab, "gateway");
    crashing.signal("SIGKILL");
    await crashing.ended;
    assert.notDeepEqual(during, untouched);

    const gateway = await demo.startGateway(command);
    const again = await snapshotOf(demo.lab, "gateway");
    const rulesets = [during, again].map((it) =>
      it.filter((line) => /comment|masquerade/.test(line))
    );

    assert.deepEqual(rulesets[1], rulesets[0]);
    assert.equal(await gateway.stop(), 0);
    assert.deepEqual(await snapshotOf(demo.lab, "gateway"), untouched);
  });

  await t.step("resources see clients' addresses if told so", async () => {
    const backward = [
      ["100.64.0.0/11", "10.20.0.1"],
      ["fd00:2021:1111::/107", "fd00:10:20::1"],
    ] as const;
    for (const [network, via] of backward) {
      await demo.lab.addRoute("web", network, via);
    }
    const env = ["env", "FIREZONE_MASQUERADE=off"];
    const gateway = await demo.startGateway([...env, ...command]);
    const client = await demo.startClient();

    await expectSource(demo, /^100\.(6[4-9]|[78]\d|9[0-5])\./, /^fd00:2021:/);
    const rules = await demo.lab.must("gateway", "nft", "list", "ruleset");

    assert.doesNotMatch(rules, /masquerade/);
    assert.equal(await client.stop(), 0);
    assert.equal(await gateway.stop(), 0);
    assert.deepEqual(await snapshotOf(demo.lab, "gateway"), untouched);
    for (const [network] of backward) {
      await demo.lab.must("web", "ip", "route", "delete", network);
    }
  });

  for (const firewall of FIREWALLS) {
    await t.step(
      `packets pass a firewall that drops: ${firewall.name}`,
      () => expectPassage(demo, command, firewall),
    );
  }

  await t.step(
    "what a reload of the firewall removed is back at once, but not for ever at once",
    () => expectRepairs(demo, command),
  );

  await t.step("the last of two gateways restores the host", async () => {
    const first = await demo.startGateway(command);
    const another = [
      ...["env", "FIREZONE_TUN_NAME=tun-two", "FIREZONE_ID=gateway-2"],
      `FIREZONE_CONTROL_SOCKET=${demo.lab.runDirectory}/two.sock`,
      "HEALTH_CHECK_ADDR=127.0.0.1:8082",
      // Nobody answers there, which it finds out after 15 s.
      "FIREZONE_API_URL=ws://127.0.0.1:9",
      ...command,
    ];
    const second = demo.spawnGateway(another);
    await second.waitFor(/Host set up/, 10_000);

    assert.equal(await first.stop(), 0);
    const between = await snapshotOf(demo.lab, "gateway");
    assert.equal(await second.stop(), 0);

    const has = (text: string) => between.some((it) => it.includes(text));
    assert.ok(has("table inet firezone_tun-two"));
    assert.ok(!has("table inet firezone_tun-firezone"));
    assert.ok(has("/net/ipv4/ip_forward:1"));
    assert.ok(has("/net/ipv6/conf/all/forwarding:1"));
    assert.deepEqual(await snapshotOf(demo.lab, "gateway"), untouched);
  });

  await t.step(
    "a gateway that cannot go on leaves nothing either",
    async () => {
      const gateway = await demo.startGateway(command);
      await demo.lab.must("gateway", "ip", "link", "delete", "tun-firezone");

      assert.equal(await gateway.ended, 1);
      assert.deepEqual(await snapshotOf(demo.lab, "gateway"), untouched);
    },
  );

  await t.step(
    "read-only settings are told with the way out, unless the host forwards",
    async () => {
      const readOnly = [
        ...["unshare", "--mount", "sh", "-c"],
        'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"',
        "sh",
      ];
      const refused = await demo.startGateway([...readOnly, ...command]);
      const warnings = warningsOf(refused);
      await refused.stop();
      const isOn = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];
      await demo.lab.sysctl("gateway", ...isOn);
      const content = await demo.startGateway([...readOnly, ...command]);
      const noWarnings = warningsOf(content);
      await content.stop();

      assert.equal(warnings.length, 2);
      for (const [i, setting] of isOn.entries()) {
        assert.match(warnings[i]!, /\/proc\/sys is read-only/);
        assert.ok(warnings[i]!.includes(`--sysctl ${setting}`));
      }
      assert.deepEqual(noWarnings, []);
    },
  );

  await t.step(
    "old rules that drop are told with the commands that help",
    () => expectHelpWithOldRules(demo, binary.path),
  );
});

interface Firewall {
  readonly commands: readonly string[];
  readonly opened: string;
}

async function expectPassage(
  demo: FirezoneLab,
  command: readonly string[],
  { commands, opened }: Firewall,
): Promise<void> {
  for (const it of commands) await demo.lab.must("gateway", "sh", "-c", it);
  const before = await snapshotOf(demo.lab, "gateway");
  const gateway = await demo.startGateway(command);
  const client = await demo.startClient();

  await expectGreetings(demo, gateway);
  const chain = await demo.lab.must(
    ...["gateway", "nft", "list", "chain", ...opened.split(" ")] as const,
  );

  assert.match(chain, /iifname "tun-firezone" accept/);
  assert.match(chain, /oifname "tun-firezone" accept/);
  assert.deepEqual(warningsOf(gateway), []);
  assert.equal(await client.stop(), 0);
  assert.equal(await gateway.stop(), 0);
  assert.deepEqual(await snapshotOf(demo.lab, "gateway"), before);
  await demo.lab.must("gateway", "nft", "flush", "ruleset");
}

/** Old rules stay as long as the namespace, so this is for the end. Root alone sees them. */
async function expectHelpWithOldRules(
  demo: FirezoneLab,
  program: string,
): Promise<void> {
  for (const it of ["iptables-legacy", "ip6tables-legacy"]) {
    await demo.lab.must("gateway", it, "-P", "FORWARD", "DROP");
  }
  const refused = await demo.startGateway([program]);
  const sentences = warningsOf(refused);
  await refused.stop();
  const commands = sentences.flatMap((it) =>
    [...it.matchAll(/`(ip6?tables-legacy [^`]*)`/g)].map(([, found]) => found!)
  );
  for (const it of commands) await demo.lab.must("gateway", "sh", "-c", it);
  const gateway = await demo.startGateway([program]);
  const client = await demo.startClient();

  assert.equal(sentences.length, 2, sentences.join("\n"));
  assert.equal(commands.length, 4);
  await expectGreetings(demo, gateway);
  assert.deepEqual(warningsOf(gateway), []);
  assert.equal(await client.stop(), 0);
  assert.equal(await gateway.stop(), 0);
}

/** Flushes the firewall a few times, then again and again. */
async function expectRepairs(
  demo: FirezoneLab,
  command: readonly string[],
): Promise<void> {
  const before = await snapshotOf(demo.lab, "gateway");
  const gateway = await demo.startGateway(command);
  const flush = "nft flush ruleset";
  const repairs = () =>
    gateway.lines.filter((line) => line.includes("Host set up again")).length;

  // Without being told, the gateway looks every 30 s.
  for (let count = 1; count <= 3; count++) {
    await demo.lab.must("gateway", "sh", "-c", flush);
    await until(() => repairs() >= count);
  }
  await demo.lab.must(
    ...["gateway", "sh", "-c"] as const,
    `for i in $(seq 100); do ${flush}; sleep 0.05; done`,
  );
  const inFight = repairs();
  const table = "inet firezone_tun-firezone";
  await until(async () => {
    const { code } = await demo.lab.run(
      ...["gateway", "nft", "list", "table", ...table.split(" ")] as const,
    );
    return code === 0;
  }, 60_000);

  assert.ok(inFight <= 10, `${inFight} repairs for a hundred flushes`);
  assert.equal(await gateway.stop(), 0);
  assert.deepEqual(await snapshotOf(demo.lab, "gateway"), before);
}

async function expectGreetings(
  demo: FirezoneLab,
  gateway: LabProcess,
): Promise<void> {
  for (const url of URLS) {
    const { stdout, stderr } = await fetchAt(demo, ...url);
    assert.equal(
      stdout,
      GREETING,
      `${url.join(" ")}: ${stderr}\n${gateway.tail()}`,
    );
  }
}

/** Fails unless a resource sees requests come from these addresses. */
async function expectSource(
  demo: FirezoneLab,
  ipv4: string | RegExp,
  ipv6: string | RegExp,
): Promise<void> {
  const seen = [
    (await fetchAt(demo, `http://${SITES.web}/address`)).stdout,
    (await fetchAt(demo, `http://[${SITES.webIpv6}]/address`)).stdout,
  ].map((address) => address.replace("::ffff:", ""));
  for (const [i, wanted] of [ipv4, ipv6].entries()) {
    if (wanted instanceof RegExp) assert.match(seen[i]!, wanted);
    else assert.equal(seen[i], wanted);
  }
}

function fetchAt(demo: FirezoneLab, ...args: readonly string[]) {
  return demo.lab.run("client", "curl", "-sS", "-m", FETCH_S, ...args);
}

/** Renames the interface to the resources. It has to be down for that, and keeps its addresses. */
async function renameEgress({ lab }: FirezoneLab): Promise<void> {
  await lab.sysctl("gateway", "net.ipv6.conf.eth1.keep_addr_on_down=1");
  const link = ["ip", "link", "set", "dev"];
  await lab.must("gateway", ...link, "eth1", "down");
  await lab.must("gateway", ...link, "eth1", "name", EGRESS);
  await lab.must("gateway", ...link, EGRESS, "up");
}

function uidOf(process: LabProcess): string {
  const status = Deno.readTextFileSync(`/proc/${process.pid}/status`);
  return /^Uid:\t(.*)$/m.exec(status)?.[1] ?? "";
}

function warningsOf(process: LabProcess): string[] {
  return process.lines.filter((line) => /\b(WARN|ERROR)\b/.test(line));
}

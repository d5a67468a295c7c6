import assert from "node:assert/strict";
import { NAMES } from "../../scripts/lab/dns_server.ts";
import { cutFromPortal, markCongestion } from "../../scripts/lab/faults.ts";
import type { LabPolicy } from "../../scripts/lab/firezone_lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import {
  completedFlows,
  CONNECT_MS,
  CURL,
  FAMILIES,
  POINTS,
  PolicyLab,
} from "./policy_support.ts";
import { nextLine } from "./recovery_support.ts";

/** Downloads of row 13, and how much more than their size may flow. */
const SIZES = [5_000_000, 7_000_000, 9_000_000];
const OVERHEAD_BYTES = 1_000_000;

const WEB = [SITES.web, `[${SITES.webIpv6}]`];

/** How long a client leaves a resource alone after it was denied, and a bit, in ms. */
const ASK_AGAIN_MS = 6_000;

Deno.test("[ops 1] [dp 38] access that the portal takes back fails at once, and is granted again when it is used again", async () => {
  await using lab = await PolicyLab.start();
  for (const host of WEB) await lab.expectGreeting(host);
  assert.equal(await lab.ping(NAMES.files[0]), "answered");

  const revoked = await lab.demo.revokeAccess("Web", "Web IPv6");

  assert.deepEqual(revoked, ["Web", "Web IPv6"]);
  for (const host of WEB) await lab.expectRefusal(host);
  assert.equal(await lab.ping(NAMES.files[0]), "answered");
  for (const ip of [SITES.web, SITES.webIpv6]) {
    await lab.pingUntil("answered", ip, ASK_AGAIN_MS);
  }
  for (const host of WEB) await lab.expectGreeting(host);
  await lab.expectHealth();
});

Deno.test("[dp 105] a DNS resource that was taken back and granted again is reached under the same addresses, and the last one that goes takes the connection with it", async () => {
  await using lab = await PolicyLab.start();
  const names = [NAMES.app, NAMES.files[0]];
  for (const name of names) await lab.pingUntil("answered", name, CONNECT_MS);
  const [proxy = ""] = await lab.dig(NAMES.app);

  await lab.demo.revokeAccess("App");
  assert.equal(await lab.ping(proxy), "prohibited");
  await lab.pingUntil("answered", proxy, ASK_AGAIN_MS);

  const goodbye = nextLine(lab.client, /Connection ended .*goodbye/, 5_000);
  const revoked = await lab.demo.revokeAccess("App", "Files", "Web");
  assert.deepEqual(revoked.slice(0, 2), ["App", "Files"]);
  await goodbye;
  await lab.expectHealth();
});

Deno.test("[dp 35] an authorization ends on time while the portal is away, and its traffic is answered as prohibited", async () => {
  const lifetimeMs = 20_000;
  const expiresAt = Math.ceil((Date.now() + lifetimeMs) / 1_000) * 1_000;
  await using lab = await PolicyLab.start({
    policy: {
      policies: [
        { client: "*", resource: "Files" },
        {
          client: "*",
          resource: "App",
          expires_at: new Date(expiresAt).toISOString(),
        },
      ],
    },
  });
  for (const name of [NAMES.app, NAMES.files[0]]) {
    await lab.pingUntil("answered", name, CONNECT_MS);
  }
  assert.equal(await lab.portal.stop(), 0);
  assert.ok(Date.now() < expiresAt, "The lab took too long to start");

  await lab.pingUntil("prohibited", NAMES.app, lifetimeMs + 5_000);
  const lateMs = Date.now() - expiresAt;

  console.log(`    prohibited ${lateMs} ms after the end`);
  assert.ok(lateMs >= 0 && lateMs < 2_500, `${lateMs} ms`);
  assert.equal(await lab.ping(NAMES.files[0]), "answered");
  await lab.expectHealth();
});

Deno.test("[dp 40] [dp 41] a gateway that joins again drops what the portal does not list any more, and nothing else", async () => {
  await using lab = await PolicyLab.start();
  for (const name of [NAMES.app, NAMES.files[0]]) {
    await lab.pingUntil("answered", name, CONNECT_MS);
  }
  await cutFromPortal(lab.demo.lab, "client");

  assert.equal(await lab.portal.stop(), 0);
  await lab.demo.changePolicy(without("App"));
  const rejoined = nextLine(lab.gateway, /Joined the portal/, 30_000);
  await lab.demo.startPortal();
  await rejoined;

  await lab.pingUntil("prohibited", NAMES.app, 3_000);
  assert.equal(await lab.ping(NAMES.files[0]), "answered");
  await lab.expectHealth();
});

Deno.test("[dp 42] [dp 52] a port that a filter denies is refused at once, also by a filter that the client has not heard of", async () => {
  await using lab = await PolicyLab.start();
  for (const { flag } of FAMILIES) {
    for (const name of [NAMES.app, NAMES.mirror, NAMES.files[0]]) {
      await lab.expectGreeting(name, flag);
    }
  }
  await cutFromPortal(lab.demo.lab, "client");

  await lab.demo.changePolicy(onlyPing("App", "Mirror"));
  await lab.portal.waitFor(/Policy file read again/, 5_000);

  // After a refusal the client leaves a resource alone, so each family has one of its own.
  await lab.expectRefusal(NAMES.app, "-4");
  await lab.expectRefusal(NAMES.mirror, "-6");
  for (const { flag } of FAMILIES) {
    await lab.expectGreeting(NAMES.files[0], flag);
  }
  await lab.expectHealth();
});

Deno.test("what a filter that the client knows denies is refused at once, and what it permits goes on", async () => {
  await using lab = await PolicyLab.start();
  for (const { flag } of FAMILIES) {
    await lab.expectGreeting(NAMES.mirror, flag);

    await lab.expectRefusal(NAMES.mirror, flag, 81);
    assert.equal(await lab.ping(NAMES.mirror, flag), "prohibited");

    await lab.expectGreeting(NAMES.mirror, flag);
  }
  await lab.expectHealth();
});

Deno.test("[ops 5] [dp 115] [dp 117] TCP that negotiates ECN works over both families, and hears of congestion on the way", async () => {
  await using lab = await PolicyLab.start({
    prepare: ({ lab }) => lab.sysctl("client", "net.ipv4.tcp_ecn=1"),
  });
  for (const host of WEB) await lab.expectGreeting(host);
  // A relay does not pass marks on.
  await lab.client.waitFor(
    /Connection (?:established|moved) .*path=direct/,
    CONNECT_MS,
  );

  await markCongestion(lab.demo.lab);
  for (const host of WEB) {
    const zeros = ["bash", "-c", 'head -c 1000000 /dev/zero | "$@"', "-"];
    const post = ["curl", ...CURL, "--data-binary", "@-"];
    const sent = await lab.must(...zeros, ...post, `http://${host}/`);
    assert.equal(Number(sent), 1_000_000);
  }

  const { server } = POINTS;
  for (const { filter, what } of ECN_SIGNS) {
    const count = await lab.capture.count(server, filter);
    assert.ok(count > 0, what);
  }
  await lab.expectHealth();
});

Deno.test("[ops 7] names are resolved and reached while the portal is down", async () => {
  await using lab = await PolicyLab.start();
  await lab.expectGreeting(NAMES.short);
  const before = await lab.dig("+search", NAMES.short);

  assert.equal(await lab.portal.stop(), 0);

  await lab.expectGreeting(NAMES.short);
  assert.deepEqual(await lab.dig("+search", NAMES.short), before);
  assert.equal(await lab.ping(NAMES.short), "answered");
  await lab.expectHealth();
});

Deno.test("[ops 13] [dp 92] [dp 93] three names of one server are used from one and the same port, over each family", async () => {
  await using lab = await PolicyLab.start();
  for (const name of NAMES.files) {
    await lab.pingUntil("answered", name, CONNECT_MS);
  }
  const records = await Promise.all(
    FAMILIES.map(({ record }) =>
      Promise.all(NAMES.files.map((name) => lab.dig(name, record)))
    ),
  );
  const proxies = records.map((names) => names.map(([ip = ""]) => ip));
  const onePort = "net.ipv4.ip_local_port_range=5555 5555";
  await lab.demo.lab.sysctl("client", onePort);

  for (const [n, server] of [SITES.files, SITES.filesIpv6].entries()) {
    const printed = await Promise.all(
      NAMES.files.map((name, i) =>
        download(lab, name, proxies[n]?.[i] ?? "", SIZES[i]!)
      ),
    );
    assert.deepEqual(printed, SIZES.map((size) => `${size} 5555`));

    const flows = await completedFlows(
      lab.gateway,
      (flow) => flow["inner_dst_ip"] === server,
      NAMES.files.length,
    );
    assert.equal(flows.length, NAMES.files.length);
    for (const [i, name] of NAMES.files.entries()) {
      const flow = flows.find(({ domain }) => domain === name);
      const extra = Number(flow?.["rx_bytes"]) - SIZES[i]!;
      assert.ok(extra >= 0 && extra <= OVERHEAD_BYTES, `${name}: ${extra}`);
    }
  }
  await lab.expectHealth();
});

Deno.test("[ops 2] [dp 132] a download that its user breaks off is one flow, which the server's address and all bytes are logged of", async () => {
  await using lab = await PolicyLab.start();
  const [name] = NAMES.files;
  await lab.pingUntil("answered", name, CONNECT_MS);

  await lab.run(
    ...["timeout", "2", "curl", ...CURL, "--limit-rate", "500k"],
    ...["-o", "/dev/null", `http://${name}/bytes/100000000`],
  );

  const flows = await completedFlows(
    lab.gateway,
    ({ domain }) => domain === name,
    1,
  );
  const servers = new Set(flows.map((flow) => flow["inner_dst_ip"]));
  assert.ok(servers.isSubsetOf(new Set([SITES.files, SITES.filesIpv6])));
  const bytes = flows.map((flow) => Number(flow["rx_bytes"]));
  assert.ok(bytes.reduce((a, b) => a + b) >= 500_000, `${bytes}`);
  await lab.expectHealth();
});

Deno.test("[dp 59] [dp 60] [dp 61] with the Internet resource all is reached but private networks, and names as before", async () => {
  const internet = { name: "Internet", type: "internet", site: "HQ" } as const;
  await using lab = await PolicyLab.start({
    policy: {
      resources: [
        internet,
        { name: "App", type: "dns", address: NAMES.app, site: "HQ" },
        { name: "Web", type: "cidr", address: "10.20.0.0/16", site: "HQ" },
      ],
    },
    prepare: ({ lab }) => lab.nft("client", NOT_PAST_THE_TUNNEL),
    clientEnv: { FIREZONE_ACTIVATE_INTERNET_RESOURCE: "true" },
  });

  await lab.pingUntil("answered", SITES.publicResolver, CONNECT_MS);
  for (const { flag } of FAMILIES) await lab.expectGreeting(NAMES.app, flag);
  assert.equal(await lab.ping("10.99.0.1"), "unreachable");
  assert.equal(await lab.ping(SITES.web), "unreachable");
  await lab.expectHealth();
});

/** Keeps pings of the internet's resolver from going there directly. */
const NOT_PAST_THE_TUNNEL = `table inet direct {
  chain output {
    type filter hook output priority 0;
    oifname "eth0" icmp type echo-request drop
  }
}`;

/** What the server sees of ECN: both ends agree, senders use it, and the mark arrives. */
const ECN_SIGNS = [
  {
    what: "a handshake that asks for it",
    filter: "tcp.flags.syn == 1 && tcp.flags.ece == 1 && tcp.flags.cwr == 1",
  },
  {
    what: "capable IPv4 from the client",
    filter: "ip.dsfield.ecn == 2 && tcp.dstport == 80",
  },
  {
    what: "capable IPv6 from the client",
    filter: "ipv6.tclass.ecn == 2 && tcp.dstport == 80",
  },
  {
    what: "congestion met by IPv4",
    filter: "ip.dsfield.ecn == 3 && tcp.dstport == 80",
  },
  {
    what: "congestion met by IPv6",
    filter: "ipv6.tclass.ecn == 3 && tcp.dstport == 80",
  },
];

/** Removes a resource from the policy. */
function without(name: string): (policy: LabPolicy) => LabPolicy {
  return (policy) => ({
    ...policy,
    resources: policy.resources.filter((it) => it.name !== name),
  });
}

/** Denies everything but pings to some resources. */
function onlyPing(...names: string[]): (policy: LabPolicy) => LabPolicy {
  const filters = [{ protocol: "icmp" }] as const;
  return (policy) => ({
    ...policy,
    resources: policy.resources.map((it) =>
      names.includes(it.name) ? { ...it, filters } : it
    ),
  });
}

/** Downloads from one address of a name, and returns how much came and to which port. */
function download(
  lab: PolicyLab,
  name: string,
  proxy: string,
  size: number,
): Promise<string> {
  const ip = proxy.includes(":") ? `[${proxy}]` : proxy;
  return lab.must(
    ...["curl", ...CURL, "-m", "15", "--resolve", `${name}:80:${ip}`],
    ...["-o", "/dev/null", "-w", "%{size_download} %{local_port}"],
    `http://${name}/bytes/${size}`,
  );
}

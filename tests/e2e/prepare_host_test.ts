import assert from "node:assert/strict";
import { Lab } from "../../scripts/lab/lab.ts";
import { requireTools } from "../support/tools.ts";

/** What an administrator runs on the host of a gateway that may not do so itself. */
const PREPARE_HOST =
  new URL("../../scripts/packaging/prepare_host.sh", import.meta.url).pathname;

/** What a host's firewall says when it drops all that it does not know, like Docker's. */
const DROP_FORWARDED = "-P FORWARD DROP";

/** A client of the tunnel and a resource. Only the host between them knows of both. */
const CLIENT = ["100.64.0.9", "fd00:2021:1111::9"] as const;
const RESOURCES = ["10.20.0.100", "fd00:10:20::100"] as const;

Deno.test("[dp 30] a prepared host forwards and translates both tunnel ranges, also past a firewall that drops, however often it is prepared", async () => {
  requireTools("ip", "nft", "iptables", "ip6tables", "ping");
  await using lab = new Lab("fzprep");
  await buildHost(lab);
  for (const iptables of ["iptables", "ip6tables"]) {
    await lab.must("host", iptables, ...DROP_FORWARDED.split(" "));
  }
  const ping = (address: string) =>
    lab.run("client", "ping", "-c", "1", "-W", "5", address);
  const dropped = await ping(RESOURCES[0]);

  await lab.must("host", "sh", PREPARE_HOST);
  const rules = await lab.must("host", "nft", "-s", "list", "ruleset");
  await lab.must("host", "sh", PREPARE_HOST);
  const rulesAgain = await lab.must("host", "nft", "-s", "list", "ruleset");

  assert.notEqual(dropped.code, 0);
  assert.equal(rulesAgain, rules);
  assert.equal(rules.match(/masquerade/g)?.length, 2);
  for (const address of RESOURCES) {
    // The resource has no route to the tunnel's addresses: it answers the host's own.
    const { code, stdout } = await ping(address);
    assert.equal(code, 0, stdout);
  }
  for (const iptables of ["iptables", "ip6tables"]) {
    const chain = await lab.must("host", iptables, "-S", "FORWARD");
    assert.deepEqual(chain.trim().split("\n"), [
      DROP_FORWARDED,
      "-A FORWARD -o tun-firezone -j ACCEPT",
      "-A FORWARD -i tun-firezone -j ACCEPT",
    ]);
  }
  for (
    const setting of [
      "ipv4/ip_forward",
      "ipv4/conf/all/src_valid_mark",
      "ipv6/conf/all/forwarding",
      "ipv6/conf/default/forwarding",
    ]
  ) {
    const value = await lab.must("host", "cat", `/proc/sys/net/${setting}`);
    assert.equal(value.trim(), "1", setting);
  }
});

/** A client, behind an interface named like the tunnel's, and a resource on either side of a host. */
async function buildHost(lab: Lab): Promise<void> {
  for (const box of ["client", "host", "resource"]) await lab.addBox(box);
  await lab.addLink(
    {
      box: "client",
      device: "eth0",
      addresses: [`${CLIENT[0]}/24`, `${CLIENT[1]}/112`],
    },
    {
      box: "host",
      device: "tun-firezone",
      addresses: ["100.64.0.1/24", "fd00:2021:1111::1/112"],
    },
  );
  await lab.addLink(
    {
      box: "host",
      device: "eth1",
      addresses: ["10.20.0.1/24", "fd00:10:20::1/64"],
    },
    {
      box: "resource",
      device: "eth0",
      addresses: [`${RESOURCES[0]}/24`, `${RESOURCES[1]}/64`],
    },
  );
  await lab.addRoute("client", "10.20.0.0/24", "100.64.0.1");
  await lab.addRoute("client", "fd00:10:20::/64", "fd00:2021:1111::1");
}

import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import { PREPARE_HOST, SITES } from "../../scripts/lab/sites.ts";
import { requireTools } from "../support/tools.ts";

/** What a host's firewall says when it drops all that it does not know, like Docker's. */
const DROP_FORWARDED = "-P FORWARD DROP";

Deno.test("[dp 30] a prepared host forwards and translates both tunnel ranges, also past a firewall that drops, however often it is prepared", async () => {
  requireTools("iptables", "ip6tables");
  await using demo = new FirezoneLab("fzhost");
  const { lab } = demo;
  await demo.build();
  for (const iptables of ["iptables", "ip6tables"]) {
    await lab.must("gateway", iptables, "-F", "FORWARD");
    await lab.must("gateway", iptables, ...DROP_FORWARDED.split(" "));
  }
  await demo.startPortal();
  await demo.startRelay();
  await demo.startGateway();
  await demo.startClient();
  const patiently = ["-c", "1", "-W", "5"];
  const dropped = await lab.run("client", "ping", ...patiently, SITES.web);

  await lab.must("gateway", "sh", PREPARE_HOST);
  const rules = await lab.must("gateway", "nft", "list", "ruleset");
  await lab.must("gateway", "sh", PREPARE_HOST);
  const rulesAgain = await lab.must("gateway", "nft", "list", "ruleset");

  assert.notEqual(dropped.code, 0);
  assert.equal(withoutCounts(rulesAgain), withoutCounts(rules));
  assert.equal(rules.match(/masquerade/g)?.length, 2);
  for (const address of [SITES.web, SITES.webIpv6]) {
    // The web server has no route to the tunnel's addresses: it answers the host's own.
    await lab.must("client", "ping", ...patiently, address);
  }
  for (const iptables of ["iptables", "ip6tables"]) {
    const chain = await lab.must("gateway", iptables, "-S", "FORWARD");
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
    const value = await lab.must("gateway", "cat", `/proc/sys/net/${setting}`);
    assert.equal(value.trim(), "1", setting);
  }
});

/** Leaves out how many packets each rule has seen. */
function withoutCounts(ruleset: string): string {
  return ruleset.replaceAll(/packets \d+ bytes \d+/g, "");
}

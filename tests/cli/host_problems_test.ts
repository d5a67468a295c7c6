import assert from "node:assert/strict";
import { explainHost } from "../../lib/cli/host_problems.ts";

Deno.test("forwarding that cannot be switched on is told with the setting and the container's option", () => {
  const ipv4 = explainHost(
    { kind: "forwarding-off", family: 4, reason: "EROFS" },
    "tun-firezone",
  );
  const ipv6 = explainHost(
    { kind: "forwarding-off", family: 6, reason: "EACCES" },
    "tun-firezone",
  );

  assert.equal(
    ipv4,
    "Cannot switch on forwarding of IPv4: /proc/sys is read-only; " +
      "run `sysctl -w net.ipv4.ip_forward=1` as root on the host, " +
      "or start the container with `--sysctl net.ipv4.ip_forward=1`",
  );
  assert.match(ipv6, /forwarding of IPv6: EACCES;/);
  assert.match(ipv6, /--sysctl net\.ipv6\.conf\.all\.forwarding=1/);
});

Deno.test("a kernel that does not translate is told with lines for iptables, and how to do without", () => {
  const sentence = explainHost(
    { kind: "no-nat", reason: "EPROTONOSUPPORT" },
    "tun-two",
  );

  for (
    const part of [
      "iptables -t nat -A POSTROUTING -s 100.64.0.0/11 ! -o tun-two -j MASQUERADE",
      "ip6tables -t nat -A POSTROUTING -s fd00:2021:1111::/107 ! -o tun-two -j MASQUERADE",
      "FIREZONE_MASQUERADE=off",
      "EPROTONOSUPPORT",
    ]
  ) {
    assert.ok(sentence.includes(part), part);
  }
});

Deno.test("a chain that drops and takes no rule of ours is told by its name, with the rules it needs", () => {
  const sentence = explainHost({
    kind: "forward-dropped",
    chain: { family: "ip", table: "filter", chain: "FORWARD" },
    reason: "EPERM",
  }, "tun-two");

  assert.match(sentence, /chain ip filter FORWARD, which drops them: EPERM/);
  assert.match(
    sentence,
    /nft insert rule ip filter FORWARD iifname tun-two accept/,
  );
  assert.match(
    sentence,
    /nft insert rule ip filter FORWARD oifname tun-two accept/,
  );
});

Deno.test("old rules that drop are told with the commands that let packets pass", () => {
  const [ipv4, ipv6] = ([4, 6] as const).map((family) =>
    explainHost({ kind: "legacy-forward-dropped", family }, "tun-two")
  );

  assert.equal(
    ipv4,
    "Cannot let clients' packets pass the rules of iptables-legacy, which drop them; " +
      "as root run `iptables-legacy -I FORWARD -i tun-two -j ACCEPT` and " +
      "`iptables-legacy -I FORWARD -o tun-two -j ACCEPT`",
  );
  assert.match(ipv6!, /`ip6tables-legacy -I FORWARD -i tun-two -j ACCEPT`/);
});

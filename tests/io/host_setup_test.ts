import assert from "node:assert/strict";
import { NO_LOG } from "../../lib/base/mod.ts";
import { HostSetup } from "../../lib/io/host_setup.ts";
import type { NftChain } from "../../lib/io/nft_messages.ts";
import {
  FakeFirewall,
  fakeHost,
  FakeSettings,
  ordinarySettings,
} from "../support/fake_host.ts";

const EPERM = 1;
const EROFS = 30;
const EPROTONOSUPPORT = 93;
const EOPNOTSUPP = 95;

/** Number of `inet` tables, and of the message that adds a chain, `nf_tables.h`. */
const NFPROTO_INET = 1;
const NEW_CHAIN = 10 << 8 | 3;
/** Attribute of chains that packets pass by themselves. */
const CHAIN_HOOK = 4;

const FORWARD: NftChain = { family: "ip", table: "filter", chain: "FORWARD" };
const DOCKER: NftChain = { ...FORWARD, chain: "DOCKER-USER" };
const DROPS = { filtersForwarded: true, dropsByPolicy: true };

Deno.test("[dp 30] a host forwards and translates while a gateway runs, and is as before afterwards", () => {
  const settings = ordinarySettings("eth0", "eth1");
  settings.values.set("net/ipv4/conf/eth1/forwarding", "1");
  settings.values.set("net/ipv6/conf/eth0/forwarding", "1");
  settings.values.set("net/ipv4/conf/all/accept_redirects", "0");
  const before = settings.snapshot();
  const firewall = new FakeFirewall();
  const gateway = setup(fakeHost(settings, firewall, ["lo", "eth0", "eth1"]));

  const problems = gateway.apply();
  const during = settings.snapshot();
  const tables = firewall.tables.map(({ family, table }) => [family, table]);
  const chains = firewall.chains.map(({ chain }) => chain);
  gateway.remove();

  assert.deepEqual(problems, []);
  assert.equal(during["net/ipv4/ip_forward"], "1");
  assert.equal(during["net/ipv4/conf/all/src_valid_mark"], "1");
  assert.equal(during["net/ipv6/conf/all/forwarding"], "1");
  assert.deepEqual(tables, [["inet", "firezone_tun-firezone"]]);
  assert.deepEqual(chains, ["settings_before", "postrouting"]);
  assert.deepEqual(settings.snapshot(), before);
  assert.deepEqual(firewall.tables, []);
});

Deno.test("interfaces keep listening to router advertisements when IPv6 forwarding is switched on, unless they did not", () => {
  const settings = ordinarySettings("eth0", "eth1", "eth2");
  settings.values.set("net/ipv6/conf/eth1/accept_ra", "0");
  settings.values.set("net/ipv6/conf/eth2/accept_ra", "2");
  const gateway = setup(
    fakeHost(settings, new FakeFirewall(), ["lo", "eth0", "eth1", "eth2"]),
  );

  gateway.apply();

  const accepts = (name: string) =>
    settings.read(`net/ipv6/conf/${name}/accept_ra`);
  assert.deepEqual(["default", "eth0", "eth1", "eth2", "lo"].map(accepts), [
    ...["2", "2", "0", "2", "1"],
  ]);
});

Deno.test("a host that forwards already is not changed, and stays so", () => {
  const settings = ordinarySettings("eth0");
  settings.write({ path: "net/ipv4/ip_forward", value: "1" });
  settings.write({ path: "net/ipv6/conf/all/forwarding", value: "1" });
  settings.write({ path: "net/ipv4/conf/all/src_valid_mark", value: "1" });
  const before = settings.snapshot();
  const gateway = setup(fakeHost(settings, new FakeFirewall(), ["lo", "eth0"]));

  gateway.apply();
  const during = settings.snapshot();
  gateway.remove();

  assert.deepEqual(during, before);
  assert.deepEqual(settings.snapshot(), before);
});

Deno.test("without masquerading the table says only what the settings were", () => {
  const firewall = new FakeFirewall();
  const host = fakeHost(ordinarySettings("eth0"), firewall, ["lo", "eth0"]);
  const gateway = setup(host, { masquerade: false });

  const problems = gateway.apply();

  assert.deepEqual(problems, []);
  assert.deepEqual(firewall.chains.map(({ chain }) => chain), [
    "settings_before",
  ]);
});

Deno.test("a gateway that starts after a crash takes the place of what was left, and restores what was before the crash", () => {
  const settings = ordinarySettings("eth0");
  const before = settings.snapshot();
  const firewall = new FakeFirewall();
  firewall.addForeign(FORWARD, DROPS);
  setup(fakeHost(settings, firewall, ["lo", "eth0"])).apply();

  const second = setup(fakeHost(settings, firewall, ["lo", "eth0"]));
  second.apply();
  const rules = firewall.comments(FORWARD).length;
  second.remove();

  assert.equal(rules, 2);
  assert.deepEqual(settings.snapshot(), before);
  assert.deepEqual(firewall.tables.map(({ table }) => table), ["filter"]);
  assert.deepEqual(firewall.comments(FORWARD), []);
});

Deno.test("what a crashed gateway with another interface left is cleaned up, too", () => {
  const settings = ordinarySettings("eth0");
  const before = settings.snapshot();
  const firewall = new FakeFirewall();
  firewall.addForeign(FORWARD, DROPS);
  const host = fakeHost(settings, firewall, ["lo", "eth0"]);
  setup(host, { tunName: "tun-crashed" }).apply();

  const second = setup(host);
  second.apply();
  const rules = firewall.comments(FORWARD);
  second.remove();

  assert.deepEqual(rules, ["firezone tun-firezone", "firezone tun-firezone"]);
  assert.deepEqual(firewall.tables.map(({ table }) => table), ["filter"]);
  assert.deepEqual(settings.snapshot(), before);
});

Deno.test("of two gateways the last one to leave restores the settings, in whichever order they leave", () => {
  for (const order of [[0, 1], [1, 0]]) {
    const settings = ordinarySettings("eth0");
    const before = settings.snapshot();
    const firewall = new FakeFirewall();
    firewall.addForeign(FORWARD, DROPS);
    const host = fakeHost(settings, firewall, ["lo", "eth0", "tun-a", "tun-b"]);
    const gateways = ["tun-a", "tun-b"].map((tunName) =>
      setup(host, { tunName })
    );
    gateways.forEach((it) => it.apply());

    gateways[order[0]!]!.remove();
    const between = settings.read("net/ipv4/ip_forward");
    const rules = firewall.comments(FORWARD).length;
    gateways[order[1]!]!.remove();

    assert.equal(between, "1");
    assert.equal(rules, 2);
    assert.deepEqual(settings.snapshot(), before);
    assert.deepEqual(firewall.tables.map(({ table }) => table), ["filter"]);
  }
});

Deno.test("a gateway that starts while the last one leaves finds a host that forwards", () => {
  const settings = ordinarySettings("eth0");
  const before = settings.snapshot();
  const firewall = new FakeFirewall();
  const host = fakeHost(settings, firewall, ["lo", "eth0", "tun-a", "tun-b"]);
  const first = setup(host, { tunName: "tun-a" });
  const second = setup(host, { tunName: "tun-b" });
  first.apply();
  // After the first one has restored the settings, before its table goes.
  firewall.meanwhile = () => second.apply();

  first.remove();
  const between = settings.read("net/ipv4/ip_forward");
  second.remove();

  assert.equal(between, "1");
  assert.deepEqual(settings.snapshot(), before);
  assert.deepEqual(firewall.tables, []);
});

Deno.test("a gateway whose table was replaced by its successor's leaves the host alone", () => {
  const settings = ordinarySettings("eth0");
  const firewall = new FakeFirewall();
  firewall.addForeign(FORWARD, DROPS);
  const host = fakeHost(settings, firewall, ["lo", "eth0"]);
  const first = setup(host);
  first.apply();
  const second = setup(host);
  second.apply();

  first.remove();

  assert.equal(settings.read("net/ipv4/ip_forward"), "1");
  assert.equal(firewall.tables.length, 2);
  assert.equal(firewall.comments(FORWARD).length, 2);
});

Deno.test("a firewall that was reloaded gets our table again, which still knows what the settings were", () => {
  const settings = ordinarySettings("eth0");
  const before = settings.snapshot();
  const firewall = new FakeFirewall();
  const gateway = setup(fakeHost(settings, firewall, ["lo", "eth0"]));
  gateway.apply();
  firewall.flush();

  gateway.apply();
  const tables = firewall.tables.length;
  gateway.remove();

  assert.equal(tables, 1);
  assert.deepEqual(settings.snapshot(), before);
});

Deno.test("a kernel that does not translate both families in one table does it in one for each", () => {
  const firewall = new FakeFirewall();
  firewall.refuse = ({ type, body, attributes }) =>
    type === NEW_CHAIN && body[0] === NFPROTO_INET &&
      attributes.some((it) => (it.type & 0x3fff) === CHAIN_HOOK)
      ? EOPNOTSUPP
      : 0;
  const host = fakeHost(ordinarySettings("eth0"), firewall, ["lo", "eth0"]);
  const gateway = setup(host);

  const problems = gateway.apply();
  const natFamilies = firewall.chains
    .filter(({ chain }) => chain === "postrouting")
    .map(({ family }) => family);
  gateway.remove();

  assert.deepEqual(problems, []);
  assert.deepEqual(natFamilies, ["ip", "ip6"]);
  assert.deepEqual(firewall.tables, []);
});

Deno.test("a kernel that translates nothing is told, and its settings are restored all the same", () => {
  const settings = ordinarySettings("eth0");
  const before = settings.snapshot();
  const firewall = new FakeFirewall();
  firewall.refuse = ({ attributes }) =>
    attributes.some((it) => (it.type & 0x3fff) === CHAIN_HOOK) ? EOPNOTSUPP : 0;
  const gateway = setup(fakeHost(settings, firewall, ["lo", "eth0"]));

  const problems = gateway.apply();
  const again = gateway.apply();
  gateway.remove();

  assert.deepEqual(problems, [{ kind: "no-nat", reason: "EOPNOTSUPP" }]);
  assert.deepEqual(again, problems);
  assert.deepEqual(settings.snapshot(), before);
});

Deno.test("a kernel without nftables is told, and its settings are restored all the same", () => {
  const settings = ordinarySettings("eth0");
  const before = settings.snapshot();
  const gateway = setup(
    fakeHost(settings, EPROTONOSUPPORT, ["lo", "eth0"]),
  );

  const problems = gateway.apply();
  const forwards = settings.read("net/ipv4/ip_forward");
  gateway.remove();

  assert.deepEqual(problems, [{ kind: "no-nat", reason: "EPROTONOSUPPORT" }]);
  assert.equal(forwards, "1");
  assert.deepEqual(settings.snapshot(), before);
});

Deno.test("settings that cannot be written are a problem only for families in use that the host does not forward", () => {
  const settings = ordinarySettings("eth0");
  settings.write({ path: "net/ipv4/ip_forward", value: "1" });
  settings.refusal = EROFS;
  const names = ["lo", "eth0"];
  const problemsOf = (withIpv6: string[]) =>
    setup(fakeHost(settings, new FakeFirewall(), names, withIpv6)).apply();

  assert.deepEqual(problemsOf([]), []);
  assert.deepEqual(problemsOf(["lo", "tun-firezone"]), []);
  assert.deepEqual(problemsOf(["eth0"]), [
    { kind: "forwarding-off", family: 6, reason: "EROFS" },
  ]);
  settings.values.set("net/ipv4/ip_forward", "0");
  assert.deepEqual(problemsOf([]), [
    { kind: "forwarding-off", family: 4, reason: "EROFS" },
  ]);
});

Deno.test("a host without a family is not asked to forward it", () => {
  const settings = new FakeSettings({
    "net/ipv4/ip_forward": "0",
    "net/ipv4/conf/all/accept_redirects": "1",
    "net/ipv4/conf/all/src_valid_mark": "0",
  });
  const gateway = setup(
    fakeHost(settings, new FakeFirewall(), ["lo", "eth0"], []),
  );

  assert.deepEqual(gateway.apply(), []);
});

Deno.test("packets pass a chain that drops, in Docker's own chain for rules of others where there is one", () => {
  const firewall = new FakeFirewall();
  const forwardIpv6: NftChain = { ...FORWARD, family: "ip6" };
  const rejecting: NftChain = { family: "inet", table: "fw", chain: "forward" };
  const harmless: NftChain = { ...rejecting, table: "stats" };
  firewall.addForeign(FORWARD, DROPS);
  firewall.addForeign(DOCKER);
  firewall.addForeign(forwardIpv6, DROPS);
  firewall.addForeign(rejecting, { filtersForwarded: true });
  firewall.addForeignRule(rejecting, { dropsAll: true });
  firewall.addForeign(harmless, { filtersForwarded: true });
  firewall.addForeignRule(harmless, { dropsAll: false });
  const host = fakeHost(ordinarySettings("eth0"), firewall, ["lo", "eth0"]);
  const gateway = setup(host);

  gateway.apply();
  const counts = () =>
    [FORWARD, DOCKER, forwardIpv6, rejecting, harmless]
      .map((chain) => firewall.rules(chain).length);
  const during = counts();
  const rejects = firewall.rules(rejecting).map(({ dropsAll }) => dropsAll);
  gateway.apply();
  const again = counts();
  gateway.remove();

  assert.deepEqual(during, [0, 2, 2, 3, 1]);
  assert.deepEqual(rejects, [false, false, true]);
  assert.deepEqual(again, during);
  assert.deepEqual(counts(), [0, 0, 0, 1, 1]);
});

Deno.test("a chain that drops and refuses our rules is told with its name", () => {
  const firewall = new FakeFirewall();
  firewall.addForeign(FORWARD, DROPS);
  firewall.refuse = ({ attributes }) =>
    attributes.some(({ value }) =>
        value instanceof Uint8Array &&
        new TextDecoder().decode(value) === "filter\0"
      )
      ? EPERM
      : 0;
  const host = fakeHost(ordinarySettings("eth0"), firewall, ["lo", "eth0"]);

  const problems = setup(host).apply();

  assert.deepEqual(problems.map((it) => it.kind), ["forward-dropped"]);
  assert.ok(problems[0]?.kind === "forward-dropped");
  assert.equal(problems[0].chain.chain, "FORWARD");
  assert.equal(problems[0].reason, "EPERM");
});

Deno.test("old rules that drop are a problem for the families in use", () => {
  const firewall = new FakeFirewall();
  const host = (withIpv6: readonly string[]) => ({
    ...fakeHost(ordinarySettings("eth0"), firewall, ["lo", "eth0"], withIpv6),
    legacyFirewall: () => "drops" as const,
  });

  const both = setup(host(["eth0"])).apply();
  const one = setup(host([])).apply();

  assert.deepEqual(both, [
    { kind: "legacy-forward-dropped", family: 4 },
    { kind: "legacy-forward-dropped", family: 6 },
  ]);
  assert.deepEqual(one, [{ kind: "legacy-forward-dropped", family: 4 }]);
});

Deno.test("changes of the firewall are counted, and none when there is nothing to do", () => {
  const firewall = new FakeFirewall();
  const gateway = setup(fakeHost(ordinarySettings(), firewall, ["lo"]));
  gateway.apply();
  const atFirst = gateway.changes;
  gateway.apply();
  const atSecond = gateway.changes;
  firewall.flush();
  gateway.apply();

  assert.equal(atFirst, 1);
  assert.equal(atSecond, 1);
  assert.equal(gateway.changes, 2);
});

Deno.test("after it has cleaned up a gateway changes nothing any more", () => {
  const settings = ordinarySettings("eth0");
  const before = settings.snapshot();
  const firewall = new FakeFirewall();
  const gateway = setup(fakeHost(settings, firewall, ["lo", "eth0"]));
  gateway.apply();

  gateway.remove();
  gateway.remove();
  gateway.apply();

  assert.deepEqual(settings.snapshot(), before);
  assert.deepEqual(firewall.tables, []);
});

function setup(
  host: ReturnType<typeof fakeHost>,
  options: { readonly tunName?: string; readonly masquerade?: boolean } = {},
): HostSetup {
  return new HostSetup({
    ...{ tunName: "tun-firezone", masquerade: true, seesInput: true },
    ...options,
    log: NO_LOG,
  }, host);
}

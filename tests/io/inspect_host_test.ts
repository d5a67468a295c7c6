import assert from "node:assert/strict";
import { NO_LOG } from "../../lib/base/mod.ts";
import { HostSetup } from "../../lib/io/host_setup.ts";
import { inspect } from "../../lib/io/inspect_host.ts";
import type { NftChain } from "../../lib/io/nft_messages.ts";
import {
  FakeFirewall,
  fakeHost,
  FakeSettings,
  ordinarySettings,
} from "../support/fake_host.ts";

const EROFS = 30;
const EPERM = 1;

const FORWARD: NftChain = { family: "ip", table: "filter", chain: "FORWARD" };

Deno.test("a host that nothing was done to is told as it is, and not changed", () => {
  const settings = ordinarySettings("eth0");
  const before = settings.snapshot();
  const firewall = new FakeFirewall();
  firewall.addForeign(FORWARD, { filtersForwarded: true, dropsByPolicy: true });

  const report = inspect(
    "tun-firezone",
    fakeHost(settings, firewall, ["lo", "eth0"]),
  );

  assert.deepEqual({ ...report, droppingChains: [] }, {
    forwardingIpv4: "off",
    forwardingIpv6: "off",
    usesIpv6: true,
    settingsRefusal: undefined,
    nftablesRefusal: undefined,
    masquerades: false,
    droppingChains: [],
    legacyFirewall: { 4: "passes", 6: "passes" },
  });
  assert.deepEqual(report.droppingChains.map(({ isOpen }) => isOpen), [false]);
  assert.equal(report.droppingChains[0]?.chain.chain, "FORWARD");
  assert.deepEqual(settings.snapshot(), before);
});

Deno.test("a host that a gateway runs on is told to forward, to translate and to let packets pass", () => {
  const firewall = new FakeFirewall();
  firewall.addForeign(FORWARD, { filtersForwarded: true, dropsByPolicy: true });
  const host = fakeHost(ordinarySettings("eth0"), firewall, ["lo", "eth0"]);
  new HostSetup({
    ...{ tunName: "tun-firezone", masquerade: true, seesInput: true },
    log: NO_LOG,
  }, host).apply();

  const report = inspect("tun-firezone", host);
  const another = inspect("tun-other", host);

  assert.equal(report.forwardingIpv4, "on");
  assert.equal(report.forwardingIpv6, "on");
  assert.equal(report.masquerades, true);
  assert.deepEqual(report.droppingChains.map(({ isOpen }) => isOpen), [true]);
  assert.equal(another.masquerades, false);
  assert.deepEqual(another.droppingChains.map(({ isOpen }) => isOpen), [false]);
});

Deno.test("what stands in the way is told by the name of its error", () => {
  const settings = new FakeSettings({ "net/ipv4/ip_forward": "1" });
  settings.refusal = EROFS;

  const report = inspect("tun-firezone", fakeHost(settings, EPERM, [], []));

  assert.deepEqual(report, {
    forwardingIpv4: "on",
    forwardingIpv6: "missing",
    usesIpv6: false,
    settingsRefusal: "EROFS",
    nftablesRefusal: "EPERM",
    masquerades: false,
    droppingChains: [],
    legacyFirewall: { 4: "passes", 6: "passes" },
  });
});

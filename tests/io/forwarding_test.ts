import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatSetting,
  mergeBefore,
  parseSetting,
  planForwarding,
  planRestoration,
} from "../../lib/io/forwarding.ts";
import { ordinarySettings } from "../support/fake_host.ts";

Deno.test("router advertisements are seen to before IPv6 forwarding, which would drop what they taught", () => {
  const plan = planForwarding(
    ordinarySettings("eth0"),
    ["lo", "eth0", "tun-firezone"],
    "tun-firezone",
  );

  const paths = plan.writes.map(({ path }) => path);
  const forwarding = paths.indexOf("net/ipv6/conf/all/forwarding");
  assert.ok(paths.indexOf("net/ipv6/conf/eth0/accept_ra") < forwarding);
  assert.ok(forwarding > 0);
  assert.ok(!paths.includes("net/ipv6/conf/tun-firezone/accept_ra"));
});

Deno.test("the tunnel's interface forwards also where interfaces start without", () => {
  const settings = ordinarySettings("eth0", "tun-firezone");
  settings.write({ path: "net/ipv4/ip_forward", value: "1" });
  settings.write({ path: "net/ipv6/conf/all/forwarding", value: "1" });
  settings.write({ path: "net/ipv4/conf/all/src_valid_mark", value: "1" });
  const path = "net/ipv4/conf/tun-firezone/forwarding";
  settings.values.set(path, "0");

  const plan = planForwarding(settings, ["eth0"], "tun-firezone");

  assert.deepEqual(plan, { writes: [{ path, value: "1" }], before: [] });
});

Deno.test("a host with very many interfaces is changed at a limited number of them", () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `veth${i}`);

  const plan = planForwarding(
    ordinarySettings(...names),
    names,
    "tun-firezone",
  );

  assert.ok(plan.before.length < 300);
});

Deno.test("what differs is restored, switches first, and what has gone is not", () => {
  const settings = ordinarySettings("eth0");
  settings.write({ path: "net/ipv4/ip_forward", value: "1" });
  const redirects = "net/ipv4/conf/all/accept_redirects";

  const plan = planRestoration(settings, [
    { path: redirects, value: "0" },
    { path: "net/ipv4/ip_forward", value: "0" },
    { path: "net/ipv6/conf/all/forwarding", value: "0" },
    { path: "net/ipv6/conf/unplugged/accept_ra", value: "1" },
  ]);

  assert.deepEqual(plan, [
    { path: "net/ipv4/ip_forward", value: "0" },
    { path: redirects, value: "0" },
  ]);
});

Deno.test("the oldest value of a setting is the one to restore", () => {
  const path = "net/ipv4/ip_forward";

  assert.deepEqual(
    mergeBefore([{ path, value: "0" }], [{ path, value: "1" }]),
    [{ path, value: "0" }],
  );
});

Deno.test("settings are read as they were written", () => {
  const names = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/);
  const keys = fc.constantFrom("forwarding", "accept_ra");
  fc.assert(fc.property(names, keys, fc.nat(99), (name, key, value) => {
    const setting = {
      path: `net/ipv6/conf/${name}/${key}`,
      value: String(value),
    };

    assert.deepEqual(parseSetting(formatSetting(setting)), setting);
  }));
});

Deno.test("whatever this program does not change is not written, however it got into the table", () => {
  for (
    const line of [
      "",
      "net/ipv4/ip_forward",
      "net/ipv4/ip_forward=",
      "net/ipv4/ip_forward=123",
      "net/ipv4/ip_forward=0\n",
      "net/ipv4/tcp_syncookies=0",
      "net/ipv6/conf/../accept_ra=0",
      "net/ipv6/conf/a/b/accept_ra=0",
      "../../etc/passwd=0",
      "kernel/panic=1",
    ]
  ) {
    assert.equal(parseSetting(line), undefined, line);
  }
});

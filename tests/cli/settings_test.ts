import assert from "node:assert/strict";
import { rankOf, thresholdOf } from "../../lib/io/log_thresholds.ts";
import { SettingsReader } from "../../lib/cli/settings.ts";

Deno.test("[portal 2] a scheme other than ws, wss, http or https is refused at start", () => {
  for (
    const url of ["ftp://portal.example", "portal.example:443", "not a url"]
  ) {
    assert.equal(
      problemsOf({ "api-url": url }, (it) => it.portal()).length,
      1,
      url,
    );
  }
  for (const url of ["ws://a:1", "wss://a", "http://a:1", "https://a/base"]) {
    assert.deepEqual(problemsOf({ "api-url": url }, (it) => it.portal()), []);
  }
});

Deno.test("all problems are reported at once", () => {
  const problems = problemsOf(
    { "lowest-port": "70000", "listen-port": "x", "public-ip4-addr": "::1" },
    (it) => it.relay(),
  );

  assert.equal(problems.length, 4, problems.join("\n"));
});

Deno.test("a relay needs an address of at least one family", () => {
  assert.match(
    problemsOf({}, (it) => it.relay())[0] ?? "",
    /PUBLIC_IP4_ADDR or PUBLIC_IP6_ADDR/,
  );
  assert.deepEqual(
    problemsOf({ "public-ip6-addr": "2001:db8::7" }, (it) => it.relay()),
    [],
  );
});

Deno.test("crypto workers are none unless told, and at most 16", () => {
  const read = (text: string) =>
    new SettingsReader(new Map([["crypto-workers", text]])).cryptoWorkers();

  assert.equal(new SettingsReader(new Map()).cryptoWorkers(), 0);
  assert.equal(read("16"), 16);
  for (const junk of ["17", "-1", "two", "1.5", "100"]) {
    const problems = problemsOf(
      { "crypto-workers": junk },
      (it) => it.cryptoWorkers(),
    );
    assert.match(problems[0] ?? "", /from 0 to 16/, junk);
  }
});

Deno.test("switches accept what people write", () => {
  const raw = new Map([["a", "true"], ["b", "0"], ["c", "maybe"]]);
  const reader = new SettingsReader(raw);

  assert.deepEqual(
    [reader.flag("a"), reader.flag("b"), reader.flag("absent")],
    [true, false, false],
  );
  assert.deepEqual(reader.problems, []);
  reader.flag("c");
  assert.equal(reader.problems.length, 1);
});

function problemsOf(
  raw: Readonly<Record<string, string>>,
  read: (reader: SettingsReader) => unknown,
): readonly string[] {
  const reader = new SettingsReader(new Map(Object.entries(raw)));
  read(reader);
  return reader.problems;
}

Deno.test("flow logs are on by their switch, which also keeps their line, or by their file", () => {
  const read = (settings: Record<string, string>) => {
    const reader = new SettingsReader(new Map(Object.entries(settings)));
    return { flows: reader.flowLogs("/var/lib/firezone"), log: reader.log() };
  };
  const quiet = { "log-filter": "flow_logs=off,warn" };

  assert.deepEqual(read({}).flows, {
    always: false,
    file: undefined,
    spool: "/var/lib/firezone/flow_logs",
  });
  assert.deepEqual(read({}).log.thresholds.targets, []);
  const on = read({ ...quiet, "flow-logs": "true" });
  assert.equal(on.flows.always, true);
  assert.equal(thresholdOf(on.log.thresholds, "flow_logs"), rankOf("trace"));
  assert.equal(thresholdOf(on.log.thresholds, "portal"), rankOf("warn"));
  const file = read({ "flow-log-file": "-", "flow-log-spool": "/tmp/x" });
  assert.deepEqual(file.flows, { always: true, file: "-", spool: "/tmp/x" });
  assert.deepEqual(file.log.thresholds.targets, []);
});

Deno.test("a switch that is neither true nor false is reported once", () => {
  const problems = problemsOf({ "flow-logs": "maybe" }, (it) => {
    it.log();
    it.flowLogs("/x");
  });

  assert.equal(problems.length, 1);
});

Deno.test("a client leaves the host's resolver and the Internet alone unless told otherwise", () => {
  const read = (...pairs: [string, string][]) => {
    const reader = new SettingsReader(new Map(pairs));
    return { settings: reader.client(), problems: reader.problems };
  };

  assert.deepEqual(read().settings, {
    usesInternet: false,
    dnsControl: "disabled",
  });
  assert.deepEqual(
    read(
      ["dns-control", "etc-resolv-conf"],
      ["activate-internet-resource", "true"],
    ).settings,
    { usesInternet: true, dnsControl: "etc-resolv-conf" },
  );
  assert.deepEqual(read(["dns-control", "systemd-resolved"]).problems, [
    'Cannot use --dns-control: "systemd-resolved" is not disabled or etc-resolv-conf',
  ]);
});

import assert from "node:assert/strict";
import {
  FirezoneLab,
  PROGRAM_FROM_SOURCE,
} from "../../scripts/lab/firezone_lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { snapshotOf } from "../support/host_snapshot.ts";
import { requireTools } from "../support/tools.ts";

const PREFIX = "fznor";

/** The gateway on a kernel that seems to have been built without rules. */
const WITHOUT_RULES = [
  "/usr/bin/python3",
  new URL("../support/without_rules.py", import.meta.url).pathname,
  ...PROGRAM_FROM_SOURCE,
];

Deno.test("[ops 1.3] on a kernel without policy routing clients reach resources of both families, and the host is as before afterwards", async () => {
  requireTools("ip", "nft", "ping", "python3");
  await using demo = new FirezoneLab(PREFIX);
  await demo.build();
  await demo.startPortal();
  await demo.startRelay();
  const before = await snapshotOf(demo.lab, "gateway");

  const gateway = await demo.startGateway(WITHOUT_RULES);
  await demo.startClient();
  for (const target of [SITES.web, SITES.webIpv6]) {
    await demo.lab.must("client", "ping", "-c", "1", "-w", "15", target);
  }

  const rules = await demo.lab.must("gateway", "ip", "rule");
  assert.doesNotMatch(rules, /fwmark/);
  assert.equal(linesWith(gateway.lines, /without policy routing/).length, 1);
  assert.deepEqual(linesWith(gateway.lines, / WARN | ERROR /), []);
  assert.equal((await readiness(demo)).status, 200);
  assert.equal(await gateway.stop(), 0);
  assert.deepEqual(await snapshotOf(demo.lab, "gateway"), before);
});

Deno.test("[ops 1.3] [ops 6] on a kernel without policy routing a route of the host that is in the way is named, left alone, and keeps the gateway from being ready", async () => {
  requireTools("ip", "curl", "python3");
  await using demo = new FirezoneLab(PREFIX);
  await demo.build();
  await demo.startPortal();
  await demo.startRelay();
  const foreign = ["100.64.0.0/11", "dev", "lo"];
  await demo.lab.must("gateway", "ip", "route", "add", ...foreign);

  const gateway = await demo.startGateway(WITHOUT_RULES);

  await gateway.waitFor(
    / WARN io: The host has a route of its own .*remove it.*network="?100\.64\.0\.0\/11/,
    5_000,
  );
  const { status, body } = await readiness(demo);
  assert.equal(status, 503);
  assert.match(
    body,
    /interface no route into it for 100\.64\.0\.0\/11 \(EEXIST\)/,
  );
  assert.equal(await gateway.stop(), 0);
  const left = await demo.lab.must(
    "gateway",
    "ip",
    "route",
    "show",
    "dev",
    "lo",
  );
  assert.match(left, /^100\.64\.0\.0\/11/m);
});

async function readiness(
  { lab }: FirezoneLab,
): Promise<{ status: number; body: string }> {
  const text = await lab.must(
    "gateway",
    ...["curl", "-s", "-m", "5", "-w", "\n%{http_code}"],
    "http://127.0.0.1:8080/readyz",
  );
  const at = text.lastIndexOf("\n");
  return { status: Number(text.slice(at + 1)), body: text.slice(0, at) };
}

function linesWith(lines: readonly string[], pattern: RegExp): string[] {
  return lines.filter((line) => pattern.test(line));
}

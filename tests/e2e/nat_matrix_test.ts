import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import type { NatKind, RouterSpec } from "../../scripts/lab/router.ts";
import { type RouterSpecs, SITES } from "../../scripts/lab/sites.ts";
import {
  ADDRESS_RESTRICTED,
  FULL_CONE,
  PORT_RESTRICTED,
  SYMMETRIC,
} from "../sim/nat.ts";
import { findsDirectPath, type Place } from "../sim/nat_theory.ts";
import { requireTools } from "../support/tools.ts";

/** How connections are made. */
const MODES: readonly { readonly name: string; readonly iceless: boolean }[] = [
  { name: "ICE", iceless: false },
  { name: "ICE-less", iceless: true },
];

/** The NAT kinds of the lab in the terms of theory. */
const PLACES: Readonly<Record<NatKind, Place>> = {
  "none": undefined,
  "cone": FULL_CONE,
  "address-restricted": ADDRESS_RESTRICTED,
  "port-restricted": PORT_RESTRICTED,
  "symmetric": SYMMETRIC,
};

/** What the product promises for the first ping, connection set-up included, in ms. */
const FIRST_PING_MS = 2_000;

/** How long until the path is final, in ms. Checks of all pairs are answered well before. */
const SETTLED_MS = 5_000;

/** How long a role may take to start or to get an address on the relay, in ms. */
const START_MS = 15_000;

/** One cell of the matrix. */
interface Case {
  readonly name: string;
  readonly routers: RouterSpecs;
}

interface Outcome {
  readonly name: string;
  readonly expected: string;
  readonly path: string;
  readonly firstPingMs: number;
}

for (const { name: mode, iceless } of MODES) {
  Deno.test(`each pair of NATs gets the path that theory says by ${mode}, and its first ping within 2 s`, async () => {
    requireTools("ip", "nft", "conntrack", "ping");
    const cases = matrix();
    const outcomes: Outcome[] = [];
    await using demo = new FirezoneLab("fznm");
    await demo.build(undefined, { iceless });
    await demo.startPortal();
    await demo.startRelay();

    for (const one of cases) outcomes.push(await play(demo, one));

    report(mode, outcomes);
    assert.deepEqual(
      outcomes.filter(({ path, expected }) => path !== expected),
      [],
    );
    assert.deepEqual(
      outcomes.filter(({ firstPingMs }) => firstPingMs > FIRST_PING_MS),
      [],
    );
  });
}

/** All kinds over IPv4 and both families. Over IPv6, which is not translated, they differ only in whether there is a filter. */
function matrix(): Case[] {
  const kinds: NatKind[] = ["none", "cone", "port-restricted", "symmetric"];
  const filtered: NatKind[] = ["none", "port-restricted"];
  return [
    ...pairs(kinds, "ipv4"),
    caseOf("address-restricted ipv4", "symmetric ipv4"),
    caseOf("symmetric ipv4", "address-restricted ipv4"),
    ...pairs(filtered, "ipv6"),
    ...pairs(kinds, "dual"),
    caseOf("symmetric dual", "symmetric ipv4"),
    caseOf("port-restricted ipv6", "port-restricted ipv4"),
  ];
}

function pairs(kinds: readonly NatKind[], families: string): Case[] {
  return kinds.flatMap((client) =>
    kinds.map((gateway) =>
      caseOf(`${client} ${families}`, `${gateway} ${families}`)
    )
  );
}

function caseOf(client: string, gateway: string): Case {
  const routers = { client: specOf(client), gateway: specOf(gateway) };
  return { name: `${client} / ${gateway}`, routers };
}

/** Reads a description such as `cone ipv4`. */
function specOf(text: string): RouterSpec {
  const [nat, families] = text.split(" ");
  return { nat, families } as RouterSpec;
}

/** A common IPv6 always leads there directly; IPv4 as far as the NATs allow. */
function expectedPath({ client, gateway }: RouterSpecs): string {
  const both = [client.families, gateway.families];
  const isDirect = both.every((it) => it !== "ipv4") ||
    (both.every((it) => it !== "ipv6") &&
      findsDirectPath(PLACES[client.nat], PLACES[gateway.nat]));
  return isDirect ? "direct" : "relayed";
}

async function play(
  demo: FirezoneLab,
  { name, routers }: Case,
): Promise<Outcome> {
  await demo.setRouters(routers);
  const gateway = await demo.startGateway();
  await gateway.waitFor(/Made an allocation/, START_MS);
  const client = await demo.startClient();
  try {
    const firstPingMs = await firstPing(demo) ??
      fail(name, client, gateway);
    const expected = expectedPath(routers);
    const path = await finalPath(demo, client, expected);
    return { name, expected, path, firstPingMs };
  } finally {
    await Promise.all([client.stop(), gateway.stop()]);
  }
}

/** Sends one ping, and no other, as soon as there is an interface. Returns how long it took, unless it was lost. */
async function firstPing(
  demo: FirezoneLab,
): Promise<number | undefined> {
  const ping = ["ping", "-c", "1", "-W", "10", SITES.web];
  const { stdout } = await demo.lab.run("client", ...ping);
  const ms = /time=([\d.]+) ms/.exec(stdout)?.[1];
  return ms === undefined ? undefined : Number(ms);
}

function fail(name: string, ...witnesses: readonly LabProcess[]): never {
  const logs = witnesses.map((it) => it.tail(80)).join("\n");
  throw new Error(`${name}: the first ping was not answered\n${logs}`);
}

/** Returns the path after it had the time to become the expected one, or, when that is relayed, a better one. */
async function finalPath(
  demo: FirezoneLab,
  client: LabProcess,
  expected: string,
): Promise<string> {
  const isDirect = /Connection (?:established|moved) .*path=direct/;
  if (expected === "direct") {
    await client.waitFor(isDirect, SETTLED_MS).catch(() => {});
  }
  const count = expected === "direct" ? "3" : "20";
  const ping = ["ping", "-c", count, "-i", "0.1", "-W", "2", "-q", SITES.web];
  await demo.lab.must("client", ...ping);
  const paths = client.lines.flatMap((line) =>
    /Connection (?:established|moved) .*path=(\w+)/.exec(line)?.[1] ?? []
  );
  return paths.at(-1) ?? "none";
}

function report(mode: string, outcomes: readonly Outcome[]): void {
  console.log(`\nPaths by ${mode}`);
  for (const { name, expected, path, firstPingMs } of outcomes) {
    const remark = path === expected ? "" : `  (theory says ${expected})`;
    const ms = firstPingMs.toFixed(0).padStart(5);
    console.log(`  ${name.padEnd(44)} ${path.padEnd(8)} ${ms} ms${remark}`);
  }
  for (const path of ["direct", "relayed"]) {
    const times = outcomes.filter((it) => it.path === path)
      .map(({ firstPingMs }) => firstPingMs).sort((a, b) => a - b);
    const at = (share: number) =>
      times[Math.ceil(share * times.length) - 1]?.toFixed(0) ?? "?";
    console.log(
      `First ping, ${path}, ${times.length} pairs: ` +
        `min ${times[0]?.toFixed(0) ?? "?"} median ${at(0.5)} ` +
        `p95 ${at(0.95)} max ${at(1)} ms`,
    );
  }
}

import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import { type Outage, PingMeter } from "../../scripts/lab/ping_meter.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { requireTools } from "../support/tools.ts";

/** Names the namespaces of these tests. */
const PREFIX = "fzrec";

/** How long the first packet may take, in ms, on a loaded machine. */
const CONNECT_MS = 20_000;

/** Replies must come steadily for this long before traffic counts as recovered, in ms. */
const STEADY_MS = 2_000;

/** A lab with everything running, and a client that pings the resource. */
export interface RunningLab extends AsyncDisposable {
  readonly demo: FirezoneLab;
  readonly portal: LabProcess;
  readonly relay: LabProcess;
  readonly gateway: LabProcess;
  readonly client: LabProcess;
  readonly pings: PingMeter;
}

/** Starts a lab, after `prepare` has made its network what the test wants, and waits for the first replies. `iceless`: whether connections do without ICE. */
export async function startLab(
  prepare: (demo: FirezoneLab) => Promise<void> = () => Promise.resolve(),
  iceless = false,
): Promise<RunningLab> {
  requireTools("ip", "nft", "ping", "curl", "stdbuf");
  const demo = new FirezoneLab(PREFIX);
  try {
    await demo.build(undefined, { iceless });
    await prepare(demo);
    const portal = await demo.startPortal();
    const relay = await demo.startRelay();
    const gateway = await demo.startGateway();
    const client = await demo.startClient();
    const pings = new PingMeter(demo.lab, "client", SITES.web);
    await pings.settle(CONNECT_MS, STEADY_MS);
    const dispose = () => demo[Symbol.asyncDispose]();
    const parts = { demo, portal, relay, gateway, client, pings };
    return { ...parts, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await demo[Symbol.asyncDispose]();
    throw error;
  }
}

/** Starts a lab whose pings stop once they were answered: what the test sends has to keep the connection alive by itself. */
export async function startQuietLab(
  prepare?: (demo: FirezoneLab) => Promise<void>,
  iceless?: boolean,
): Promise<RunningLab> {
  const lab = await startLab(prepare, iceless);
  await lab.pings.stop();
  return lab;
}

/** Waits until the pings are answered again, prints how long that took, and holds it to `limitMs`. */
export async function expectRecovery(
  lab: RunningLab,
  what: string,
  limitMs: number,
): Promise<Outage> {
  const outage = await settled(lab, limitMs + STEADY_MS);
  console.log(
    `    ${what}: longest silence ${outage.longestMs} ms, ` +
      `recovered ${outage.recoveredMs} ms after the fault`,
  );
  assert.ok(
    outage.recoveredMs <= limitMs,
    `${what} took ${outage.recoveredMs} ms, more than ${limitMs}`,
  );
  return outage;
}

async function settled(lab: RunningLab, limitMs: number): Promise<Outage> {
  try {
    return await lab.pings.settle(limitMs, STEADY_MS);
  } catch (error) {
    const { client, gateway } = lab;
    throw new Error(`${client.tail(60)}\n${gateway.tail(60)}`, {
      cause: error,
    });
  }
}

/** Fails when a process has logged a fault that an operator would look into. */
export function expectNoWarnings(...processes: readonly LabProcess[]): void {
  for (const { label, lines } of processes) {
    const faults = lines.filter((line) => / (?:WARN|ERROR) /.test(line));
    assert.deepEqual(faults, [], label);
  }
}

/** Downloads from the resource and returns the SHA-256 of what came, in hex. */
export async function download(
  { demo }: Pick<RunningLab, "demo">,
  bytes: number,
  ...options: readonly string[]
): Promise<string> {
  const url = `http://${SITES.web}/bytes/${bytes}`;
  const fetch = ["curl", "-sSf", "-m", "90", ...options, url].join(" ");
  const text = await demo.lab.must(
    "client",
    ...["bash", "-c", `set -o pipefail; ${fetch} | sha256sum`],
  );
  return text.slice(0, 64);
}

/** Returns the SHA-256 of that many zero bytes, in hex. */
export async function sha256OfZeros(length: number): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(length));
  return new Uint8Array(digest).toHex();
}

/** Fetches the greeting of the resource; fails after 10 s without a connection. */
export async function curl({ demo }: Pick<RunningLab, "demo">): Promise<void> {
  for (const host of [SITES.web, `[${SITES.webIpv6}]`]) {
    const text = await demo.lab.must(
      "client",
      ...["curl", "-sSf", "--connect-timeout", "10", `http://${host}/`],
    );
    assert.equal(text, "Hello from the resource\n");
  }
}

/** Waits until the path that a process reported last is this one. */
export async function waitForPath(
  process: LabProcess,
  path: "direct" | "relayed",
  limitMs: number,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (lastPath(process) !== path) {
    if (performance.now() > deadline) {
      throw new Error(`Not ${path} within ${limitMs} ms\n${process.tail()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Returns the path that a process reported last. */
export function lastPath({ lines }: LabProcess): string | undefined {
  return lines.flatMap((line) =>
    /Connection (?:established|moved) .*path=(\w+)/.exec(line)?.[1] ?? []
  ).at(-1);
}

/** Waits until a process prints a matching line that it has not printed before the call. */
export async function nextLine(
  process: LabProcess,
  pattern: RegExp,
  limitMs: number,
): Promise<string> {
  const count = () => process.lines.filter((line) => pattern.test(line));
  const before = count().length;
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    const line = count()[before];
    if (line !== undefined) return line;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`No new ${pattern}: ${limitMs} ms passed\n${process.tail()}`);
}

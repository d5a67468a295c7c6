/**
 * What a heavy client does to the others.
 *
 * The flood is as fast as this machine can make it, so the gateway may or may
 * not be overloaded by it; what is asserted has to hold either way.
 */
import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import type { Lab } from "../../scripts/lab/lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { requireTools } from "../support/tools.ts";

const FLOOD_S = 12;
const PINGS = 40;

/** Pings that may be lost: those on their way while an overload is found out. */
const LOST_PINGS = PINGS / 4;

const HEAVY_PORT = "5201";
const LIGHT_PORT = "5202";

for (const direction of ["to", "from"] as const) {
  Deno.test(`while a flood goes ${direction} one client, another one goes on and a third one connects`, async () => {
    requireTools("iperf3", "ping");
    await using site = new FirezoneLab("fzfair");
    const { lab } = site;
    await site.build();
    await site.startPortal();
    await site.startRelay();
    const gateway = await site.startGateway();
    await startServers(lab);
    await site.startClient();
    await site.startFurtherClient("client-2");
    await connect(lab, "client");
    await connect(lab, "client-2");
    const linesBefore = gateway.lines.length;

    const flood = startFlood(lab, direction);
    await flood.waitFor(/connected to/, 10_000);
    const [replies] = await Promise.all([
      ping(lab, "client-2"),
      transfer(lab, "client-2", direction),
    ]);
    await site.startFurtherClient("client-3");
    await connect(lab, "client-3");
    const wasFlooding = flood.lines.every((line) => !/receiver/.test(line));
    assert.equal(await flood.ended, 0, flood.tail());

    assert.ok(wasFlooding, "The flood was over too soon");
    assert.ok(replies >= PINGS - LOST_PINGS, `${replies} of ${PINGS} replies`);
    const troubles = gateway.lines.slice(linesBefore)
      .filter((line) => /Connection ended|Lost the portal|ERROR/.test(line));
    assert.deepEqual(troubles, []);
    await connect(lab, "client");
  });
}

async function startServers(lab: Lab): Promise<void> {
  for (const port of [HEAVY_PORT, LIGHT_PORT]) {
    const command = ["iperf3", "-s", "-p", port, "--forceflush"];
    const server = lab.spawn("web", `iperf3-${port}`, command);
    await server.waitFor(/listening/, 10_000);
  }
}

/** UDP as fast as it goes between the client behind NAT and the resource. */
function startFlood(lab: Lab, direction: "to" | "from"): LabProcess {
  return lab.spawn("client", "flood", [
    ...["timeout", "40", "iperf3", "--forceflush", "-c", SITES.web],
    ...["-p", HEAVY_PORT, "-u", "-b", "0", "-l", "1200", "-w", "4M"],
    ...["-t", String(FLOOD_S), ...directed(direction)],
  ]);
}

/** Sends a megabyte by TCP; it has to arrive. */
async function transfer(
  lab: Lab,
  box: string,
  direction: "to" | "from",
): Promise<void> {
  await lab.must(
    box,
    ...["timeout", "20", "iperf3", "-c", SITES.web, "-p", LIGHT_PORT],
    ...["-n", "1M", ...directed(direction)],
  );
}

/** iperf3's client sends unless told otherwise. */
function directed(direction: "to" | "from"): string[] {
  return direction === "to" ? ["-R"] : [];
}

/** Brings the connection of a client up, or proves that it is. */
async function connect(lab: Lab, box: string): Promise<void> {
  const options = "-c 3 -i 0.2 -W 10".split(" ");
  await lab.must(box, "ping", ...options, SITES.web);
}

/** Pings the resource and returns how many replies came. */
async function ping(lab: Lab, box: string): Promise<number> {
  const options = `-n -i 0.05 -W 2 -c ${PINGS}`.split(" ");
  const { stdout } = await lab.run(box, "ping", ...options, SITES.web);
  return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
}

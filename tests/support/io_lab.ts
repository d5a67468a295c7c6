import { Lab } from "../../scripts/lab/lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import type { IoNodeOptions } from "./io_node.ts";

/** One of two namespaces with a pass-through data plane in each. */
export type Box = "left" | "right";

/** What the pass-through of a box is told: its own addresses, and where the other one is. */
export function optionsOf(box: Box): IoNodeOptions {
  const [own, peer] = box === "left" ? [1, 2] : [2, 1];
  return {
    port: 52625,
    settings: {
      ipv4: `100.64.0.${own}`,
      ipv6: `fd00:2021:1111::${own}`,
      routes: ["100.64.0.0/11", "fd00:2021:1111::/107"],
      peer: `192.0.2.${peer}:52625`,
    },
  };
}

/** Makes the two namespaces and a link between them. */
export async function twoBoxes(prefix: string): Promise<Lab> {
  const lab = new Lab(prefix);
  await lab.addBox("left");
  await lab.addBox("right");
  await lab.addLink(
    { box: "left", device: "eth0", addresses: ["192.0.2.1/24"] },
    { box: "right", device: "eth0", addresses: ["192.0.2.2/24"] },
  );
  return lab;
}

/** Starts a pass-through without waiting, behind `launcher` if there is one. */
export function spawnNode(
  lab: Lab,
  box: Box,
  options: IoNodeOptions,
  launcher: readonly string[] = [],
): LabProcess {
  const script = new URL("./io_node.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "-A", script];
  return lab.spawn(box, box, [
    ...launcher,
    ...command,
    JSON.stringify(options),
  ]);
}

/** Starts a pass-through and waits until its interface is up. */
export async function startNode(
  lab: Lab,
  box: Box,
  options: Partial<IoNodeOptions> = {},
  launcher: readonly string[] = [],
): Promise<LabProcess> {
  const all = { ...optionsOf(box), ...options };
  const node = spawnNode(lab, box, all, launcher);
  await node.waitFor(/Interface configured/, 10_000);
  await node.waitFor(/^started /, 1_000);
  return node;
}

/** Sends a few echo requests of so many bytes from the left box through the tunnel; they must be answered. */
export async function ping(
  lab: Lab,
  target: string,
  bytes: string,
): Promise<void> {
  const options = "-c 3 -i 0.05 -W 2 -M do -s".split(" ");
  await lab.must("left", "ping", ...options, bytes, target);
}

/** Returns the counters of a data plane. */
export async function countersOf(
  node: LabProcess,
): Promise<Readonly<Record<string, number>>> {
  const before = node.lines.length;
  node.signal("SIGUSR2");
  const deadline = performance.now() + 5_000;
  for (;;) {
    const line = node.lines.slice(before)
      .find((line) => line.startsWith("snapshot "));
    if (line) return JSON.parse(line.slice("snapshot ".length)).io;
    if (performance.now() > deadline) throw new Error("No snapshot came");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

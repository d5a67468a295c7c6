import type { LabPolicy } from "../../scripts/lab/firezone_lab.ts";
import type { Lab } from "../../scripts/lab/lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import type { SwarmOptions } from "./swarm.ts";

/** Most clients of one process: its arena has no room for more. */
const CLIENTS_PER_SWARM = 500;

/** Below the ports that the kernel hands out by itself. */
const FIRST_PORT = 10_000;

/** Clients that are under way at the same time, in all swarms of a call. */
const CONCURRENCY = 32;

/** How long all of them may take together, in ms. */
const PATIENCE_MS = 120_000;

/** What became of a swarm that is through. */
export interface ConnectedSwarm {
  /** From the first login to the last reply, in ms. */
  readonly tookMs: number;
  /** The key of the gateway, in base64. */
  readonly publicKey: string;
  /** One for every 500 clients. */
  readonly processes: readonly LabProcess[];
}

/** Returns the entries of a policy file for so many clients. */
export function swarmClients(count: number): LabPolicy["clients"] {
  return Array.from(
    { length: count },
    (_, i) => ({ name: `swarm-${i}`, token: tokenOf(i) }),
  );
}

/** Connects clients number `first` to `end` - 1 from the client's box, each with a ping to the resource and back. They stay until the lab ends, and rest unless there is a `storm`. */
export async function connectSwarm(
  lab: Lab,
  first: number,
  end: number,
  storm?: SwarmOptions["storm"],
): Promise<ConnectedSwarm> {
  const startedAt = performance.now();
  const swarms: Promise<LabProcess>[] = [];
  const count = Math.ceil((end - first) / CLIENTS_PER_SWARM);
  for (let i = 0; i < count; i++) {
    const from = first + i * CLIENTS_PER_SWARM;
    const to = Math.min(from + CLIENTS_PER_SWARM, end);
    const concurrency = Math.ceil(CONCURRENCY / count);
    swarms.push(connectOne(lab, from, to, concurrency, storm));
  }
  const processes = await Promise.all(swarms);
  const tookMs = performance.now() - startedAt;
  const key = await processes[0]?.waitFor(/^Gateway's key: /, 1_000);
  return { tookMs, publicKey: key?.split(" ").at(-1) ?? "", processes };
}

async function connectOne(
  lab: Lab,
  first: number,
  end: number,
  concurrency: number,
  storm: SwarmOptions["storm"],
): Promise<LabProcess> {
  const length = end - first;
  const options: SwarmOptions = {
    apiUrl: `ws://${SITES.portal}:8081`,
    tokens: Array.from({ length }, (_, i) => tokenOf(first + i)),
    first,
    firstPort: FIRST_PORT + first,
    target: SITES.web,
    concurrency,
    ...(storm ? { storm } : {}),
  };
  const script = new URL("./swarm.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "--allow-all", script];
  const swarm = lab.spawn("client", `swarm-${first}`, [
    ...command,
    JSON.stringify(options),
  ]);
  const isThrough = new RegExp(`Through: ${length} of ${length} `);
  await swarm.waitFor(isThrough, PATIENCE_MS);
  return swarm;
}

function tokenOf(number: number): string {
  return `n.swarm-token-${number}`;
}

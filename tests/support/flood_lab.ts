import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import type { Lab } from "../../scripts/lab/lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import type { RouterSpecs } from "../../scripts/lab/sites.ts";
import type { FloodOptions } from "./flood.ts";

/** Sites that anybody on the internet can send to. */
export const OPEN_ROUTERS: RouterSpecs = {
  client: { nat: "none", families: "ipv4" },
  gateway: { nat: "none", families: "ipv4" },
};

/** Where the gateway of a lab with `OPEN_ROUTERS` receives datagrams. */
export const GATEWAY_SOCKET = "192.168.20.2:52625";

/** What the host of the gateway drops at once: what is sent there costs the kernel, and nobody else. */
export const DROPPED_SOCKET = "192.168.20.2:9";

/** Lets the internet's box send floods, each datagram from another address. */
export async function prepareFloods({ lab }: FirezoneLab): Promise<void> {
  const network = ["local", "198.18.0.0/16", "dev", "lo"];
  await lab.must("internet", "ip", "route", "add", ...network);
  await lab.nft(
    "gateway",
    `table inet flood {
      chain input {
        type filter hook input priority 0;
        udp dport 9 drop
      }
    }`,
  );
}

/** Starts a flood from the internet's box and waits until it flows. */
export async function startFlood(
  lab: Lab,
  options: FloodOptions,
): Promise<LabProcess> {
  const script = new URL("./flood.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "--allow-all", script];
  const flood = lab.spawn("internet", "flood", [
    ...command,
    JSON.stringify(options),
  ]);
  await flood.waitFor(/^Flooding/, 10_000);
  return flood;
}

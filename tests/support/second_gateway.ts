import {
  type FirezoneLab,
  PROGRAM_FROM_SOURCE,
} from "../../scripts/lab/firezone_lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import { SITES } from "../../scripts/lab/sites.ts";

const BOX = "gateway-2";
const START_MS = 15_000;

/** Gives the lab a second gateway of the same site, which has the internet and the resource at its door, and waits until it can serve. */
export async function startSecondGateway(
  demo: FirezoneLab,
): Promise<LabProcess> {
  const { lab } = demo;
  await lab.addBox(BOX);
  await lab.addLink(
    { box: BOX, device: "eth0", addresses: ["203.0.113.26/30"] },
    { box: "internet", device: BOX, addresses: ["203.0.113.25/30"] },
  );
  await lab.addRoute(BOX, "default", "203.0.113.25");
  await lab.addLink(
    { box: BOX, device: "eth1", addresses: ["10.21.0.1/30"] },
    { box: "web", device: "eth1", addresses: ["10.21.0.2/30"] },
  );
  await lab.addRoute(BOX, SITES.resourceNetwork, "10.21.0.2");
  const env = demo.gatewayEnv(2);
  const gateway = lab.spawn(BOX, "gateway-2", PROGRAM_FROM_SOURCE, env);
  await gateway.waitFor(/Interface configured/, START_MS);
  return gateway;
}

import { Site } from "../sim/site.ts";
import type { SimNode } from "../sim/sim_node.ts";
import { udpPacket } from "../support/ip_packet.ts";

/** An inner packet of a client, told apart by its source port. */
export function packetNumber(number: number): Uint8Array {
  return udpPacket({
    source: "100.64.0.1",
    destination: "10.0.0.5",
    sourcePort: 1000 + number,
    destinationPort: 53,
  });
}

/** The kinds of all events of a node but candidates, in order. */
export function milestones(node: SimNode): string[] {
  return node.events.flatMap(({ kind }) => kind === "candidates" ? [] : [kind]);
}

/** A site whose client and gateway are connected. */
export function connectedSite(
  options: ConstructorParameters<typeof Site>[0] = {},
): Site {
  const site = new Site(options);
  if (site.connect() === undefined) throw new Error("No connection came about");
  return site;
}

/** Whether an inner packet gets through each way. */
export function canExchange({ world, client, gateway }: Site): boolean {
  const before = [client.inbox.length, gateway.inbox.length];
  client.send(gateway.name, packetNumber(1), world.now);
  gateway.send(client.name, packetNumber(2), world.now);
  world.advance(200);
  return client.inbox.length === (before[0] ?? 0) + 1 &&
    gateway.inbox.length === (before[1] ?? 0) + 1;
}

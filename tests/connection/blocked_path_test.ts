import assert from "node:assert/strict";
import type { SimNode } from "../sim/sim_node.ts";
import { CUT_LINK } from "../sim/world.ts";
import { canExchange, connectedSite, packetNumber } from "./support.ts";

/** What the client's pace of checks costs, p2p spec §2.9: 16.5 s and the grace of 2 s. */
const NOTICE_MS = 18_500;

Deno.test("[p2p 50] [p2p 52] a direct path that is blocked gives way to the relay at both ends", () => {
  const site = connectedSite();
  const { world, client, gateway } = site;
  world.advance(3_000);
  assert.equal(lastPath(gateway), "direct");

  world.setLink(client, gateway, CUT_LINK);
  for (let ms = 0; ms < NOTICE_MS; ms += 500) {
    client.send("gateway", packetNumber(ms), world.now);
    gateway.send("client", packetNumber(ms), world.now);
    world.advance(500);
  }

  assert.deepEqual([lastPath(client), lastPath(gateway)], [
    "relayed",
    "relayed",
  ]);
  assert.ok(canExchange(site));
});

/** The path that a node reported last. */
function lastPath(node: SimNode): string | undefined {
  return node.events.flatMap((event) =>
    event.kind === "established" || event.kind === "path-changed"
      ? [event.path]
      : []
  ).at(-1);
}

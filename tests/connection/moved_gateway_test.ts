import assert from "node:assert/strict";
import { FULL_CONE, PORT_RESTRICTED } from "../sim/nat.ts";
import { ip } from "../sim/site.ts";
import { canExchange, connectedSite, packetNumber } from "./support.ts";

/** How soon a gateway notices that its address changed. */
const NOTICE_MS = 1_000;

/** When a client, which decides, leaves a path that was good, p2p spec §2.9 and §2.10. */
const CLIENT_PATIENCE_MS = 18_500;

const OPEN_PLACES = [
  ["without NAT", undefined],
  ["behind a full-cone NAT", FULL_CONE],
] as const;

for (const [where, clientNat] of OPEN_PLACES) {
  Deno.test(`[p2p 49] [p2p 50] a gateway that moved while the portal is away is found by its own checks, by a client ${where}`, () => {
    const site = movedSite(clientNat);

    keepTalking(site, CLIENT_PATIENCE_MS);

    assert.ok(canExchange(site));
  });
}

Deno.test("a gateway that moved reaches a client behind a port-restricted NAT only once the portal has told of it", () => {
  const cut = movedSite(PORT_RESTRICTED);
  keepTalking(cut, CLIENT_PATIENCE_MS);
  assert.ok(!canExchange(cut));

  const told = movedSite(PORT_RESTRICTED, { isPortalDown: false });
  keepTalking(told, CLIENT_PATIENCE_MS);
  assert.ok(canExchange(told));
});

/** A site whose gateway has another address than when it was connected, and knows. */
function movedSite(
  clientNat: typeof FULL_CONE | undefined,
  { isPortalDown = true } = {},
): ReturnType<typeof connectedSite> {
  const site = connectedSite({ families: [4], clientNat });
  const { world, gateway } = site;
  world.advance(3_000);
  site.portal.isDown = isPortalDown;
  world.move(gateway, [ip("203.0.113.88")]);
  world.advance(NOTICE_MS);
  gateway.node.verifyRelays(world.now);
  return site;
}

/** Has the client send packets, so that it is not idle. */
function keepTalking(
  { world, client, gateway }: ReturnType<typeof connectedSite>,
  forMs: number,
): void {
  for (let ms = 0; ms < forMs; ms += 500) {
    client.send(gateway.name, packetNumber(ms), world.now);
    world.advance(500);
  }
}

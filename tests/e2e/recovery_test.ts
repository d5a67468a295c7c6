import assert from "node:assert/strict";
import {
  blockDirectPath,
  plugIn,
  unblockDirectPath,
  unplug,
} from "../../scripts/lab/faults.ts";
import { SYMMETRIC_ROUTERS } from "../../scripts/lab/sites.ts";
import {
  expectNoWarnings,
  expectRecovery,
  nextLine,
  startLab,
  waitForPath,
} from "./recovery_support.ts";

Deno.test("a direct path does not notice that the relay restarts", async () => {
  await using lab = await startLab();
  const { demo, relay, pings } = lab;
  await waitForPath(lab.client, "direct", 5_000);

  pings.noteFault();
  assert.equal(await relay.stop(), 0);
  await demo.startRelay();
  // Starting a program may hold a ping up on a busy machine.
  const what = "relay restarted under a direct path";
  const { longestMs } = await expectRecovery(lab, what, 3_000);

  assert.ok(longestMs <= 1_000, `${longestMs} ms of silence`);
  expectNoWarnings(lab.client, lab.gateway, relay);
});

Deno.test("traffic through the only relay goes on after it restarts, with symmetric NAT at both ends", async () => {
  await using lab = await startLab((demo) =>
    demo.setRouters(SYMMETRIC_ROUTERS)
  );
  const { demo, relay, pings } = lab;
  await waitForPath(lab.client, "relayed", 5_000);

  pings.noteFault();
  assert.equal(await relay.stop(), 0);
  await demo.startRelay();
  await expectRecovery(lab, "relay restarted under a relayed path", 15_000);

  expectNoWarnings(lab.client, lab.gateway);
});

Deno.test("traffic moves to another relay when its own is replaced for good", async () => {
  await using lab = await startLab((demo) =>
    demo.setRouters(SYMMETRIC_ROUTERS)
  );
  const { demo, relay, pings } = lab;

  pings.noteFault();
  await demo.startRelay(2);
  assert.equal(await relay.stop(), 0);
  await expectRecovery(lab, "relay replaced by another", 15_000);

  expectNoWarnings(lab.client, lab.gateway);
});

Deno.test("traffic through one of two relays goes on when that one goes", async () => {
  await using lab = await startLab(async (demo) => {
    await demo.setRouters(SYMMETRIC_ROUTERS);
  });
  const { demo, relay, pings } = lab;
  const allocated = [lab.client, lab.gateway].map((process) =>
    nextLine(process, /Made an allocation/, 15_000)
  );
  await demo.startRelay(2);
  await Promise.all(allocated);

  pings.noteFault();
  assert.equal(await relay.stop(), 0);
  await expectRecovery(lab, "one of two relays gone", 5_000);

  expectNoWarnings(lab.client, lab.gateway);
});

Deno.test("the portal may restart without a lost ping", async () => {
  await using lab = await startLab();
  const { demo, portal, pings } = lab;

  pings.noteFault();
  assert.equal(await portal.stop(), 0);
  await demo.startPortal();
  await lab.gateway.waitFor(/Joined the portal/, 15_000);
  await expectRecovery(lab, "portal restarted", 1_000);

  expectNoWarnings(lab.client, lab.gateway, lab.relay);
});

Deno.test("portal and relay may restart together under a relayed path", async () => {
  await using lab = await startLab((demo) =>
    demo.setRouters(SYMMETRIC_ROUTERS)
  );
  const { demo, portal, relay, pings } = lab;

  pings.noteFault();
  await Promise.all([portal.stop(), relay.stop()]);
  await demo.startPortal();
  await demo.startRelay();
  await expectRecovery(lab, "portal and relay restarted", 15_000);

  expectNoWarnings(lab.client, lab.gateway);
});

Deno.test("the gateway may restart: the client finds it again by itself", async () => {
  await using lab = await startLab();
  const { demo, gateway, pings } = lab;

  pings.noteFault();
  assert.equal(await gateway.stop(), 0);
  await demo.startGateway();
  await expectRecovery(lab, "gateway restarted", 15_000);

  expectNoWarnings(lab.client);
});

Deno.test("a gateway that was killed is found again, without a goodbye", async () => {
  await using lab = await startLab();
  const { demo, gateway, pings } = lab;

  pings.noteFault();
  gateway.signal("SIGKILL");
  await gateway.ended;
  await demo.startGateway();
  await expectRecovery(lab, "gateway killed and started", 30_000);

  expectNoWarnings(lab.client);
});

Deno.test("the client's address changes and it is told: traffic goes on", async () => {
  await using lab = await startLab();
  const { demo, client, pings } = lab;

  pings.noteFault();
  await unplug(demo.lab, "c");
  await plugIn(demo.lab, "c", 200);
  client.signal("SIGHUP");
  await expectRecovery(lab, "client moved, SIGHUP", 5_000);

  expectNoWarnings(client, lab.gateway);
});

Deno.test("the client's address changes and nobody tells it: traffic goes on", async () => {
  await using lab = await startLab();
  const { demo, client, pings } = lab;

  pings.noteFault();
  await unplug(demo.lab, "c");
  await plugIn(demo.lab, "c", 200);
  await expectRecovery(lab, "client moved, not told", 60_000);

  expectNoWarnings(client, lab.gateway);
});

Deno.test("the gateway's address changes: traffic goes on", async () => {
  await using lab = await startLab();
  const { demo, gateway, pings } = lab;

  pings.noteFault();
  await unplug(demo.lab, "g");
  await plugIn(demo.lab, "g", 200);
  // Past a port-restricted NAT the client has to be told, and the portal takes
  // the gateway back 37 s after its last word (portal spec §7.3), tried every
  // 2 s. The client has given up by then, and asks every 15 s from 20 s on.
  await expectRecovery(lab, "gateway moved", 60_000);

  expectNoWarnings(lab.client, gateway);
});

Deno.test("a direct path that is blocked gives way to the relay and comes back", async () => {
  await using lab = await startLab();
  const { demo, client, pings } = lab;
  await waitForPath(lab.client, "direct", 5_000);

  pings.noteFault();
  await blockDirectPath(demo.lab);
  await expectRecovery(lab, "direct path blocked", 25_000);
  await waitForPath(lab.client, "relayed", 1_000);

  pings.noteFault();
  await unblockDirectPath(demo.lab);
  await expectRecovery(lab, "direct path free again", 1_000);
  await waitForPath(client, "direct", 30_000);

  expectNoWarnings(client, lab.gateway);
});

import assert from "node:assert/strict";
import { loseEgress, plugIn, unplug } from "../../scripts/lab/faults.ts";
import { SYMMETRIC_ROUTERS } from "../../scripts/lab/sites.ts";
import {
  curl,
  download,
  expectNoWarnings,
  lastPath,
  nextLine,
  sha256OfZeros,
  startLab,
  startQuietLab,
} from "./recovery_support.ts";

/** What the rows of operations spec §3.3 download. */
const DOWNLOAD_BYTES = 10_000_000;

/** curl gives up below 100 KiB/s for 10 s. */
const ABORT_WHEN_SLOW = ["--speed-limit", "102400", "--speed-time", "10"];

/** Longest time from asking for access to an established connection after roaming, in ms. */
const HANDSHAKE_LIMIT_MS = 2_000;

Deno.test("[ops 3] a resource answers while the portal is down", async () => {
  await using lab = await startQuietLab();
  await curl(lab);

  assert.equal(await lab.portal.stop(), 0);
  await curl(lab);

  expectNoWarnings(lab.client, lab.gateway, lab.relay);
});

Deno.test("[ops 4] a resource answers right after the portal restarted, and when both sides have joined again", async () => {
  await using lab = await startQuietLab();
  await curl(lab);
  const rejoins = [lab.client, lab.gateway, lab.relay].map((process) =>
    nextLine(process, /Joined the portal/, 20_000)
  );

  assert.equal(await lab.portal.stop(), 0);
  await lab.demo.startPortal();
  await curl(lab);
  await Promise.all(rejoins);
  await curl(lab);

  expectNoWarnings(lab.client, lab.gateway, lab.relay);
});

Deno.test("[ops 14] a download arrives whole over a direct path", async () => {
  await using lab = await startQuietLab();

  assert.equal(
    await download(lab, DOWNLOAD_BYTES, ...ABORT_WHEN_SLOW),
    await sha256OfZeros(DOWNLOAD_BYTES),
  );

  assert.equal(lastPath(lab.client), "direct");
  expectNoWarnings(lab.client, lab.gateway);
});

Deno.test("[ops 14a] a download arrives whole from relay to relay, with symmetric NAT at both ends and one relay", async () => {
  await using lab = await startQuietLab((demo) =>
    demo.setRouters(SYMMETRIC_ROUTERS)
  );

  assert.equal(
    await download(lab, DOWNLOAD_BYTES, ...ABORT_WHEN_SLOW),
    await sha256OfZeros(DOWNLOAD_BYTES),
  );

  assert.equal(lastPath(lab.client), "relayed");
  expectNoWarnings(lab.client, lab.gateway, lab.relay);
});

Deno.test("[ops 14c] a download arrives whole with a gateway that has no IPv6", async () => {
  await using lab = await startQuietLab(({ lab }) =>
    lab.sysctl("gateway", "net.ipv6.conf.all.disable_ipv6=1")
  );

  assert.equal(
    await download(lab, DOWNLOAD_BYTES, ...ABORT_WHEN_SLOW),
    await sha256OfZeros(DOWNLOAD_BYTES),
  );
});

Deno.test("[ops 15] a download arrives whole when the client loses a fifth of what it sends", async () => {
  await using lab = await startQuietLab();
  await loseEgress(lab.demo.lab, "client", 20);

  assert.equal(
    await download(
      lab,
      DOWNLOAD_BYTES,
      "--speed-limit",
      "10240",
      "--speed-time",
      "30",
    ),
    await sha256OfZeros(DOWNLOAD_BYTES),
  );

  expectNoWarnings(lab.client, lab.gateway);
});

Deno.test("[ops 16] a download goes on when the client comes back from another address", async () => {
  await using lab = await startQuietLab();
  const { demo, client } = lab;
  const startedAt = performance.now();

  const sum = download(lab, DOWNLOAD_BYTES, "--limit-rate", "300k");
  await sleep(5_000);
  await unplug(demo.lab, "c");
  await sleep(3_000);
  await plugIn(demo.lab, "c", 200);
  const established = nextLine(client, /Connection established/, 20_000);
  client.signal("SIGHUP");
  const tookMs = Number(/tookMs=(\d+)/.exec(await established)?.[1]);

  assert.equal(await sum, await sha256OfZeros(DOWNLOAD_BYTES));
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(
    `    roaming: connection ${tookMs} ms after access, download ${
      seconds.toFixed(1)
    } s in all`,
  );
  assert.ok(seconds <= 60);
  assert.ok(tookMs <= HANDSHAKE_LIMIT_MS);
  expectNoWarnings(client, lab.gateway);
});

Deno.test("[ops 17] a resource answers at once after the gateway restarted", async () => {
  await using lab = await startQuietLab();
  await curl(lab);

  assert.equal(await lab.gateway.stop(), 0);
  lab.demo.spawnGateway();
  await curl(lab);

  expectNoWarnings(lab.client);
});

Deno.test("a relay that lost its portal goes on serving, and is the same relay when the portal is back", async () => {
  await using lab = await startLab((demo) =>
    demo.setRouters(SYMMETRIC_ROUTERS)
  );
  const rejoins = [lab.client, lab.gateway, lab.relay].map((process) =>
    nextLine(process, /Joined the portal/, 20_000)
  );
  lab.pings.noteFault();

  await lab.portal.stop();
  await lab.pings.settle(10_000, 5_000);
  await lab.demo.startPortal();
  await Promise.all(rejoins);
  const { longestMs } = await lab.pings.settle(10_000, 5_000);

  assert.ok(longestMs <= 1_000, `silent for ${longestMs} ms`);
  for (const { lines } of [lab.client, lab.gateway]) {
    assert.ok(!lines.some((line) => /Relay (?:removed|failed)/.test(line)));
  }
  assert.equal(await lab.relay.stop(), 0);
  expectNoWarnings(lab.client, lab.gateway, lab.relay);
});

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

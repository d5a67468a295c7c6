import assert from "node:assert/strict";
import { loseEgress, plugIn, unplug } from "../../scripts/lab/faults.ts";
import { SYMMETRIC_ROUTERS } from "../../scripts/lab/sites.ts";
import {
  curl,
  download,
  expectNoWarnings,
  lastPath,
  nextLine,
  type RunningLab,
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

/** Rows of the table that differ only in how paths are found. */
const MODES_OF_ROW_14A = [
  { row: "14a", mode: "with ICE", iceless: false },
  { row: "14b", mode: "without ICE", iceless: true },
];
const MODES_OF_ROW_15 = [
  { row: "15", mode: "with ICE", iceless: false },
  { row: "15b", mode: "without ICE", iceless: true },
];

Deno.test("[ops 3] [dp 136] a resource answers while the portal is down", async () => {
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

for (const { row, mode, iceless } of MODES_OF_ROW_14A) {
  Deno.test(`[ops ${row}] ${mode}, a download arrives whole from relay to relay, with symmetric NAT at both ends and one relay`, async () => {
    await using lab = await startQuietLab(
      (demo) => demo.setRouters(SYMMETRIC_ROUTERS),
      iceless,
    );

    assert.equal(
      await download(lab, DOWNLOAD_BYTES, ...ABORT_WHEN_SLOW),
      await sha256OfZeros(DOWNLOAD_BYTES),
    );

    assert.equal(lastPath(lab.client), "relayed");
    expectMode(lab, iceless);
    expectNoWarnings(lab.client, lab.gateway, lab.relay);
  });
}

Deno.test("[ops 14c] a download arrives whole with a gateway that has no IPv6", async () => {
  await using lab = await startQuietLab(({ lab }) =>
    lab.sysctl("gateway", "net.ipv6.conf.all.disable_ipv6=1")
  );

  assert.equal(
    await download(lab, DOWNLOAD_BYTES, ...ABORT_WHEN_SLOW),
    await sha256OfZeros(DOWNLOAD_BYTES),
  );
});

for (const { row, mode, iceless } of MODES_OF_ROW_15) {
  Deno.test(`[ops ${row}] ${mode}, a download arrives whole when the client loses a fifth of what it sends`, async () => {
    await using lab = await startQuietLab(undefined, iceless);
    await loseEgress(lab.demo.lab, "client", 20);

    assert.equal(
      await download(
        lab,
        DOWNLOAD_BYTES,
        ...["--speed-limit", "10240", "--speed-time", "30"],
      ),
      await sha256OfZeros(DOWNLOAD_BYTES),
    );

    expectMode(lab, iceless);
    expectNoWarnings(lab.client, lab.gateway);
  });
}

Deno.test("[ops 16] with ICE, a download goes on when the client comes back from another address", async () => {
  await using lab = await startQuietLab();

  const took = await downloadWhileRoaming(lab);
  const established = lab.client.lines.findLast((line) =>
    /Connection established/.test(line)
  );
  const tookMs = Number(/tookMs=(\d+)/.exec(established ?? "")?.[1]);

  console.log(`    connection ${tookMs} ms after access, ${took}`);
  assert.ok(tookMs <= HANDSHAKE_LIMIT_MS);
  expectMode(lab, false);
  expectNoWarnings(lab.client, lab.gateway);
});

Deno.test("[ops 16b] without ICE, a download goes on over the same session when the client comes back from another address", async () => {
  await using lab = await startQuietLab(undefined, true);
  const connections = () =>
    lab.client.lines.filter((line) => /Connection established/.test(line))
      .length;
  const before = connections();

  const took = await downloadWhileRoaming(lab);

  console.log(`    ${took}`);
  assert.equal(connections(), before);
  expectMode(lab, true);
  expectNoWarnings(lab.client, lab.gateway);
});

Deno.test("[ops 17] a resource answers at once after the gateway restarted", async () => {
  await using lab = await startQuietLab();
  await curl(lab);

  assert.equal(await lab.gateway.stop(), 0);
  lab.demo.spawnGateway();
  await curl(lab);

  expectNoWarnings(lab.client);
});

Deno.test("[portal 89] [portal 90] a relay that lost its portal goes on serving, and is the same relay when the portal is back", async () => {
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

/** Takes the client to another address in the middle of a download, and tells how long that took in all. */
async function downloadWhileRoaming(lab: RunningLab): Promise<string> {
  const startedAt = performance.now();
  const sum = download(lab, DOWNLOAD_BYTES, "--limit-rate", "300k");
  await sleep(5_000);
  await unplug(lab.demo.lab, "c");
  await sleep(3_000);
  await plugIn(lab.demo.lab, "c", 200);
  lab.client.signal("SIGHUP");

  assert.equal(await sum, await sha256OfZeros(DOWNLOAD_BYTES));
  const seconds = (performance.now() - startedAt) / 1_000;
  assert.ok(seconds <= 60);
  return `download ${seconds.toFixed(1)} s in all`;
}

/** Checks by what the client logged that it found its paths as it should. */
function expectMode({ client }: RunningLab, iceless: boolean): void {
  const usedIce = client.lines.some((line) => /ICE state changed/.test(line));
  assert.equal(usedIce, !iceless);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

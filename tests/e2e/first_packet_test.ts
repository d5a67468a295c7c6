import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";

/** Size of the download during which the portal restarts: some seconds' worth. */
const LONG_DOWNLOAD_RATE = "10M";
const LONG_DOWNLOAD_BYTES = 80_000_000;
const SHORT_DOWNLOAD_BYTES = 20_000_000;

for (const iceless of [false, true]) {
  const mode = iceless ? "without ICE" : "with ICE";

  Deno.test(`${mode}, a client behind NAT pings and downloads from a resource behind the gateway`, async () => {
    await using demo = new FirezoneLab("fze2e");
    await demo.build(undefined, { iceless });
    await demo.startPortal();
    await demo.startRelay();
    const gateway = await demo.startGateway();
    const client = await demo.startClient();

    await demo.lab.must(
      "client",
      "ping",
      "-c",
      "3",
      "-i",
      "0.2",
      "-W",
      "10",
      SITES.web,
    );
    await demo.lab.must(
      "client",
      "ping",
      "-c",
      "3",
      "-i",
      "0.2",
      "-W",
      "5",
      SITES.webIpv6,
    );
    const size = await download(demo, SHORT_DOWNLOAD_BYTES);

    assert.equal(size, SHORT_DOWNLOAD_BYTES);
    await client.waitFor(
      /Connection (?:established|moved) .*path=direct/,
      5_000,
    );
    for (const { lines, label } of [gateway, client]) {
      const finder = iceless ? "Path selected" : "ICE state changed";
      const other = iceless ? "ICE state changed" : "Path selected";
      assert.ok(lines.some((line) => line.includes(finder)), label);
      assert.ok(!lines.some((line) => line.includes(other)), label);
      assert.deepEqual(
        lines.filter((line) => / (?:WARN|ERROR) /.test(line)),
        [],
        label,
      );
      assert.deepEqual(
        lines.filter((line) => /lab-(?:gateway|client)-token/.test(line)),
        [],
        label,
      );
    }
  });
}

Deno.test("a filter lets its port pass and nothing else", async () => {
  await using demo = new FirezoneLab("fze2e");
  await demo.build();
  await demo.startPortal();
  await demo.startRelay();
  await demo.startGateway();
  await demo.startClient();
  const url = `http://${SITES.webOnly}/`;
  const ping = ["ping", "-c", "2", "-i", "0.2", "-W", "1", SITES.webOnly];

  const greeting = await demo.lab.must(
    "client",
    "curl",
    "-sS",
    "-m",
    "10",
    url,
  );
  const fromClient = await demo.lab.run("client", ...ping);
  const fromGateway = await demo.lab.run("gateway", ...ping);

  assert.equal(greeting, "Hello from the resource\n");
  assert.equal(fromGateway.code, 0);
  assert.notEqual(fromClient.code, 0);
});

Deno.test("[portal 31] a download goes on while the portal restarts, and the gateway joins again", async () => {
  await using demo = new FirezoneLab("fze2e");
  await demo.build();
  const portal = await demo.startPortal();
  await demo.startRelay();
  const gateway = await demo.startGateway();
  await demo.startClient();
  await demo.lab.must("client", "ping", "-c", "1", "-W", "10", SITES.web);

  const downloading = download(
    demo,
    LONG_DOWNLOAD_BYTES,
    "--limit-rate",
    LONG_DOWNLOAD_RATE,
  );
  assert.equal(await portal.stop(), 0);
  await gateway.waitFor(/Lost the portal/, 5_000);
  const joinsBefore = joins(gateway.lines);
  await demo.startPortal();
  const size = await downloading;
  await waitUntil(() => joins(gateway.lines) > joinsBefore, 15_000);

  assert.equal(size, LONG_DOWNLOAD_BYTES);
  await demo.lab.must("client", "ping", "-c", "1", "-W", "5", SITES.web);
});

async function download(
  demo: FirezoneLab,
  length: number,
  ...options: readonly string[]
): Promise<number> {
  const size = await demo.lab.must(
    "client",
    ...[
      "curl",
      "-sS",
      "-m",
      "60",
      "-o",
      "/dev/null",
      "-w",
      "%{size_download}",
      ...options,
    ],
    `http://${SITES.web}/bytes/${length}`,
  );
  return Number(size);
}

function joins(lines: readonly string[]): number {
  return lines.filter((line) => /Joined the portal/.test(line)).length;
}

async function waitUntil(
  holds: () => boolean,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) {
      throw new Error(`Condition not met in ${timeoutMs} ms: ${holds}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

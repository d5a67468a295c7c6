import assert from "node:assert/strict";
import {
  FirezoneLab,
  PROGRAM_FROM_SOURCE,
} from "../../scripts/lab/firezone_lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { requireTools } from "../support/tools.ts";

Deno.test("with crypto workers at both ends bytes arrive intact both ways, and all threads end", async () => {
  requireTools("iperf3", "ping");
  await using site = new FirezoneLab("fzcrypto");
  const { lab } = site;
  await site.build();
  await site.startPortal();
  await site.startRelay();
  const workers = { FIREZONE_CRYPTO_WORKERS: "2" };
  const gateway = lab.spawn("gateway", "gateway", PROGRAM_FROM_SOURCE, {
    ...site.gatewayEnv(),
    ...workers,
  });
  await gateway.waitFor(/Interface configured/, 15_000);
  const client = await site.startClient(workers);
  const server = lab.spawn("web", "iperf3", ["iperf3", "-s", "--forceflush"]);
  await server.waitFor(/listening/, 10_000);
  await lab.must("client", "ping", "-c", "3", "-W", "10", SITES.web);

  for (const direction of [[], ["-R"]]) {
    const load = ["-n", "20M", "-P", "2", ...direction];
    await lab.must(
      "client",
      ...["timeout", "30", "iperf3", "-c", SITES.web, ...load],
    );
  }

  for (const node of [gateway, client]) {
    await node.waitFor(/Crypto workers started.*count=2/, 0);
    assert.equal(await node.stop(), 0);
  }
});

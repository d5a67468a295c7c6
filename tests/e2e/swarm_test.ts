import assert from "node:assert/strict";
import {
  FirezoneLab,
  PROGRAM_FROM_SOURCE,
} from "../../scripts/lab/firezone_lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import {
  GATEWAY_SOCKET,
  OPEN_ROUTERS,
  prepareFloods,
  startFlood,
} from "../support/flood_lab.ts";
import { connectSwarm, swarmClients } from "../support/swarm_lab.ts";
import { until } from "../support/until.ts";

/** What a node takes without asking for cookies, p2p spec §5.8. */
const HANDSHAKES_PER_SECOND = 100;
const FLOOD_PER_SECOND = 20 * HANDSHAKES_PER_SECOND;

for (const iceless of [false, true]) {
  const mode = iceless ? "without ICE" : "with ICE";

  Deno.test(`${mode}, fifty clients at one gateway each reach a resource`, async () => {
    await using site = new FirezoneLab("fzswe");
    await site.build(undefined, { iceless, clients: swarmClients(50) });
    await site.startPortal();
    await site.startRelay();
    // Of the lines about checks there would be more than the lab keeps.
    const gateway = await site.startGateway([
      ...["env", "RUST_LOG=info"],
      ...PROGRAM_FROM_SOURCE,
    ]);

    await connectSwarm(site.lab, 0, 50);

    await until(() => establishedAt(gateway) === 50);
  });
}

for (const kind of ["wrong-mac1", "right-mac1", "check"] as const) {
  Deno.test(`[p2p 125] a flood of kind ${kind} keeps no client from connecting`, async () => {
    await using site = new FirezoneLab("fzfle");
    await site.build(OPEN_ROUTERS, { clients: swarmClients(11) });
    await prepareFloods(site);
    await site.startPortal();
    await site.startRelay();
    const gateway = await site.startGateway();
    const { publicKey } = await connectSwarm(site.lab, 0, 1);
    const flood = await startFlood(site.lab, {
      kind,
      target: GATEWAY_SOCKET,
      perSecond: FLOOD_PER_SECOND,
      publicKey,
    });

    await connectSwarm(site.lab, 1, 11);

    await flood.stop();
    const { sent } = JSON.parse(flood.lines.at(-1) ?? "{}");
    assert.ok(sent >= 2 * HANDSHAKES_PER_SECOND, `${sent} sent`);
    const problems = gateway.lines.filter((line) =>
      / (?:WARN|ERROR) /.test(line)
    );
    assert.deepEqual(problems, []);
  });
}

/** Counts the clients that the gateway has told it is connected to. */
function establishedAt({ lines }: LabProcess): number {
  const clients = lines.flatMap((line) =>
    /Connection established .*client=(\S+)/.exec(line)?.[1] ?? []
  );
  return new Set(clients).size;
}

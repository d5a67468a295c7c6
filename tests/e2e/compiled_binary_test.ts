import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import {
  buildBinary,
  openTunNode,
  UNPRIVILEGED,
} from "../support/compiled_binary.ts";

Deno.test("the compiled binary with setcap alone serves a client as an unprivileged user", async () => {
  await using binary = await buildBinary();
  using _tun = openTunNode();
  await using demo = new FirezoneLab("fzbin");
  await demo.build();
  await demo.startPortal();
  await demo.startRelay();

  const gateway = await demo.startGateway([...UNPRIVILEGED, binary.path]);
  await demo.startClient();
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

  assert.match(
    Deno.readTextFileSync(`/proc/${gateway.pid}/status`),
    /^Uid:\t65534\t/m,
  );
  assert.equal(await gateway.stop(), 0);
  const links = await demo.lab.must("gateway", "ip", "link", "show");
  const rules = await demo.lab.must("gateway", "ip", "rule", "show");
  assert.doesNotMatch(links, /tun-firezone/);
  assert.doesNotMatch(rules, /5390983/);
});

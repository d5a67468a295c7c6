/** Spools flows until it is killed. Arguments: the root, and when the token expires. */
import { NO_LOG } from "../../lib/base/mod.ts";
import { FlowSpool } from "../../lib/io/mod.ts";
import { parseIngestToken } from "../../lib/portal/mod.ts";
import { FlowWorld } from "../flow_log/flow_world.ts";
import { ingestTokenText } from "./ingest_token.ts";

const [root = "", expiresAt = ""] = Deno.args;
const token = parseIngestToken(ingestTokenText({ expiresAt: +expiresAt }));
if (!token) throw new Error("The token of the test is none");
const spool = new FlowSpool(root, NO_LOG);
spool.keepConfig({
  apiUrl: "https://127.44.3.1/v1/",
  uploadIntervalSecs: 1,
  uploadBatchSize: 0,
});
spool.keepToken(token);
const world = new FlowWorld();
for (let port = 1; port <= 4_000; port++) {
  world.tx({ protocol: "udp", clientPort: port });
}
for (const report of world.stop()) spool.keepReport(report);
await new Promise((resolve) => setTimeout(resolve, 60_000));

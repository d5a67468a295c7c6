import assert from "node:assert/strict";
import {
  FirezoneLab,
  PROGRAM_FROM_SOURCE,
} from "../../scripts/lab/firezone_lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { INGEST_ROOT } from "../support/ingest_certificate.ts";

const DOWNLOAD_BYTES = 1_000_000;
const INGEST = "203.0.113.44";
const WAIT_MS = 20_000;

Deno.test("[dp 127] [dp 133] a download is one flow: in the log, in the file of lines, and at the portal's flow service", async () => {
  await using dir = await TemporaryDirectory.make();
  await using demo = new FirezoneLab("fzflow");
  await demo.build(undefined, {
    flow_logs: {
      api_url: `https://${INGEST}/`,
      upload_interval_secs: 1,
      uploads_enabled: true,
    },
  });
  await demo.startPortal();
  await demo.startRelay();
  const ingest = await startIngest(demo);
  const file = `${dir.path}/flows.jsonl`;
  const gateway = demo.lab.spawn("gateway", "gateway", PROGRAM_FROM_SOURCE, {
    ...demo.gatewayEnv(),
    DENO_CERT: `${dir.path}/root.pem`,
    FIREZONE_FLOW_LOGS: "true",
    FIREZONE_FLOW_LOG_FILE: file,
    FIREZONE_FLOW_LOG_SPOOL: `${dir.path}/spool`,
  });
  await gateway.waitFor(/Interface configured/, WAIT_MS);
  await demo.startClient();

  await download(demo);

  const line = await gateway.waitFor(/TCP flow completed/, WAIT_MS);
  const [, destination, received] =
    / inner_dst_ip=(\S+) .* rx_bytes=(\d+) tx_bytes=\d+$/.exec(line) ?? [];
  assert.equal(destination, SITES.web);
  assert.ok(Number(received) >= DOWNLOAD_BYTES, line);
  assert.match(line, / outers=\[\{"src_ip":"[^"]+","src_port":\d+,"dst_ip":/);
  assert.doesNotMatch(line, / domain=/);
  const record = await ingest.waitFor(/^record .*"flow_end"/, WAIT_MS);
  assert.match(record, /^record \/ingestion\/flow_logs true \{/);
  assert.match(record, new RegExp(`"rx_bytes":${received}`));
  assert.equal(await gateway.stop(), 0);
  const events = (await Deno.readTextFile(file)).trim().split("\n")
    .map((it) => JSON.parse(it)).filter((it) => it.protocol === "tcp");
  assert.deepEqual(events.map(({ event }) => event), [
    "flow_opened",
    "flow_closed",
  ]);
  assert.equal(events[1].rx_bytes, Number(received));
  assert.deepEqual(
    gateway.lines.filter((it) => /eyJhbGci| WARN /.test(it)),
    [],
  );
});

async function startIngest(demo: FirezoneLab) {
  const { lab } = demo;
  await lab.must(
    "internet",
    ...["ip", "address", "add", `${INGEST}/32`, "dev", "lo"],
  );
  const script = new URL("../support/ingest_process.ts", import.meta.url);
  const command = [Deno.execPath(), "run", "--allow-all", script.pathname];
  const ingest = lab.spawn("internet", "ingest", [...command, INGEST]);
  await ingest.waitFor(/Listening/, WAIT_MS);
  return ingest;
}

async function download(demo: FirezoneLab): Promise<void> {
  await demo.lab.must(
    "client",
    ...["curl", "--silent", "--show-error", "--fail", "--max-time", "20"],
    ...["--output", "/dev/null", `http://${SITES.web}/bytes/${DOWNLOAD_BYTES}`],
  );
}

class TemporaryDirectory implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<TemporaryDirectory> {
    const path = await Deno.makeTempDir({ prefix: "fz-flow-" });
    await Deno.writeTextFile(`${path}/root.pem`, INGEST_ROOT);
    return new TemporaryDirectory(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

import assert from "node:assert/strict";
import {
  type IngestTokenClaims,
  type LogFields,
  type Logger,
  unixMs,
} from "../../lib/base/mod.ts";
import type { FlowReport } from "../../lib/flow_log/mod.ts";
import {
  Clock,
  FlowSpool,
  FlowUploader,
  LineFile,
  SYSTEM_RANDOM,
} from "../../lib/io/mod.ts";
import { parseIngestToken } from "../../lib/portal/mod.ts";
import { FlowWorld, OWNER, SYN } from "../flow_log/flow_world.ts";
import { INGEST_ROOT } from "../support/ingest_certificate.ts";
import { IngestServer } from "../support/ingest_server.ts";
import { CLAIMS, ingestTokenText } from "../support/ingest_token.ts";

const NOW_S = Math.floor(Date.now() / 1_000);
const FRESH = { expiresAt: NOW_S + 3_600 };
const FOLDER = `responder/${CLAIMS.policyAuthorizationId}`;
const OTHER_ID = "44444444-dddd-4ddd-8ddd-555555555555";
const UPLOADS = {
  apiUrl: "https://127.44.3.1/v1/",
  uploadIntervalSecs: 1,
  uploadBatchSize: 0,
};
const WAIT_MS = 15_000;

Deno.test("token and reports are files in the folder of their authorization, for our eyes only", async () => {
  await using dir = await SpoolDirectory.make();
  const spool = dir.spool();
  const reports = flows(2);

  spool.keepToken(tokenOf(FRESH));
  reports.forEach((report) => spool.keepReport(report));
  await spool.close();

  const files = await dir.files();
  assert.equal(files.length, 5);
  assert.match(
    files[0]!,
    new RegExp(`^${FOLDER}/17870\\d+-[0-9a-f]{16}\\.end`),
  );
  assert.match(files[1]!, /\.start\.json$/);
  assert.equal(files[4], `${FOLDER}/token`);
  assert.equal(await dir.read(`${FOLDER}/token`), ingestTokenText(FRESH));
  for (const path of files) assert.equal(await dir.mode(path), 0o600);
  for (const path of ["", "responder", FOLDER]) {
    assert.equal(await dir.mode(path), 0o700);
  }
});

Deno.test("[portal 84] nothing is kept of an authorization that wants no uploads, or has no token yet", async () => {
  await using dir = await SpoolDirectory.make();
  const spool = dir.spool();

  flows(1).forEach((report) => spool.keepReport(report));
  spool.keepToken(tokenOf({ ...FRESH, uploadsEnabled: false }));
  spool.keepToken(tokenOf({ ...FRESH, policyAuthorizationId: "../../x" }));
  flows(1, { uploadsEnabled: false }).forEach((it) => spool.keepReport(it));
  await spool.close();

  assert.deepEqual(await dir.files(), []);
});

Deno.test("a root that cannot be written to costs one warning and nothing else", async () => {
  await using dir = await SpoolDirectory.make();
  await Deno.writeTextFile(`${dir.path}/file`, "");
  const spool = new FlowSpool(`${dir.path}/file/below`, dir.log);

  for (let i = 0; i < 3; i++) spool.keepToken(tokenOf(FRESH));
  await spool.close();

  assert.deepEqual(dir.warnings, ["Flow logs cannot be kept on disk"]);
});

Deno.test("what cannot be put in its place leaves nothing behind and is warned of once, whatever needs no place in between", async () => {
  await using dir = await SpoolDirectory.make();
  await Deno.mkdir(`${dir.path}/${FOLDER}/token`, { recursive: true });
  const spool = dir.spool();

  for (let i = 0; i < 3; i++) {
    spool.keepToken(tokenOf(FRESH));
    flows(1, { policyAuthorizationId: OTHER_ID })
      .forEach((report) => spool.keepReport(report));
  }
  await spool.close();

  assert.deepEqual(dir.warnings, ["Flow logs cannot be kept on disk"]);
  assert.deepEqual(await dir.files(), []);
});

Deno.test("a queue that is full drops records with one warning", async () => {
  await using dir = await SpoolDirectory.make();
  const spool = dir.spool();
  const [report] = flows(1);
  assert.ok(report);

  for (let i = 0; i < 10_050; i++) spool.keepReport(report);
  await spool.close();

  assert.deepEqual(dir.warnings, [
    "Flow logs are dropped: the disk is too slow",
  ]);
});

Deno.test("[portal 85] records are uploaded under their authorization's token, and gone after 2xx", async () => {
  await using server = new IngestServer();
  await using dir = await SpoolDirectory.make();
  await dir.keep(flows(2), FRESH);
  await using _uploader = dir.upload();

  await dir.until((files) => files.length === 1);

  assert.deepEqual(await dir.files(), [`${FOLDER}/token`]);
  const [request, ...more] = server.requests;
  assert.equal(more.length, 0);
  assert.equal(request?.method, "POST");
  assert.equal(request?.path, "/ingestion/flow_logs");
  assert.equal(request?.authorization, `Bearer ${ingestTokenText(FRESH)}`);
  assert.equal(request?.contentType, "application/json");
  assert.equal(request?.records.length, 2);
  assert.ok(request?.records.every((it) => Object.hasOwn(it, "flow_end")));
});

Deno.test("[portal 85] 401 and 422 keep records until they are taken", async () => {
  for (const status of [401, 422]) {
    await using server = new IngestServer();
    server.answer = () => new Response(null, { status });
    await using dir = await SpoolDirectory.make();
    await dir.keep(flows(1), FRESH);
    const before = await dir.files();
    await using _uploader = dir.upload();
    await until(() => server.requests.length >= 2);
    assert.deepEqual(await dir.files(), before);

    server.answer = () => new Response();

    await dir.until((files) => files.length === 1);
  }
});

Deno.test("[portal 84] with an interval of 0 or a token that says no, nothing is sent", async () => {
  await using server = new IngestServer();
  await using off = await SpoolDirectory.make();
  await off.keep(flows(1), FRESH);
  await using _none = off.upload({ ...UPLOADS, uploadIntervalSecs: 0 });
  await using dir = await SpoolDirectory.make();
  await dir.keep(flows(1), FRESH);
  await Deno.writeTextFile(
    `${dir.path}/${FOLDER}/token`,
    ingestTokenText({ ...FRESH, uploadsEnabled: false }),
  );
  await using other = await SpoolDirectory.make();
  await other.keep(flows(1), FRESH);
  await using _uploader = dir.upload();
  await using _witness = other.upload();

  await other.until((files) => files.length === 1);

  assert.equal(server.requests.length, 1);
  assert.equal((await dir.files()).length, 3);
  assert.equal((await off.files()).length, 3);
});

Deno.test("a batch that is too large is halved, and a redirect is followed only to HTTPS on port 443", async () => {
  await using server = new IngestServer();
  server.answer = ({ path, records }) => {
    if (records.length > 2) return new Response(null, { status: 413 });
    return path === "/in"
      ? new Response()
      : new Response(null, { status: 307, headers: { Location: "/in" } });
  };
  await using dir = await SpoolDirectory.make();
  await dir.keep(flows(5), FRESH);
  await using _uploader = dir.upload();

  await dir.until((files) => files.length === 1);

  const taken = server.requests.filter(({ path }) => path === "/in");
  assert.equal(taken.flatMap(({ records }) => records).length, 5);
  assert.ok(taken.every(({ records }) => records.length <= 2));
});

Deno.test("a service that answers nothing or 503 is tried again soon", async () => {
  await using dir = await SpoolDirectory.make();
  await dir.keep(flows(1), FRESH);
  await using _uploader = dir.upload();
  await using server = new IngestServer();
  let failures = 0;
  server.answer = () =>
    failures++ < 2 ? new Response(null, { status: 503 }) : new Response();

  await dir.until((files) => files.length === 1);

  assert.equal(failures, 3);
});

Deno.test("a backlog goes out one batch a second, oldest first", async () => {
  await using server = new IngestServer();
  await using dir = await SpoolDirectory.make();
  await dir.keep(flows(5), FRESH);
  await using _uploader = dir.upload({
    ...UPLOADS,
    uploadIntervalSecs: 3_600,
    uploadBatchSize: 2,
  });

  await dir.until((files) => files.length === 1);

  assert.deepEqual(server.requests.map(({ records }) => records.length), [
    2,
    2,
    1,
  ]);
  const starts = server.records.map((it) => String(it["flow_start"]));
  assert.deepEqual(starts, starts.toSorted());
});

Deno.test("what expired, and what never got a token, is removed; what is damaged, too; other files stay", async () => {
  await using _server = new IngestServer();
  await using dir = await SpoolDirectory.make();
  await dir.keep(flows(1), { expiresAt: NOW_S - 1 });
  await dir.keep(flows(1, { policyAuthorizationId: OTHER_ID }), {
    ...FRESH,
    policyAuthorizationId: OTHER_ID,
  });
  const damaged = (await dir.files()).find((it) => it.includes(OTHER_ID))!;
  await Deno.writeTextFile(`${dir.path}/${damaged}`, '{"checksum":1,"pay');
  const orphan = `${dir.path}/initiator/${OTHER_ID}`;
  await Deno.mkdir(orphan, { recursive: true });
  await Deno.utime(orphan, NOW_S - 100, NOW_S - 100);
  await Deno.mkdir(`${dir.path}/responder/notes`);
  await Deno.writeTextFile(`${dir.path}/responder/notes/x`, "");
  await using _uploader = dir.upload();

  await dir.until((files) => files.length === 2);

  assert.deepEqual(await dir.files(), [
    `responder/${OTHER_ID}/token`,
    "responder/notes/x",
  ]);
});

Deno.test("a run that was killed loses nothing that was on disk, and the next one delivers it", async () => {
  await using server = new IngestServer();
  await using dir = await SpoolDirectory.make();
  const script = new URL("../support/spool_writer.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", script.pathname, dir.path, `${NOW_S + 600}`],
    stdout: "null",
  }).spawn();
  await dir.until((files) => files.length >= 200);
  child.kill("SIGKILL");
  await child.status;
  const spooled = await dir.files();
  const config = await dir.spool().lastConfig();
  assert.deepEqual(config, UPLOADS);
  await using _uploader = dir.upload(config);

  await dir.until((files) => !files.some((it) => /\/.*\.json$/.test(it)));

  const flowCount = new Set(
    spooled.filter((it) => /\/.*\.json$/.test(it))
      .map((it) => it.split(".")[0]),
  ).size;
  assert.equal(server.records.length, flowCount);
});

Deno.test("[dp 133] no log line of spool and uploader holds a token", async () => {
  await using server = new IngestServer();
  server.answer = () => new Response(null, { status: 401 });
  await using dir = await SpoolDirectory.make();
  await dir.keep(flows(1), FRESH);
  await using _uploader = dir.upload();
  await until(() => dir.lines.length > 0);

  const token = ingestTokenText(FRESH);
  for (const part of [token, ...token.split(".")]) {
    assert.equal(dir.lines.join("\n").includes(part), false);
  }
});

Deno.test("lines go to the file of the name, also after it was renamed or removed", async () => {
  await using dir = await SpoolDirectory.make();
  const path = `${dir.path}/flows.jsonl`;
  const file = new LineFile(path, dir.log);
  file.write("one");
  await until(() => textOf(path) === "one\n");
  await Deno.rename(path, `${path}.1`);
  file.write("two");
  await until(() => textOf(path) === "two\n");
  await Deno.remove(path);
  file.reopen();
  file.write("three");

  await file.close();

  assert.equal(textOf(path), "three\n");
  assert.equal(textOf(`${path}.1`), "one\n");
  assert.deepEqual(dir.warnings, []);
});

Deno.test("a file that cannot be written costs one warning, and lines come again when it can", async () => {
  await using dir = await SpoolDirectory.make();
  const path = `${dir.path}/not/yet`;
  const file = new LineFile(path, dir.log);
  file.write("lost");
  await until(() => dir.warnings.length === 1);
  await Deno.mkdir(`${dir.path}/not`);
  file.write("kept");

  await file.close();

  assert.equal(textOf(path), "kept\n");
  assert.equal(dir.warnings.length, 1);
});

/** A temporary spool, and what was logged about it. */
class SpoolDirectory implements AsyncDisposable {
  readonly path: string;
  readonly lines: string[] = [];
  readonly warnings: string[] = [];
  readonly log: Logger;

  private constructor(path: string) {
    this.path = path;
    this.log = {
      enabled: () => true,
      log: (level, message, fields: LogFields = {}) => {
        this.lines.push(`${message} ${JSON.stringify(fields)}`);
        if (level === "warn") this.warnings.push(message);
      },
      child: () => this.log,
    };
  }

  static async make(): Promise<SpoolDirectory> {
    const path = await Deno.makeTempDir({ prefix: "fz-spool-" });
    return new SpoolDirectory(path);
  }

  spool(): FlowSpool {
    return new FlowSpool(this.path, this.log);
  }

  /** Spools reports under a token with these claims. */
  async keep(
    reports: readonly FlowReport[],
    claims: Partial<IngestTokenClaims>,
  ): Promise<void> {
    const spool = this.spool();
    spool.keepToken(tokenOf(claims));
    reports.forEach((report) => spool.keepReport(report));
    await spool.close();
  }

  /** Starts an uploader. */
  upload(config = UPLOADS): TestUploader {
    return new TestUploader(this.path, this.log, config);
  }

  /** Paths of all files, sorted. */
  async files(below = ""): Promise<string[]> {
    const found: string[] = [];
    for await (const entry of Deno.readDir(`${this.path}/${below}`)) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory) found.push(...await this.files(path));
      else found.push(path);
    }
    return found.sort();
  }

  async read(path: string): Promise<string> {
    return await Deno.readTextFile(`${this.path}/${path}`);
  }

  async mode(path: string): Promise<number> {
    const { mode } = await Deno.stat(`${this.path}/${path}`);
    return (mode ?? 0) & 0o777;
  }

  async until(condition: (files: string[]) => boolean): Promise<void> {
    await until(async () => {
      try {
        return condition(await this.files());
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false;
        throw error;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

class TestUploader implements AsyncDisposable {
  readonly #uploader: FlowUploader;

  constructor(root: string, log: Logger, config: typeof UPLOADS) {
    const clock = new Clock();
    this.#uploader = new FlowUploader({
      root,
      log,
      random: SYSTEM_RANDOM,
      now: () => clock.now(),
      unixNow: () => unixMs(Date.now()),
      caCerts: [INGEST_ROOT],
    });
    this.#uploader.configure(config);
    this.#uploader.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#uploader.stop();
  }
}

async function until(condition: () => boolean | Promise<boolean>) {
  const deadline = performance.now() + WAIT_MS;
  while (!await condition()) {
    assert.ok(performance.now() < deadline, "It did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function tokenOf(claims: Partial<IngestTokenClaims>) {
  const token = parseIngestToken(ingestTokenText(claims));
  assert.ok(token);
  return token;
}

/** Both reports of so many flows, which start a millisecond apart. */
function flows(
  count: number,
  claims: Partial<IngestTokenClaims> = {},
): FlowReport[] {
  const world = new FlowWorld();
  const owner = { ...OWNER, claims: { ...CLAIMS, ...claims } };
  for (let port = 1; port <= count; port++) {
    world.tx({ flags: SYN, clientPort: port }, { owner });
    world.now = (world.now + 1_000) as typeof world.now;
  }
  return world.stop();
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

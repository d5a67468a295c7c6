import assert from "node:assert/strict";
import {
  FirezoneLab,
  PROGRAM_FROM_SOURCE,
} from "../../scripts/lab/firezone_lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { ProgramBox } from "../support/program_box.ts";
import { requireTools } from "../support/tools.ts";
import { until } from "../support/until.ts";

const PREFIX = "fzlog";
const START_MS = 15_000;

/** Runs the rest of the command line with standard output to a pipe that nobody reads. */
const READ_BY_NOBODY = pipeInto("exec tail -f /dev/null --pid=$$");
/** … to a pipe whose reader has gone. */
const READER_GONE = pipeInto("exec true");

const POLICY =
  new URL("../../lib/control/example_policy.json", import.meta.url).pathname;

const ENV = {
  FIREZONE_API_URL: "ws://127.0.0.1:9",
  FIREZONE_ID: "test",
  FIREZONE_TOKEN: "no-token-of-any-portal",
  NO_COLOR: "1",
};

for (
  const [reader, launcher] of [
    ["does not read", READ_BY_NOBODY],
    ["has gone", READER_GONE],
  ] as const
) {
  Deno.test(`packets pass and the gateway stops in time when the reader of its log ${reader}`, async () => {
    await using demo = new FirezoneLab(PREFIX);
    await demo.build();
    const portal = await demo.startPortal();
    await demo.startRelay();
    const program = [...PROGRAM_FROM_SOURCE, "--log-filter=trace"];
    const gateway = demo.spawnGateway([...launcher, ...program]);
    // Its own log tells nobody. A client that asks before holds off for a while.
    await portal.waitFor(/Joined role=gateway/, START_MS);
    await demo.startClient();

    await until(async () =>
      (await demo.lab.run("client", "curl", "-s", "-m", "2", SITES.web))
        .code === 0
    );
    // At this level each packet is some lines: far more than the pipe and the queue hold.
    const burst = "-c 3000 -i 0.002 -q".split(" ");
    await demo.lab.must("client", "ping", ...burst, SITES.web);

    assert.equal(await gateway.stop(), 0);
    assert.deepEqual(gateway.lines, []);
  });
}

Deno.test("[ops 1.7] lines have colours on a terminal, unless NO_COLOR says otherwise, and none in a pipe", async () => {
  requireTools("script");
  await using box = await ProgramBox.create(PREFIX);
  const path = await Deno.makeTempFile();
  // Each on a port of its own: a terminal ends before what runs in it.
  const onTerminal = async (port: number, noColor: string) => {
    const portal = ["portal", "-p", POLICY, "-l", `127.0.0.1:${port}`];
    const command = [...PROGRAM_FROM_SOURCE, ...portal].join(" ");
    const terminal = box.lab.spawn("host", "terminal", [
      ...["env", `NO_COLOR=${noColor}`, "script", "-qfec", command, path],
    ]);
    await terminal.waitFor(/Serving/, START_MS);
    await terminal.stop();
    return Deno.readTextFileSync(path);
  };
  const piped = box.start(["portal", "-p", POLICY, "-l", "127.0.0.1:1"], {
    NO_COLOR: "",
  });

  const plain = await piped.waitFor(/Serving/, START_MS);
  const coloured = await onTerminal(2, "");
  const declined = await onTerminal(3, "1");
  await Deno.remove(path);

  assert.ok(coloured.includes("\x1b[32m INFO\x1b[0m"), coloured);
  assert.ok(!declined.includes("\x1b"), declined);
  assert.ok(!plain.includes("\x1b"), plain);
});

for (const fault of ["exception", "rejection"]) {
  Deno.test(`a fault that nobody handles, an uncaught ${fault}, ends with 1, one line for a person and its stack in the log`, async () => {
    const script = new URL("../support/crashing_program.ts", import.meta.url);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script.pathname, fault],
    }).output();
    const [out, err] = [stdout, stderr].map((it) =>
      new TextDecoder().decode(it)
    );

    assert.equal(code, 1);
    assert.equal(
      err,
      "Stopped by a fault of our own: RangeError: first line; " +
        "please report it with the log, and start the program again\n",
    );
    assert.match(
      out ?? "",
      /^\S+ ERROR cli: Crashed error=.* stack=".*crashing_program.*"\n$/,
    );
  });
}

Deno.test("SIGUSR2 switches the whole program to debug, and back", async () => {
  await using box = await ProgramBox.create(PREFIX);
  const gateway = box.start([], { ...ENV, RUST_LOG: "info" });
  await gateway.waitFor(/Portal not reached/, START_MS);
  assert.ok(!gateway.lines.some((line) => / DEBUG /.test(line)));

  gateway.signal("SIGUSR2");
  await gateway.waitFor(/Log filter changed .*filter=debug/, START_MS);
  await gateway.waitFor(/ DEBUG portal: /, START_MS);
  gateway.signal("SIGUSR2");
  await gateway.waitFor(/Log filter changed .*filter=configured/, START_MS);

  assert.equal(await gateway.stop(), 0);
});

Deno.test("[ops 1.7] with --log-format json each line of the log is one flat object", async () => {
  await using box = await ProgramBox.create(PREFIX);
  const gateway = box.start(["--log-format", "JSON"], ENV);
  await gateway.waitFor(/Portal not reached/, START_MS);

  assert.equal(await gateway.stop(), 0);
  for (const line of gateway.lines) {
    const parsed = JSON.parse(line);
    assert.match(parsed.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(parsed.level, /^(?:INFO|WARN)$/);
    assert.equal(typeof parsed.message, "string");
    assert.ok(Object.values(parsed).every((it) => typeof it !== "object"));
  }
});

/** Returns a command line that runs what is appended to it with its output piped into a shell command. It keeps its process id. */
function pipeInto(reader: string): readonly string[] {
  const script = `exec "$@" > >(${reader} >/dev/null 2>&1)`;
  return ["bash", "-c", script, "bash"];
}

import assert from "node:assert/strict";
import { HttpServer } from "../../lib/io/mod.ts";
import { PROGRAM_FROM_SOURCE } from "../../scripts/lab/firezone_lab.ts";
import { LabProcess } from "../../scripts/lab/lab_process.ts";
import { ObservedGateway } from "../status/support.ts";
import { requireTools } from "../support/tools.ts";

const LIMIT_MS = 20_000;
const CLEARED = "\x1b[2J\x1b[3J\x1b[H";

Deno.test("[ops 6] status --watch redraws a terminal, says when the gateway is away, and goes on when it is back", async () => {
  requireTools("script");
  const directory = await Deno.makeTempDir({ prefix: "fz-watch-" });
  const path = `${directory}/gateway.sock`;
  const first = await served(path, "1.2.3");
  const command = watch(path).join(" ");
  const terminal = new LabProcess("terminal", [
    ...["script", "-qec"],
    `sh -c 'echo pid $$; exec ${command}'`,
    "/dev/null",
  ], {});

  try {
    const pid = Number(/\d+/.exec(await terminal.waitFor(/^pid/, LIMIT_MS)));
    const seen = await terminal.waitFor(/1\.2\.3/, LIMIT_MS);
    await first[Symbol.asyncDispose]();
    const away = await terminal.waitFor(/No gateway serves at/, LIMIT_MS);
    await using _second = await served(path, "4.5.6");
    const back = await terminal.waitFor(/4\.5\.6/, LIMIT_MS);
    Deno.kill(pid, "SIGINT");

    assert.equal(await terminal.ended, 0);
    for (const line of [seen, away, back]) assert.ok(line.includes(CLEARED));
  } finally {
    await terminal.stop();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("[ops 6] status --watch into a pipe writes no control characters, and ends well when interrupted", async () => {
  const directory = await Deno.makeTempDir({ prefix: "fz-watch-" });
  const path = `${directory}/gateway.sock`;
  const program = await served(path, "1.2.3");
  const pipe = new LabProcess("pipe", watch(path), {});

  try {
    await pipe.waitFor(/1\.2\.3/, LIMIT_MS);
    await program[Symbol.asyncDispose]();
    await pipe.waitFor(/No gateway serves at/, LIMIT_MS);
    pipe.signal("SIGINT");

    assert.equal(await pipe.ended, 0);
    assert.ok(pipe.lines.every((line) => !line.includes("\x1b")));
  } finally {
    await pipe.stop();
    await Deno.remove(directory, { recursive: true });
  }
});

function watch(path: string): string[] {
  const options = ["status", "--watch", `--control-socket=${path}`];
  return [...PROGRAM_FROM_SOURCE, ...options];
}

/** Serves what a gateway of `version` says of itself. */
async function served(path: string, version: string): Promise<AsyncDisposable> {
  const { observer } = new ObservedGateway({ version });
  const server = await HttpServer.listenOnSocket(
    path,
    async () => Response.json(await observer.status()),
  );
  return { [Symbol.asyncDispose]: () => server.close() };
}

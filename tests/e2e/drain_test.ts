import assert from "node:assert/strict";
import { PROGRAM_FROM_SOURCE } from "../../scripts/lab/firezone_lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { startSecondGateway } from "../support/second_gateway.ts";
import {
  expectNoWarnings,
  type RunningLab,
  startQuietLab,
} from "./recovery_support.ts";

/** A client that is moved to another gateway hears nothing for less than this, in ms. */
const GAP_LIMIT_MS = 1_000;

/** Time between pings, in ms. */
const PING_MS = 10;

const CURL = ["curl", "-sS", "--connect-timeout", "10"];

/** A user who has nothing to do with gateways. */
const NOBODY = 65_534;

/** So many replies through the other gateway show that it carries traffic. */
const STEADY_REPLIES = 50;

/** How long a client and the gateways may take to do what is waited for, in ms. */
const LIMIT_MS = 20_000;

for (const iceless of [false, true]) {
  const mode = iceless ? "without ICE" : "with ICE";

  Deno.test(`[ops 6] ${mode}, a busy client is moved by the end of a drain within a second`, async () => {
    await using lab = await startQuietLab(undefined, iceless);
    const second = await startSecondGateway(lab.demo);
    const ping = await startPing(lab);

    const drain = command(lab, ["drain", "--timeout", "2s"]);
    const gapMs = await gapUntilMoved(lab, second, ping);

    assert.equal(await drain.ended, 0, drain.tail());
    assert.match(drain.lines.join("\n"), /1 client left(?:.|\n)*\nDrained/);
    assert.equal(await lab.gateway.ended, 0);
    console.log(`    longest silence ${gapMs} ms`);
    assert.ok(gapMs < GAP_LIMIT_MS, `${gapMs} ms`);
    expectNoWarnings(lab.gateway, second, lab.client);
  });

  Deno.test(`[ops 1.4] ${mode}, a busy client is moved by SIGTERM within a second`, async () => {
    await using lab = await startQuietLab(undefined, iceless);
    const second = await startSecondGateway(lab.demo);
    const ping = await startPing(lab);

    lab.gateway.signal("SIGTERM");
    const gapMs = await gapUntilMoved(lab, second, ping);

    assert.equal(await lab.gateway.ended, 0);
    console.log(`    longest silence ${gapMs} ms`);
    assert.ok(gapMs < GAP_LIMIT_MS, `${gapMs} ms`);
    expectNoWarnings(lab.gateway, second, lab.client);
  });
}

Deno.test("[ops 6] a drain sends a silent client away early and ends; the client's next request goes to the other gateway", async () => {
  await using lab = await startQuietLab();
  const second = await startSecondGateway(lab.demo);

  const drain = command(lab, ["drain", "--timeout", "60s"]);

  assert.equal(await drain.ended, 0);
  await lab.gateway.waitFor(/Stopping cause=drained/, LIMIT_MS);
  assert.equal(await lab.gateway.ended, 0);
  await lab.demo.lab.must("client", ...CURL, `http://${SITES.web}/`);
  await second.waitFor(/Connection established/, LIMIT_MS);
  expectNoWarnings(lab.gateway, second, lab.client);
});

Deno.test("[ops 6] status shows the client and what it may reach, without secrets; log-level changes the log", async () => {
  await using lab = await startQuietLab();
  const text = await output(command(lab, ["status"]));
  const json = JSON.parse(await output(command(lab, ["status", "--json"])));
  const level = await output(command(lab, ["log-level", "warn"]));
  const wrong = command(lab, ["log-level", "ice=loud"]);
  assert.equal(await wrong.ended, 1);

  const [peer] = json.peers;
  assert.match(text, /^Gateway +\S+, up \S+, ready$/m);
  assert.match(text, /^ {2}may reach Web \(cidr 10\.20\.0\.0\/16\), until /m);
  assert.ok(text.split("\n").every((line) => [...line].length <= 100));
  assert.equal(json.readiness.ready, true);
  assert.equal(json.peers.length, 1);
  assert.equal(peer.connection.path, "direct");
  assert.ok(peer.connection.traffic.bytesReceived > 0);
  assert.ok(peer.authorizations.length >= 1);
  assert.doesNotMatch(
    JSON.stringify(json),
    /token|password|"key|lab-gateway|secret/i,
  );
  assert.equal(level, "Log filter: warn");
  assert.match(wrong.lines.join(), /Cannot read the log directive: ice=loud/);
  const socket = await Deno.stat(lab.demo.controlSocket());
  assert.equal((socket.mode ?? 0) & 0o777, 0o660);
});

Deno.test("[ops 6] commands say when no gateway runs, and when it may not be asked", async () => {
  await using lab = await startQuietLab();
  const withoutRights = [
    ...["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"],
  ];
  await Deno.chown(lab.demo.controlSocket(), NOBODY, NOBODY);

  const forbidden = command(lab, ["status"], withoutRights);
  const code = await forbidden.ended;
  await lab.gateway.stop();
  const absent = command(lab, ["status"]);

  assert.equal(code, 1);
  assert.match(forbidden.lines.join(), /Not allowed to talk to the gateway/);
  assert.equal(await absent.ended, 1);
  assert.match(absent.lines.join(), /No gateway serves at .*start it/);
});

/** Starts a command that talks to the first gateway, behind `launcher` if there is one. */
function command(
  { demo }: RunningLab,
  args: readonly string[],
  launcher: readonly string[] = [],
): LabProcess {
  return demo.lab.spawn(
    "internet",
    "command",
    [...launcher, ...PROGRAM_FROM_SOURCE, ...args],
    { FIREZONE_CONTROL_SOCKET: demo.controlSocket(), NO_COLOR: "1" },
  );
}

async function output(process: LabProcess): Promise<string> {
  assert.equal(await process.ended, 0, process.tail());
  return process.lines.join("\n");
}

/** Pings the resource a hundred times a second; returns once replies come. */
async function startPing({ demo }: RunningLab): Promise<LabProcess> {
  const ping = demo.lab.spawn("client", "ping", [
    ...["stdbuf", "-oL", "ping", "-n", "-D"],
    ...["-i", String(PING_MS / 1_000), SITES.web],
  ]);
  await ping.waitFor(/bytes from/, LIMIT_MS);
  return ping;
}

/** Waits until the second gateway carries pings, and returns the longest time between two replies, in ms. */
async function gapUntilMoved(
  lab: RunningLab,
  second: LabProcess,
  ping: LabProcess,
): Promise<number> {
  await second.waitFor(/Connection established/, LIMIT_MS);
  const movedAt = Date.now();
  const deadline = movedAt + LIMIT_MS;
  const isSteady = () =>
    repliesIn(ping.lines).filter((at) => at > movedAt).length >= STEADY_REPLIES;
  while (!isSteady()) {
    assert.ok(Date.now() < deadline, `${lab.client.tail()}\n${ping.tail(5)}`);
    await new Promise((resolve) => setTimeout(resolve, PING_MS));
  }
  const times = repliesIn(ping.lines);
  return Math.round(
    Math.max(...times.slice(1).map((at, i) => at - (times[i] ?? at))),
  );
}

/** When each reply came, in Unix ms. */
function repliesIn(lines: readonly string[]): number[] {
  return lines.flatMap((line) => {
    const seconds = /^\[(\d+\.\d+)\] \d+ bytes from /.exec(line)?.[1];
    return seconds === undefined ? [] : [Number(seconds) * 1_000];
  });
}

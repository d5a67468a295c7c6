import assert from "node:assert/strict";
import { PROGRAM_FROM_SOURCE } from "../../scripts/lab/firezone_lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { startSecondGateway } from "../support/second_gateway.ts";
import { until } from "../support/until.ts";
import {
  expectNoWarnings,
  type RunningLab,
  startQuietLab,
} from "./recovery_support.ts";

/** Requests before the gateway leaves, and after the client has moved. */
const STEADY_REQUESTS = 20;

const LIMIT_MS = 30_000;

/** Exit codes of curl: the answer was cut short or did not come, or the connection was reset. */
const BROKEN = [18, 52, 56];

/** How the first gateway leaves. */
const LEAVES = [
  {
    name: "a drain",
    leave: ({ demo }: RunningLab) => {
      const args = [...PROGRAM_FROM_SOURCE, "drain", "--timeout", "2s"];
      const FIREZONE_CONTROL_SOCKET = demo.controlSocket();
      demo.lab.spawn("internet", "command", args, { FIREZONE_CONTROL_SOCKET });
    },
  },
  {
    name: "SIGTERM",
    leave: ({ gateway }: RunningLab) => gateway.signal("SIGTERM"),
  },
] as const;

for (const { name, leave } of LEAVES) {
  Deno.test(`[ops 6] HTTP requests in a row succeed while ${name} moves their client, but one under way at that moment and a download break at once`, async () => {
    await using lab = await startQuietLab();
    const second = await startSecondGateway(lab.demo);
    const download = startDownload(lab);
    const requests = startRequests(lab);
    const answered = () => resultsOf(requests).length;
    await until(() => answered() >= STEADY_REQUESTS, LIMIT_MS);

    leave(lab);
    await second.waitFor(/Connection established/, LIMIT_MS);
    const before = answered();
    await until(() => answered() >= before + STEADY_REQUESTS, LIMIT_MS);
    const brokenBy = await download.ended;
    await requests.stop();

    const results = resultsOf(requests);
    const failed = results.filter(({ code }) => code !== 0);
    const longestS = Math.max(...results.map(({ tookS }) => tookS));
    console.log(
      `    ${results.length} requests, ${failed.length} failed, ` +
        `the longest took ${longestS} s; the download ended with ${brokenBy}`,
    );
    // The resource knows a connection by the address of the gateway that has left.
    assert.ok(failed.length <= 1, `${failed.length} failed`);
    const codes = [brokenBy, ...failed.map(({ code }) => code)];
    assert.ok(codes.every((it) => BROKEN.includes(it)), `curl: ${codes}`);
    expectNoWarnings(lab.gateway, second, lab.client);
  });
}

/** One request after the other, each by a connection of its own. */
function startRequests({ demo }: RunningLab): LabProcess {
  const request = `curl -s -m 10 -o /dev/null -w %{time_total} ${url("")}`;
  return demo.lab.spawn("client", "requests", [
    ...["sh", "-c"],
    `while :; do s=$(${request}); echo "result $? $s"; sleep 0.02; done`,
  ]);
}

/** A download that would take a minute. */
function startDownload({ demo }: RunningLab): LabProcess {
  return demo.lab.spawn("client", "download", [
    ...["curl", "-sS", "-m", "60", "--limit-rate", "1M", "-o", "/dev/null"],
    url("bytes/60000000"),
  ]);
}

function url(path: string): string {
  return `http://${SITES.web}/${path}`;
}

interface RequestResult {
  /** What curl ended with. */
  readonly code: number;
  readonly tookS: number;
}

function resultsOf({ lines }: LabProcess): RequestResult[] {
  return lines.map((line) => /result (\d+) (\S+)/.exec(line))
    .filter((found) => found !== null)
    .map(([, code, tookS]) => ({ code: Number(code), tookS: Number(tookS) }));
}

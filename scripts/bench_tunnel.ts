/**
 * Measures our gateway and client, direct, relayed and by name, beside
 * wireguard-go and beside no tunnel at all: same network, same MTU, same run,
 * one after the other, each round beginning with another one. Prints a table
 * and which goals are met, and writes tunnel.json and tunnel.svg to
 * dist/bench/, or with --publish to docs/bench/.
 *
 * Needs root. The current wireguard-go takes a Go toolchain and its module
 * proxy; without, Debian's is what ratios refer to.
 */
import { buildBundle, buildProgram } from "./bench/build_program.ts";
import { startContenders } from "./bench/contenders.ts";
import { describeRun } from "./bench/machine.ts";
import { measure, warmUp } from "./bench/measure.ts";
import type { Sample } from "./bench/metrics.ts";
import {
  type BenchOptions,
  type ContenderId,
  parseOptions,
  USAGE,
} from "./bench/options.ts";
import { report } from "./bench/report.ts";
import { runToEnd } from "./bench/run.ts";
import { turnsOf } from "./bench/turns.ts";
import { PROGRAM_FROM_SOURCE } from "./lab/firezone_lab.ts";

/** The command lines of ours, which may have to be built first. */
const PROGRAMS = {
  source: () => Promise.resolve(PROGRAM_FROM_SOURCE),
  bundled: buildBundle,
  compiled: buildProgram,
};

const options = parseOptions(Deno.args);
if (typeof options === "string") {
  console.error(`${options}\n\n${USAGE}`);
  Deno.exit(2);
}
await runToEnd((stack) => run(options, stack));

async function run(
  options: BenchOptions,
  stack: AsyncDisposableStack,
): Promise<void> {
  const { rounds } = options;
  const circumstances = await describeRun(options);
  const begin = performance.now();
  const say = (line: string) => {
    const seconds = Math.round((performance.now() - begin) / 1e3);
    console.log(`${String(seconds).padStart(4)} s  ${line}`);
  };
  if (options.program !== "source") say("Building our program");
  const program = await PROGRAMS[options.program]();
  say("Starting the contenders");
  const contenders = await startContenders(
    options.contenders,
    program,
    stack,
    say,
  );
  const samples = new Map<ContenderId, Sample[]>();
  for (const contender of contenders) {
    say(`Warming up: ${contender.name}`);
    samples.set(contender.id, [await warmUp(contender)]);
  }
  for (const { round, place, contender } of turnsOf(contenders, rounds)) {
    const at = `Round ${round} of ${rounds}, ${place} of ${contenders.length}`;
    say(`${at}: ${contender.name}`);
    const sample = await measure(contender, options, say);
    samples.get(contender.id)?.push(sample);
  }
  say("Done");
  const results = contenders.map(({ id, name }) => ({
    ...{ id, name, rounds: samples.get(id) ?? [] },
  }));
  await report(options, results, circumstances);
}

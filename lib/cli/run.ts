import { COMMANDS } from "./commands.ts";
import { describeCrash, watchForCrash } from "./crash.ts";
import { noticesOf } from "./environment_notices.ts";
import { renderFindings } from "./examine.ts";
import { EXIT_FAILED, EXIT_STOPPED, EXIT_USAGE } from "./exit_code.ts";
import { GATEWAY_COMMAND } from "./gateway_command.ts";
import { renderHelp } from "./help.ts";
import type { Environment } from "./installation.ts";
import { type Launch, prepareLaunch } from "./launch.ts";
import { LogFilter } from "./log_filter.ts";
import { LogSink } from "./log_sink.ts";
import { metricsNotices } from "./metrics_settings.ts";
import type { Process } from "./node_runner.ts";
import { type CommandSpec, type Parsed, parseOptions } from "./options.ts";
import { Output } from "./output.ts";
import { prepareTool } from "./run_tool.ts";
import { type LogSettings, SettingsReader } from "./settings.ts";
import { REAL_FILES, UNTOUCHED_FILES } from "./state_files.ts";
import { VERSION } from "./version.ts";

const PROGRAM = "firezone-gateway";

/** Runs the program with its command-line arguments and returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const output = new Output();
  try {
    return await dispatch(args, output);
  } catch (error) {
    complainTo(output)(describeCrash(error));
    return EXIT_FAILED;
  } finally {
    await output.flush();
  }
}

async function dispatch(
  args: readonly string[],
  output: Output,
): Promise<number> {
  const named = COMMANDS.find((it) =>
    it.command !== "" && it.command === args[0]
  );
  const spec = named ?? GATEWAY_COMMAND;
  const environment: Environment = (name) => Deno.env.get(name);
  const parsed = parseOptions(spec, named ? args.slice(1) : args, environment);
  switch (parsed.kind) {
    case "help": {
      const others = spec === GATEWAY_COMMAND ? COMMANDS.slice(1) : [];
      output.print(renderHelp(PROGRAM, spec, others));
      return EXIT_STOPPED;
    }
    case "version":
      output.print(`${PROGRAM} ${VERSION}`);
      return EXIT_STOPPED;
    case "settings":
      return await start(spec, parsed, environment, output);
  }
}

async function start(
  spec: CommandSpec,
  { settings: raw, sources, problems: flagProblems }: Parsed & {
    kind: "settings";
  },
  environment: Environment,
  output: Output,
): Promise<number> {
  const complain = complainTo(output);
  const reader = new SettingsReader(raw, sources);
  const tool = prepareTool(spec, raw, reader, environment);
  if (tool) {
    const problems = [...flagProblems, ...reader.problems];
    problems.forEach(complain);
    return problems.length > 0
      ? EXIT_USAGE
      : await tool({ print: (line) => output.print(line), complain });
  }
  const log = reader.log();
  const launch = prepareLaunch(spec, { raw, reader, environment });
  const isCheck = reader.flag("check");
  const notices = [
    ...noticesOf(Object.keys(Deno.env.toObject()), COMMANDS),
    ...metricsNotices(reader),
  ];
  notices.forEach(complain);
  const problems = [...flagProblems, ...reader.problems];
  problems.forEach(complain);
  if (problems.length > 0) return EXIT_USAGE;
  if (isCheck) return await check(launch, output);

  const { findings, run } = launch.examine(REAL_FILES);
  for (const { notice, fault } of findings) {
    if (notice) complain(notice);
    if (fault) complain(fault);
  }
  return run ? await run(processOf(log, output)) : EXIT_FAILED;
}

/** Prints what was found about settings and host. */
async function check(launch: Launch, output: Output): Promise<number> {
  const { findings } = launch.examine(UNTOUCHED_FILES);
  const all = [
    { subject: "settings", detail: "can be used" },
    ...findings,
    ...await launch.examineHost(),
  ];
  for (const line of renderFindings(all)) output.print(line);
  return all.some(({ fault }) => fault) ? EXIT_FAILED : EXIT_STOPPED;
}

function processOf(
  { thresholds, format }: LogSettings,
  output: Output,
): Process {
  const filter = new LogFilter(thresholds);
  const { isColoured } = output;
  const sink = new LogSink({
    ...{ filter, format, isColoured },
    write: (line) => output.print(line),
  });
  output.onLost((lines) => sink.noteLost(lines));
  const log = sink.logger("cli");
  Deno.addSignalListener("SIGUSR2", () => {
    const now = filter.toggleDebug();
    log.log("info", "Log filter changed", { cause: "SIGUSR2", filter: now });
  });

  const { promise: stopRequested, resolve } = Promise.withResolvers<string>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => resolve(signal));
  }
  return {
    sink,
    filter,
    complain: complainTo(output),
    stopRequested,
    crashed: watchForCrash(log, () => Deno.exit(EXIT_FAILED)),
  };
}

function complainTo(output: Output): (sentence: string) => void {
  return (sentence) => output.complain(`${PROGRAM}: ${sentence}`);
}

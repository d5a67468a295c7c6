import { hostname } from "node:os";
import { holdsNetAdmin } from "../io/mod.ts";
import {
  CLIENT_COMMAND,
  COMMANDS,
  GATEWAY_COMMAND,
  PORTAL_COMMAND,
  RELAY_COMMAND,
} from "./commands.ts";
import { EXIT_FAILED, EXIT_STOPPED, EXIT_USAGE } from "./exit_code.ts";
import { NEEDS_CAPABILITY } from "./fatal.ts";
import { findIdentity, findToken, REAL_FILES } from "./identity.ts";
import type { Environment, Installation } from "./installation.ts";
import { LogSink } from "./log_sink.ts";
import { type Process, runNode } from "./node_runner.ts";
import {
  type CommandSpec,
  parseOptions,
  type RawSettings,
  renderHelp,
} from "./options.ts";
import { clientRole } from "./run_client.ts";
import { gatewayRole } from "./run_gateway.ts";
import { runPortal } from "./run_portal.ts";
import { relayRole } from "./run_relay.ts";
import { type LogSettings, SettingsReader } from "./settings.ts";
import { VERSION } from "./version.ts";

const PROGRAM = "firezone-gateway";

/** Runs the program with its command-line arguments and returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const named = COMMANDS.find((it) =>
    it.command !== "" && it.command === args[0]
  );
  const spec = named ?? GATEWAY_COMMAND;
  const environment: Environment = (name) => Deno.env.get(name);
  const parsed = parseOptions(spec, named ? args.slice(1) : args, environment);
  switch (parsed.kind) {
    case "help":
      console.log(
        renderHelp(
          PROGRAM,
          spec,
          spec === GATEWAY_COMMAND ? COMMANDS.slice(1) : [],
        ),
      );
      return EXIT_STOPPED;
    case "version":
      console.log(`${PROGRAM} ${VERSION}`);
      return EXIT_STOPPED;
    case "settings":
      return await start(spec, parsed.settings, parsed.problems, environment);
  }
}

async function start(
  spec: CommandSpec,
  raw: RawSettings,
  flagProblems: readonly string[],
  environment: Environment,
): Promise<number> {
  const reader = new SettingsReader(raw);
  const logSettings = reader.log();
  const role = roleOf(spec, raw, reader, environment);
  const problems = [...flagProblems, ...reader.problems];
  if (problems.length > 0) {
    problems.forEach(complain);
    return EXIT_USAGE;
  }
  if (typeof role === "string") {
    complain(role);
    return EXIT_FAILED;
  }
  return await role(processOf(logSettings));
}

/** A role that is ready to run, or the sentence that says why it is not. */
type Ready = string | ((process: Process) => Promise<number>);

function roleOf(
  spec: CommandSpec,
  raw: RawSettings,
  reader: SettingsReader,
  environment: Environment,
): Ready {
  if (spec === PORTAL_COMMAND) {
    const settings = reader.portalServer();
    return (process) => runPortal(settings, process);
  }
  const portal = reader.portal();
  const relay = spec === RELAY_COMMAND ? reader.relay() : undefined;
  const client = spec === CLIENT_COMMAND ? reader.client() : undefined;
  const flowLogs = reader.flowLogs();
  const cryptoWorkers = reader.cryptoWorkers();
  const unwritable = [flowLogs.file, flowLogs.spool].find(isOutOfReach);
  if (unwritable !== undefined) return refuseFlowLogs(unwritable);
  const needsCapability = !relay && !reader.flag("no-check");
  if (reader.problems.length > 0) return "";

  if (needsCapability && !holdsNetAdmin()) {
    return NEEDS_CAPABILITY;
  }
  const token = findToken(
    raw.get("token"),
    environment("CREDENTIALS_DIRECTORY"),
    REAL_FILES,
  );
  if (!token) {
    return "Cannot start without a token: set FIREZONE_TOKEN to the token that the portal shows";
  }
  if (relay) {
    return (process) => runNode(relayRole(portal, relay, token), process);
  }

  const identity = findIdentity(
    portal.id,
    REAL_FILES,
    () => crypto.randomUUID(),
  );
  if (typeof identity !== "string") return identity.problem;
  const installation: Installation = {
    apiUrl: portal.apiUrl,
    identity,
    name: portal.name ?? hostName(),
    token,
    maxPartitionMs: portal.maxPartitionMs,
    cryptoWorkers,
    environment,
  };
  return client
    ? (process) => runNode(clientRole(installation, client), process)
    : (process) => runNode(gatewayRole(installation, flowLogs), process);
}

function processOf(logSettings: LogSettings): Process {
  const { promise: stopRequested, resolve } = Promise.withResolvers<string>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => resolve(signal));
  }
  return {
    sink: new LogSink(logSettings.thresholds, logSettings.format),
    logSettings,
    complain,
    stopRequested,
  };
}

function complain(sentence: string): void {
  console.error(`${PROGRAM}: ${sentence}`);
}

function hostName(): string {
  try {
    return hostname();
  } catch {
    return crypto.randomUUID();
  }
}

/** Tells whether this program was built, or started, without the right to write to a path. */
function isOutOfReach(path: string | undefined): boolean {
  if (path === undefined || path === "-") return false;
  return Deno.permissions.querySync({ name: "write", path }).state !==
    "granted";
}

function refuseFlowLogs(path: string): string {
  return `Cannot write flow logs to ${path}: use a path below /var/log or ` +
    "/var/lib/firezone, or - for standard output";
}

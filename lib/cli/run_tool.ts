import { askGateway, type ControlAnswer, ControlError } from "../io/mod.ts";
import type { GatewayStatus } from "../status/mod.ts";
import { EXIT_FAILED, EXIT_STOPPED } from "./exit_code.ts";
import { readControlSocket, readTunName } from "./gateway_settings.ts";
import type { Environment } from "./installation.ts";
import type { CommandSpec, RawSettings } from "./options.ts";
import type { Output } from "./output.ts";
import { prepareDoctor } from "./run_doctor.ts";
import type { SettingsReader } from "./settings.ts";
import { renderStatus } from "./status_text.ts";
import {
  DOCTOR_COMMAND,
  DRAIN_COMMAND,
  LOG_LEVEL_COMMAND,
  STATUS_COMMAND,
} from "./tool_commands.ts";

/** Time between two looks at a gateway, in ms. */
const INTERVAL_MS = 1_000;

/** How long clients may stay in a drain unless told otherwise, in ms. */
const DRAIN_TIMEOUT_MS = 300_000;

/** Clears the terminal and its history, and goes to its upper left corner (ECMA-48 §8.3.39 and §8.3.21). */
const CLEAR = "\x1b[2J\x1b[3J\x1b[H";

/** A command that talks to a running gateway. Returns the exit code. */
export type Tool = (output: ToolOutput) => Promise<number>;

/** Where a tool prints. */
export interface ToolOutput extends Pick<Output, "print"> {
  /** Prints a sentence for a person. */
  readonly complain: (sentence: string) => void;
}

/** Reads the settings of a command that talks to a running gateway; `undefined` for any other. */
export function prepareTool(
  spec: CommandSpec,
  raw: RawSettings,
  reader: SettingsReader,
  environment: Environment,
): Tool | undefined {
  if (spec === DOCTOR_COMMAND) return prepareDoctor(raw, reader, environment);
  const tool = toolOf(spec, raw, reader);
  if (!tool) return undefined;
  const path = readControlSocket(reader, readTunName(reader), environment);
  return async (output) => {
    try {
      return await tool(path, output);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      output.complain(explainControl(error, path));
      return EXIT_FAILED;
    }
  };
}

type Render = (status: GatewayStatus) => string;

type PathTool = (path: string, output: ToolOutput) => Promise<number>;

function toolOf(
  spec: CommandSpec,
  raw: RawSettings,
  reader: SettingsReader,
): PathTool | undefined {
  switch (spec) {
    case STATUS_COMMAND: {
      const render = reader.flag("json") ? renderJson : renderStatus;
      if (!reader.flag("watch")) {
        return (path, output) => showStatus(path, output, render);
      }
      const clears = render === renderStatus && Deno.stdout.isTerminal();
      return (path, output) => watchStatus(path, output, { render, clears });
    }
    case DRAIN_COMMAND: {
      const timeoutMs = reader.duration("timeout") ?? DRAIN_TIMEOUT_MS;
      return (path, output) => drain(path, output, timeoutMs);
    }
    case LOG_LEVEL_COMMAND: {
      const directives = raw.get("directives") ?? "";
      return (path, output) => setLogLevel(path, output, directives);
    }
    default:
      return undefined;
  }
}

function renderJson(status: GatewayStatus): string {
  return JSON.stringify(status);
}

/** Shows the status once. */
async function showStatus(
  path: string,
  output: ToolOutput,
  render: Render,
): Promise<number> {
  output.print(render(await statusOf(path)));
  return EXIT_STOPPED;
}

/** Shows the status again and again until interrupted, however often the gateway starts anew. */
async function watchStatus(
  path: string,
  output: ToolOutput,
  { render, clears }: { readonly render: Render; readonly clears: boolean },
): Promise<number> {
  const interrupted = interruption();
  // A gateway that was never there is a mistake.
  let status: GatewayStatus | ControlError = await statusOf(path);
  for (;;) {
    if (!(status instanceof ControlError)) {
      output.print((clears ? CLEAR : "") + render(status));
    } else if (clears) output.print(CLEAR + explainControl(status, path));
    else output.complain(explainControl(status, path));
    if (await Promise.race([interrupted, pause()])) return EXIT_STOPPED;
    status = await statusOf(path).catch(controlErrorOf);
  }
}

/** Returns a problem of the control socket as a value. */
function controlErrorOf(error: unknown): ControlError {
  if (error instanceof ControlError) return error;
  throw error;
}

/** Settles once somebody wants the program to end. */
function interruption(): Promise<true> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => resolve(true));
    }
  });
}

async function drain(
  path: string,
  output: ToolOutput,
  timeoutMs: number,
): Promise<number> {
  const body = JSON.stringify({ timeoutMs });
  const answer = await askGateway(path, "/drain", { method: "POST", body });
  if (answer.status !== 202) return refuse(answer, output);
  let shown = "";
  for (;;) {
    const status = await statusWhileThere(path);
    if (!status) break;
    const left = status.drain?.clientsLeft ?? 0;
    const seconds = Math.ceil(
      Math.max(0, (status.drain?.until ?? 0) - status.now) / 1_000,
    );
    const line = `Draining: ${left} ${left === 1 ? "client" : "clients"} left`;
    if (line !== shown) output.print(`${line}, at most ${seconds} s`);
    shown = line;
    await pause();
  }
  output.print("Drained: the gateway has ended");
  return EXIT_STOPPED;
}

async function setLogLevel(
  path: string,
  output: ToolOutput,
  directives: string,
): Promise<number> {
  const request = { method: "POST", body: directives };
  const answer = await askGateway(path, "/log-filter", request);
  if (answer.status !== 200) return refuse(answer, output);
  output.print(
    directives === ""
      ? "Log filter: as configured"
      : `Log filter: ${directives}`,
  );
  return EXIT_STOPPED;
}

async function statusOf(path: string): Promise<GatewayStatus> {
  const answer = await askGateway(path, "/status");
  if (answer.status !== 200) {
    throw new ControlError(path, "broken", answer.text.trim());
  }
  return JSON.parse(answer.text);
}

/** Returns `undefined` once the gateway has ended. */
async function statusWhileThere(
  path: string,
): Promise<GatewayStatus | undefined> {
  try {
    return await statusOf(path);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    return undefined;
  }
}

function refuse({ text }: ControlAnswer, output: ToolOutput): number {
  output.complain(text.trim());
  return EXIT_FAILED;
}

/** Returns the sentence for a gateway that cannot be asked. */
export function explainControl(
  { obstacle, message }: ControlError,
  path: string,
): string {
  switch (obstacle) {
    case "absent":
      return `No gateway serves at ${path}: start it, or name its socket with --control-socket`;
    case "forbidden":
      return `Not allowed to talk to the gateway at ${path}: run as the gateway's user or a member of its group, or as root`;
    case "broken":
      return message;
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
}

import type { Lab } from "../../scripts/lab/lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import { requireTools } from "./tools.ts";

const PYTHON = "/usr/bin/python3";
const GRPC = "/usr/lib/python3/dist-packages/grpc/__init__.py";
const DRIVER = new URL("./otlp_collector.py", import.meta.url).pathname;
const SCHEMA = new URL("./otlp_subset.proto", import.meta.url).pathname;

/** Where it listens in its box, on 127.0.0.1. */
export const OTLP_HTTP_PORT = 4_318;
export const OTLP_GRPC_PORT = 4_317;

const START_MS = 10_000;

/** A message as `protoc` prints it: texts, numbers as texts, and messages, by name. */
export interface DecodedMessage {
  readonly [field: string]: (string | DecodedMessage)[];
}

/** An export that the collector accepted. */
export interface Export {
  /** How it came. */
  readonly protocol: "http" | "grpc";
  /** What proves who sent it. */
  readonly authorization: string | null;
  /** The attributes of the sender. */
  readonly resource: Readonly<Record<string, string>>;
  /** Metrics by name. */
  readonly metrics: ReadonlyMap<string, ExportedMetric>;
}

/** One metric of an export. */
export interface ExportedMetric {
  readonly kind: "gauge" | "counter" | "histogram";
  readonly unit: string;
  /** The points of a gauge or counter: their values by label values, joined. */
  readonly values: Readonly<Record<string, number>>;
  /** The message, for what is not above. */
  readonly raw: DecodedMessage;
}

/** An OpenTelemetry collector that shares no code with us: Python's gRPC and HTTP servers, and `protoc`. */
export class OtlpCollector {
  readonly process: LabProcess;

  private constructor(process: LabProcess) {
    this.process = process;
  }

  /** Starts it in a box. What it takes is kept in `directory`; it refuses the first exports. */
  static async start(
    lab: Lab,
    box: string,
    directory: string,
    { refused = 0 } = {},
  ): Promise<OtlpCollector> {
    requireTools(PYTHON, GRPC, "protoc");
    const process = lab.spawn(box, "collector", [
      ...[PYTHON, "-u", DRIVER],
      ...[OTLP_HTTP_PORT, OTLP_GRPC_PORT, directory, refused].map(String),
    ]);
    await process.waitFor(/^Collecting$/, START_MS);
    return new OtlpCollector(process);
  }

  /** How many exports it has accepted. */
  get count(): number {
    return this.process.lines.filter((line) => line.startsWith("{")).length;
  }

  /** Returns the export of this number, counted from 0; the last for -1. */
  async read(number: number): Promise<Export> {
    const lines = this.process.lines.filter((line) => line.startsWith("{"));
    const { path, protocol, authorization } = JSON.parse(
      lines.at(number) ?? "",
    );
    const { resources: [it] = [] } = await decode(path);
    const { resource: [resource] = [], scopes: [scope] = [] } = message(it);
    return {
      protocol,
      authorization,
      resource: attributesOf(message(resource)["attributes"]),
      metrics: new Map(
        (message(scope)["metrics"] ?? []).map(message)
          .map((raw) => [textOf(raw["name"]), metricOf(raw)]),
      ),
    };
  }
}

function metricOf(raw: DecodedMessage): ExportedMetric {
  const kind = raw["gauge"]
    ? "gauge"
    : raw["counter"]
    ? "counter"
    : "histogram";
  const [data] = raw[kind] ?? [];
  const points = kind === "histogram" ? [] : message(data)["points"] ?? [];
  const values = points.map(message).map(({ value, attributes }) => [
    Object.values(attributesOf(attributes)).join(),
    Number(textOf(value) || 0),
  ]);
  const unit = textOf(raw["unit"]);
  return { kind, unit, values: Object.fromEntries(values), raw };
}

function attributesOf(
  attributes: DecodedMessage[string] = [],
): Record<string, string> {
  return Object.fromEntries(
    attributes.map(message).map(({ key, value }) => [
      textOf(key),
      textOf(message(value?.[0])["text"]),
    ]),
  );
}

async function decode(path: string): Promise<DecodedMessage> {
  const slash = SCHEMA.lastIndexOf("/");
  const child = new Deno.Command("protoc", {
    args: [
      "--decode=Export",
      `--proto_path=${SCHEMA.slice(0, slash)}`,
      SCHEMA.slice(slash + 1),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(await Deno.readFile(path));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).split("\n");
  return parse(lines.values());
}

/** Reads the text format of one message, up to the brace that closes it. */
function parse(lines: Iterator<string>): DecodedMessage {
  const fields: Record<string, (string | DecodedMessage)[]> = {};
  for (let line = lines.next(); !line.done; line = lines.next()) {
    const text = line.value.trim();
    if (text === "}") break;
    const opened = /^(\w+) \{$/.exec(text)?.[1];
    const [, name = "", value = ""] = /^(\w+): (.*)$/.exec(text) ?? [];
    if (opened) (fields[opened] ??= []).push(parse(lines));
    else if (name) (fields[name] ??= []).push(value.replace(/^"(.*)"$/, "$1"));
  }
  return fields;
}

/** Takes a field for a message, which its place in the schema makes it. */
export function message(
  field: string | DecodedMessage | undefined,
): DecodedMessage {
  return typeof field === "object" ? field : {};
}

/** Takes the first value of a field for a text or number. */
export function textOf(field: DecodedMessage[string] | undefined): string {
  return typeof field?.[0] === "string" ? field[0] : "";
}

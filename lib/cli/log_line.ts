import type { LogFields, LogLevel, LogValue } from "../base/mod.ts";

/** How log lines look. */
export type LogFormat = "human" | "json";

/** One log line, as it also crosses from the worker. */
export interface LogLine {
  /** How important. */
  readonly level: LogLevel;
  /** Which part of the program. */
  readonly target: string;
  /** Constant text. */
  readonly message: string;
  /** Values. */
  readonly fields: LogFields;
}

/** Select Graphic Rendition, ECMA-48: colours that Firezone's gateway has, too. */
const COLOURS: Readonly<Record<LogLevel, number>> = {
  trace: 35,
  debug: 34,
  info: 32,
  warn: 33,
  error: 31,
};
const DIM = 2;

/** Members of a JSON line that are no fields. */
const RESERVED: readonly string[] = ["time", "level", "target", "message"];

/** Returns a line for people (operations spec §1.7); `isColoured` for terminals. */
export function renderHuman(
  time: string,
  { level, target, message, fields }: LogLine,
  isColoured: boolean,
): string {
  const paint = isColoured
    ? (code: number, text: string) => `\x1b[${code}m${text}\x1b[0m`
    : (_code: number, text: string) => text;
  const values = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${renderValue(value)}`);
  const shownLevel = paint(COLOURS[level], level.toUpperCase().padStart(5));
  return `${paint(DIM, time)} ${shownLevel} ${paint(DIM, `${target}:`)} ` +
    message + values.join("");
}

/** Returns a line for machines: one flat object. A field named as one of its own members gets a trailing `_`. */
export function renderJson(
  time: string,
  { level, target, message, fields }: LogLine,
): string {
  const line: Record<string, LogValue> = {
    time,
    level: level.toUpperCase(),
    target,
    message,
  };
  for (const [name, value] of Object.entries(fields)) {
    line[RESERVED.includes(name) ? `${name}_` : name] = value;
  }
  return quote(line);
}

/** Text with blanks or characters that do not show is quoted, so that a value can forge neither a field nor a line. */
function renderValue(value: LogValue): string {
  if (typeof value === "object") return quote(value);
  return typeof value === "string" && !/^[^\s"\p{Cc}\p{Cf}]+$/u.test(value)
    ? quote(value)
    : String(value);
}

/** Returns `value` as JSON, in which what a terminal would obey or hide is escaped: JSON itself leaves most of that as it is. */
function quote(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const units = Array.from(
    { length: character.length },
    (_, i) => character.charCodeAt(i).toString(16).padStart(4, "0"),
  );
  return units.map((unit) => `\\u${unit}`).join("");
}

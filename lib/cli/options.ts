import { nearest } from "./nearest.ts";

/** One setting that a person can make by flag or by environment variable. */
export interface OptionSpec {
  /** Long flag without dashes, also the name of the setting. */
  readonly name: string;
  /** One-letter flag. */
  readonly short?: string;
  /** Environment variable; the flag beats it. An empty variable counts as unset. */
  readonly env?: string;
  /** What the value is, for the help text. Absent for a switch. */
  readonly value?: string;
  /** What it does. */
  readonly help: string;
  /** Value that holds when nobody sets one, for the help text. */
  readonly fallback?: string;
}

/** Options that belong together in the help text. */
export interface OptionGroup {
  /** Heading. */
  readonly title: string;
  /** The options. */
  readonly options: readonly OptionSpec[];
}

/** What a role can be told on the command line. */
export interface CommandSpec {
  /** Sub-command; empty for the gateway itself. */
  readonly command: string;
  /** What it is, in a sentence. */
  readonly summary: string;
  /** What it can be told, in the order of the help text. */
  readonly groups: readonly OptionGroup[];
  /** Name of the one positional argument that it takes. */
  readonly positional?: OptionSpec;
  /** Command lines to learn from. */
  readonly examples: readonly string[];
  /** What somebody new to the program should read, line by line. */
  readonly guide?: readonly string[];
}

/** The settings as given, unread. Switches hold `true` or `false`. */
export type RawSettings = ReadonlyMap<string, string>;

/** Where each setting comes from: the variable, or the flag with its dashes. */
export type Sources = ReadonlyMap<string, string>;

/** What the command line asks for. */
export type Parsed =
  | {
    readonly kind: "settings";
    readonly settings: RawSettings;
    readonly sources: Sources;
    readonly problems: readonly string[];
  }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

/** Returns all options of a command, without its positional argument. */
export function optionsOf({ groups }: CommandSpec): readonly OptionSpec[] {
  return groups.flatMap(({ options }) => options);
}

/**
 * Reads flags and environment into settings. Reports all problems, not the first.
 *
 * `environment` looks a variable up.
 */
export function parseOptions(
  spec: CommandSpec,
  args: readonly string[],
  environment: (name: string) => string | undefined,
): Parsed {
  const options = optionsOf(spec);
  const settings = new Map<string, string>();
  const sources = new Map<string, string>();
  const known = spec.positional ? [...options, spec.positional] : options;
  for (const { name, env } of known) {
    const value = env === undefined ? undefined : environment(env);
    if (env === undefined || !value) continue;
    settings.set(name, value);
    sources.set(name, env);
  }

  const problems: string[] = [];
  const rest = [...args];
  let isOptionsOver = false;
  let hasPositional = false;
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const isFlag = !isOptionsOver && arg.startsWith("-") && arg !== "-";
    if (!isFlag) {
      // A positional may be a secret, so it is not repeated here.
      if (!spec.positional || hasPositional) {
        problems.push("Cannot use more arguments than one (see --help)");
      } else if (arg !== "") settings.set(spec.positional.name, arg);
      hasPositional = true;
    } else if (arg === "--") isOptionsOver = true;
    else if (arg === "--help" || arg === "-h") return { kind: "help" };
    else if (arg === "--version" || arg === "-V") return { kind: "version" };
    else {
      const problem = takeFlag(options, arg, rest, settings, sources);
      if (problem) problems.push(problem);
    }
  }
  return { kind: "settings", settings, sources, problems };
}

function takeFlag(
  options: readonly OptionSpec[],
  arg: string,
  rest: string[],
  settings: Map<string, string>,
  sources: Map<string, string>,
): string | undefined {
  const { flag, inline } = splitFlag(arg);
  const option = options.find((it) =>
    flag === `--${it.name}` || flag === `-${it.short}`
  );
  if (!option) return `Unknown option: ${flag}${suggestion(options, flag)}`;
  sources.set(option.name, flag);
  if (option.value === undefined) {
    settings.set(option.name, inline ?? "true");
    return undefined;
  }
  const value = inline ?? takeValue(rest);
  if (value === undefined) {
    return `Option needs a value: ${flag} <${option.value}>`;
  }
  // Like an empty variable, an empty value is none.
  if (value === "") settings.delete(option.name);
  else settings.set(option.name, value);
  return undefined;
}

/** Takes apart `--flag=value`, `-f=value` and `-fvalue`. */
function splitFlag(
  arg: string,
): { readonly flag: string; readonly inline: string | undefined } {
  const [, flag = arg, inline] = arg.startsWith("--")
    ? /^(--[^=]+)=(.*)$/s.exec(arg) ?? []
    : /^(-.)=?(.+)$/su.exec(arg) ?? [];
  return { flag, inline };
}

/** What looks like a flag is one that follows, not the value: a value of that look needs `=`. */
function takeValue(rest: string[]): string | undefined {
  const [next] = rest;
  const isValue = next !== undefined && (!next.startsWith("-") || next === "-");
  return isValue ? rest.shift() : undefined;
}

function suggestion(options: readonly OptionSpec[], flag: string): string {
  const flags = options.map(({ name }) => `--${name}`);
  const near = flags.find((it) => it.startsWith(flag) || flag.startsWith(it)) ??
    nearest(flag, flags);
  return near ? ` (did you mean ${near}?)` : " (see --help)";
}

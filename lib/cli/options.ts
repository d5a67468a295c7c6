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

/** What a role can be told on the command line. */
export interface CommandSpec {
  /** Sub-command; empty for the gateway itself. */
  readonly command: string;
  /** What it is, in a sentence. */
  readonly summary: string;
  /** Its settings. */
  readonly options: readonly OptionSpec[];
  /** Name of the one positional argument that it takes. */
  readonly positional?: OptionSpec;
  /** Command lines to learn from. */
  readonly examples: readonly string[];
}

/** The settings as given, unread. Switches hold `true` or `false`. */
export type RawSettings = ReadonlyMap<string, string>;

/** What the command line asks for. */
export type Parsed =
  | {
    readonly kind: "settings";
    readonly settings: RawSettings;
    readonly problems: readonly string[];
  }
  | { readonly kind: "help" }
  | { readonly kind: "version" };

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
  const settings = new Map<string, string>();
  const problems: string[] = [];
  const known = spec.positional
    ? [...spec.options, spec.positional]
    : spec.options;
  for (const option of known) {
    const value = option.env === undefined
      ? undefined
      : environment(option.env);
    if (value !== undefined && value !== "") settings.set(option.name, value);
  }

  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--help" || arg === "-h") return { kind: "help" };
    if (arg === "--version" || arg === "-V") return { kind: "version" };
    const problem = arg.startsWith("-") && arg !== "-"
      ? takeFlag(spec, arg, rest, settings)
      : takePositional(spec, arg, settings);
    if (problem) problems.push(problem);
  }
  return { kind: "settings", settings, problems };
}

function takeFlag(
  spec: CommandSpec,
  arg: string,
  rest: string[],
  settings: Map<string, string>,
): string | undefined {
  const [, flag = arg, inline] = /^(--[^=]+)=(.*)$/s.exec(arg) ?? [];
  const option = spec.options.find((it) =>
    flag === `--${it.name}` || flag === `-${it.short}`
  );
  if (!option) return `Unknown option: ${flag}${suggestion(spec, flag)}`;
  if (option.value === undefined) {
    settings.set(option.name, inline ?? "true");
    return undefined;
  }
  const value = inline ?? rest.shift();
  if (value === undefined) {
    return `Option needs a value: ${flag} <${option.value}>`;
  }
  settings.set(option.name, value);
  return undefined;
}

function takePositional(
  spec: CommandSpec,
  arg: string,
  settings: Map<string, string>,
): string | undefined {
  if (!spec.positional) return `Unexpected argument: ${arg}`;
  // A positional may be a secret, so it is not repeated here.
  settings.set(spec.positional.name, arg);
  return undefined;
}

function suggestion(spec: CommandSpec, flag: string): string {
  const near = spec.options.find((it) =>
    `--${it.name}`.startsWith(flag) || flag.startsWith(`--${it.name}`)
  );
  return near ? ` (did you mean --${near.name}?)` : " (see --help)";
}

/** Returns the help text of a command. */
export function renderHelp(
  program: string,
  spec: CommandSpec,
  others: readonly CommandSpec[],
): string {
  const positional = spec.positional
    ? ` [${spec.positional.name.toUpperCase()}]`
    : "";
  const lines = [
    spec.summary,
    "",
    `Usage: ${
      [program, spec.command].filter(Boolean).join(" ")
    } [OPTIONS]${positional}`,
  ];
  if (others.length > 0) {
    lines.push("", "Other roles of the same program:");
    for (const other of others) {
      lines.push(
        `  ${`${program} ${other.command}`.padEnd(28)}${other.summary}`,
      );
    }
  }
  lines.push("", "Options:");
  const all = spec.positional
    ? [spec.positional, ...spec.options]
    : spec.options;
  for (const option of all) {
    lines.push(...renderOption(option, option === spec.positional));
  }
  lines.push(
    "  -h, --help",
    "      Print this text",
    "  -V, --version",
    "      Print the version",
  );
  lines.push(
    "",
    "Examples:",
    ...spec.examples.map((example) => `  ${example}`),
  );
  return lines.join("\n");
}

function renderOption(option: OptionSpec, positional: boolean): string[] {
  const flag = positional
    ? `  [${option.name.toUpperCase()}]`
    : `  ${option.short ? `-${option.short}, ` : ""}--${option.name}${
      option.value ? ` <${option.value}>` : ""
    }`;
  const notes = [
    option.env && `env: ${option.env}`,
    option.fallback && `default: ${option.fallback}`,
  ].filter(Boolean);
  return [
    flag,
    `      ${option.help}${notes.length > 0 ? ` [${notes.join(", ")}]` : ""}`,
  ];
}

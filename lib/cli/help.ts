import type { CommandSpec, OptionSpec } from "./options.ts";

/** Longest line of the help text. */
const WIDTH = 80;
const INDENT = "      ";

/** Returns the help text of a command. `others` are the commands beside it that it may tell of. */
export function renderHelp(
  program: string,
  spec: CommandSpec,
  others: readonly CommandSpec[],
): string {
  const { command, positional, groups, guide = [] } = spec;
  const name = [program, command].filter(Boolean).join(" ");
  const lines = [...wrap(spec.summary, ""), ""];
  const argument = positional ? ` [${positional.name.toUpperCase()}]` : "";
  lines.push(`Usage: ${name} [OPTIONS]${argument}`);
  if (others.length > 0) {
    lines.push("", "Other commands:");
    for (const other of others) {
      lines.push(
        `  ${program} ${other.command}`,
        ...wrap(other.summary, INDENT),
      );
    }
  }
  if (guide.length > 0) lines.push("", ...guide);
  if (positional) {
    lines.push("", "Argument:", `  [${positional.name.toUpperCase()}]`);
    lines.push(...renderText(positional));
  }
  for (const { title, options } of groups) {
    lines.push("", `${title}:`, ...options.flatMap(renderOption));
  }
  lines.push("", "About:");
  lines.push("  -h, --help", `${INDENT}Print this text`);
  lines.push("  -V, --version", `${INDENT}Print the version`);
  lines.push("", "Examples:", ...spec.examples.map((it) => `  ${it}`));
  return lines.join("\n");
}

function renderOption(option: OptionSpec): string[] {
  const short = option.short ? `-${option.short}, ` : "";
  const value = option.value ? ` <${option.value}>` : "";
  return [`  ${short}--${option.name}${value}`, ...renderText(option)];
}

function renderText({ help, env, fallback }: OptionSpec): string[] {
  const notes = [env && `env: ${env}`, fallback && `default: ${fallback}`]
    .filter(Boolean).join(", ");
  return wrap(notes === "" ? help : `${help} [${notes}]`, INDENT);
}

/** Breaks a text into lines that fit. */
function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && indent.length + longer.length > WIDTH) {
      lines.push(indent + line);
      line = word;
    } else line = longer;
  }
  return [...lines, indent + line];
}

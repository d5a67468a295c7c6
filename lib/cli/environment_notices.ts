import { nearest } from "./nearest.ts";
import { type CommandSpec, optionsOf } from "./options.ts";

/** Our variables start so, and those of Firezone's own programs. */
const PREFIX = "FIREZONE_";
const FEATURE_PREFIX = "FZFF_";

/** What Firezone's gateway once read (operations spec §1.1), and what became of it. */
const OBSOLETE: Readonly<Record<string, string>> = {
  FIREZONE_ENABLE_MASQUERADE:
    "addresses are translated unless FIREZONE_MASQUERADE=off",
  FIREZONE_NUM_TUN_THREADS: "one thread keeps the order of packets",
};

/** What Firezone's other programs and installers read: nothing to complain about where they share an environment. */
const FOREIGN: readonly string[] = [
  "FIREZONE_ACCOUNT_SLUG",
  "FIREZONE_AUTH_BASE_URL",
  "FIREZONE_INC_BUF",
  "FIREZONE_TOKEN_PATH",
  "FIREZONE_VERSION",
];

/** Feature overrides of Firezone's gateway (operations spec §1.1). None concerns what this one does. */
const FEATURES: readonly string[] = [
  "FZFF_DROP_LLMNR_NXDOMAIN_RESPONSES",
  "FZFF_ICMP_ERROR_UNREACHABLE_PROHIBITED_CREATE_NEW_FLOW",
  "FZFF_ICMP_UNREACHABLE_INSTEAD_OF_NAT64",
  "FZFF_STREAM_METRICS",
  "FZFF_WINTUN_TCP_COALESCING",
  "FZFF_STREAM_LOGS",
];

/**
 * Returns a sentence for each variable among `names` that looks like a setting
 * of ours and has no effect: one that is obsolete, or one that nobody knows.
 */
export function noticesOf(
  names: Iterable<string>,
  commands: readonly CommandSpec[],
): string[] {
  const known = commands.flatMap(variablesOf);
  return [...names].sort().map((name) => noticeOf(name, known))
    .filter((notice) => notice !== undefined);
}

function noticeOf(
  name: string,
  known: readonly string[],
): string | undefined {
  const replacement = OBSOLETE[name];
  if (replacement !== undefined) {
    return `Ignored ${name}, which is obsolete: ${replacement}`;
  }
  if (name.startsWith(FEATURE_PREFIX)) {
    return FEATURES.includes(name.toUpperCase())
      ? undefined
      : unknown(name, FEATURES);
  }
  const isOurs = name.startsWith(PREFIX) && !known.includes(name) &&
    !FOREIGN.includes(name);
  return isOurs ? unknown(name, known) : undefined;
}

function unknown(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const hint = meant ? `did you mean ${meant}?` : "see --help";
  return `Ignored ${name}, which is no setting of this program (${hint})`;
}

function variablesOf(spec: CommandSpec): string[] {
  const options = spec.positional
    ? [...optionsOf(spec), spec.positional]
    : optionsOf(spec);
  return options.map(({ env }) => env).filter((env) => env !== undefined);
}

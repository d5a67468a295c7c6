import type { Lab } from "../../scripts/lab/lab.ts";

/** What the host is asked about itself. */
const QUESTIONS: readonly (readonly string[])[] = [
  ["nft", "-s", "list", "ruleset"],
  ["ip", "-j", "address", "show"],
  ...["-4", "-6"].flatMap((family) => [
    ["ip", "-j", family, "route", "show", "table", "all"],
    ["ip", "-j", family, "rule", "show"],
  ]),
  // Some may be written only.
  [
    "sh",
    "-c",
    "grep -rs . /proc/sys/net/ipv4 /proc/sys/net/ipv6 | sort || true",
  ],
];

/** Returns all that a gateway may change of a host: rules, addresses, routes in all tables, settings. */
export async function snapshotOf(lab: Lab, box: string): Promise<string[]> {
  const answers = [];
  for (const question of QUESTIONS) {
    const text = await lab.must(box, ...question);
    answers.push(`${question.join(" ")}:`, ...linesOf(text));
  }
  return answers;
}

/** One entry of a list to a line, so that a difference can be read. */
function linesOf(text: string): string[] {
  if (!text.startsWith("[")) return text.split("\n");
  const entries: unknown[] = JSON.parse(text);
  return entries.map((entry) => JSON.stringify(entry)).sort();
}

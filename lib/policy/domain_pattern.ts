import { unreachable } from "../base/mod.ts";

/**
 * Longest pattern and longest domain that are looked at, in characters.
 *
 * A name of 255 bytes has at most 1004 characters in presentation form, when
 * every byte of it is written `\DDD`.
 */
const MAX_LENGTH = 1_024;

/** What one character of a label may be. */
type Token =
  | { readonly kind: "run" }
  | { readonly kind: "any" }
  | { readonly kind: "literal"; readonly character: string }
  | {
    readonly kind: "class";
    readonly negated: boolean;
    readonly ranges: readonly CharacterRange[];
  };

interface CharacterRange {
  readonly first: string;
  readonly last: string;
}

/** One label of a pattern, or any number of labels. */
type LabelPattern = readonly Token[] | "any-labels";

/**
 * The address of a DNS resource: a glob over the labels of a name (data-plane spec §8.2).
 *
 * `*` is any run of characters within a label, `?` any one, `[…]` and `[!…]`
 * one of a class, and `**` as a whole label any number of labels, also none.
 * A pattern that begins with `*.` matches what follows that as well. Case is
 * of no account.
 *
 * Both levels match greedily and, on a mismatch, go back to the last wildcard
 * only. So a match costs no more than the product of both lengths, whatever
 * name a client makes up.
 */
export class DomainPattern {
  readonly #labels: readonly LabelPattern[] | undefined;
  /** The name that `*.name` matches as well. */
  readonly #suffix: string | undefined;

  private constructor(
    labels: readonly LabelPattern[] | undefined,
    suffix: string | undefined,
  ) {
    this.#labels = labels;
    this.#suffix = suffix;
  }

  /** Reads a pattern. An invalid one matches nothing. */
  static parse(text: string): DomainPattern {
    const labels = text.length <= MAX_LENGTH ? parseLabels(text) : undefined;
    const suffix = text.startsWith("*.")
      ? asciiLowerCase(text.slice(2))
      : undefined;
    return new DomainPattern(labels, suffix);
  }

  /** Whether the pattern could be read. */
  get isValid(): boolean {
    return this.#labels !== undefined;
  }

  /**
   * Tells whether a domain in presentation form, without trailing dot, matches.
   *
   * An escaped dot does not end a label. What has an empty label is no name.
   */
  matches(domain: string): boolean {
    if (this.#labels === undefined || domain.length > MAX_LENGTH) return false;
    const name = asciiLowerCase(domain);
    const labels = splitName(name);
    if (labels.includes("")) return false;
    if (name === this.#suffix) return true;
    return matchesGlob(this.#labels, labels, isAnyLabels, matchesLabel);
  }
}

/** Splits a pattern at the dots outside of classes. Returns `undefined` if it is invalid. */
function parseLabels(text: string): LabelPattern[] | undefined {
  const labels: Token[][] = [[]];
  for (let at = 0; at < text.length;) {
    if (text[at] === ".") {
      labels.push([]);
      at++;
      continue;
    }
    const read = readToken(text, at);
    if (read === undefined) return undefined;
    labels.at(-1)?.push(read.token);
    at = read.end;
  }

  const patterns: LabelPattern[] = [];
  for (const tokens of labels) {
    const isDouble = tokens.some((token, i) =>
      token.kind === "run" && tokens[i - 1]?.kind === "run"
    );
    if (isDouble && tokens.length !== 2) return undefined;
    patterns.push(isDouble ? "any-labels" : tokens);
  }
  return patterns;
}

function readToken(
  text: string,
  at: number,
): { token: Token; end: number } | undefined {
  const character = text.charAt(at);
  switch (character) {
    case "*":
      return { token: { kind: "run" }, end: at + 1 };
    case "?":
      return { token: { kind: "any" }, end: at + 1 };
    case "[":
      return readClass(text, at);
    default:
      return {
        token: { kind: "literal", character: asciiLowerCase(character) },
        end: at + 1,
      };
  }
}

/** Reads `[…]` or `[!…]`. The first member may be a closing bracket; a hyphen between two members makes a range. */
function readClass(
  text: string,
  at: number,
): { token: Token; end: number } | undefined {
  const negated = text[at + 1] === "!";
  const start = negated ? at + 2 : at + 1;
  const end = text.indexOf("]", start + 1);
  if (end === -1) return undefined;

  const members = text.slice(start, end);
  const ranges: CharacterRange[] = [];
  for (let i = 0; i < members.length;) {
    const first = members.charAt(i);
    const isRange = members[i + 1] === "-" && i + 2 < members.length;
    ranges.push({ first, last: isRange ? members.charAt(i + 2) : first });
    i += isRange ? 3 : 1;
  }
  return { token: { kind: "class", negated, ranges }, end: end + 1 };
}

/** Splits a name at the dots that no backslash escapes. */
function splitName(name: string): string[] {
  const labels: string[] = [];
  let start = 0;
  for (let at = 0; at < name.length; at++) {
    if (name[at] === "\\") at++;
    else if (name[at] === ".") {
      labels.push(name.slice(start, at));
      start = at + 1;
    }
  }
  labels.push(name.slice(start));
  return labels;
}

function isAnyLabels(pattern: LabelPattern): boolean {
  return pattern === "any-labels";
}

function matchesLabel(pattern: LabelPattern, label: string): boolean {
  return pattern !== "any-labels" &&
    matchesGlob(pattern, label, isRun, matchesCharacter);
}

function isRun(token: Token): boolean {
  return token.kind === "run";
}

function matchesCharacter(token: Token, character: string): boolean {
  switch (token.kind) {
    case "run":
    case "any":
      return true;
    case "literal":
      return token.character === character;
    case "class":
      return token.negated !==
        token.ranges.some((range) =>
          isWithin(range, character) ||
          isWithin(range, character.toUpperCase())
        );
    default:
      return unreachable(token);
  }
}

function isWithin({ first, last }: CharacterRange, character: string): boolean {
  return first <= character && character <= last;
}

/** Matches items one by one. `isRun` names the patterns that stand for any number of items. */
function matchesGlob<Pattern, Item>(
  patterns: readonly Pattern[],
  items: ArrayLike<Item>,
  isRun: (pattern: Pattern) => boolean,
  matchesOne: (pattern: Pattern, item: Item) => boolean,
): boolean {
  let next = 0;
  let at = 0;
  /** Where to go on after a mismatch: behind the last run, which then covers one item more. */
  let behindRun: number | undefined;
  let runEnd = 0;
  while (at < items.length) {
    const pattern = patterns[next];
    if (pattern !== undefined && isRun(pattern)) {
      behindRun = ++next;
      runEnd = at;
    } else if (pattern !== undefined && matchesOne(pattern, items[at]!)) {
      next++;
      at++;
    } else if (behindRun !== undefined) {
      next = behindRun;
      at = ++runEnd;
    } else return false;
  }
  return patterns.slice(next).every(isRun);
}

/** Lowers the letters A to Z only: names are compared as ASCII. */
function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

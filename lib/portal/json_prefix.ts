/** How a text relates to JSON. */
export type JsonShape = "complete" | "truncated" | "malformed";

/** What may stand at the current place, white space aside. */
type Expectation =
  | "value"
  | "value-or-end-of-array"
  | "key"
  | "key-or-end-of-object"
  | "colon"
  | "separator"
  | "end-of-text";

/** Where a token ends, or why it does not. */
type Token = number | "truncated" | "malformed";

/** Deeper nesting counts as malformed, so that hostile text costs bounded memory. */
const MAX_DEPTH = 512;

const LITERALS = ["true", "false", "null"] as const;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const NUMBER_PREFIX = /^-?(?:(?:0|[1-9]\d*)(?:\.|(?:\.\d+)?[eE][+-]?))?$/;

/**
 * Tells whether `text` is a JSON document, the beginning of one, or neither.
 *
 * `JSON.parse` reports both kinds of failure by an exception whose wording
 * depends on the engine. The portal protocol (§2.3) treats them differently: a
 * text that any continuation could still complete means that the connection
 * lost data; any other malformed text is only dropped. The scan is linear and
 * does not recurse.
 */
export function jsonShape(text: string): JsonShape {
  const open: ("array" | "object")[] = [];
  let expected: Expectation = "value";

  for (let at = skipBlanks(text, 0); at < text.length;) {
    const char = text[at];
    if (expected === "end-of-text") return "malformed";

    if (expected === "colon") {
      if (char !== ":") return "malformed";
      expected = "value";
      at++;
    } else if (expected === "separator") {
      if (char === ",") {
        expected = open.at(-1) === "array" ? "value" : "key";
      } else {
        if (char !== closingOf(open.pop())) return "malformed";
        expected = afterValue(open);
      }
      at++;
    } else if (
      (expected === "value-or-end-of-array" && char === "]") ||
      (expected === "key-or-end-of-object" && char === "}")
    ) {
      open.pop();
      expected = afterValue(open);
      at++;
    } else if (expected === "key" || expected === "key-or-end-of-object") {
      const end: Token = char === '"' ? endOfString(text, at) : "malformed";
      if (typeof end === "string") return end;
      expected = "colon";
      at = end;
    } else if (char === "[" || char === "{") {
      if (open.length === MAX_DEPTH) return "malformed";
      open.push(char === "[" ? "array" : "object");
      expected = char === "["
        ? "value-or-end-of-array"
        : "key-or-end-of-object";
      at++;
    } else {
      const end = endOfScalar(text, at);
      if (typeof end === "string") return end;
      expected = afterValue(open);
      at = end;
    }
    at = skipBlanks(text, at);
  }
  return expected === "end-of-text" ? "complete" : "truncated";
}

function afterValue(open: readonly unknown[]): Expectation {
  return open.length === 0 ? "end-of-text" : "separator";
}

function closingOf(container: "array" | "object" | undefined): string {
  return container === "array" ? "]" : "}";
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \t\r\n".includes(text[at] ?? "")) at++;
  return at;
}

function endOfScalar(text: string, at: number): Token {
  if (text[at] === '"') return endOfString(text, at);
  const literal = LITERALS.find((word) => word[0] === text[at]);
  return literal === undefined
    ? endOfNumber(text, at)
    : endOfLiteral(text, at, literal);
}

function endOfLiteral(text: string, at: number, literal: string): Token {
  const found = text.slice(at, at + literal.length);
  if (found === literal) return at + literal.length;
  return literal.startsWith(found) ? "truncated" : "malformed";
}

function endOfNumber(text: string, at: number): Token {
  let end = at;
  while (end < text.length && /[-+.eE\d]/.test(text[end] ?? "")) end++;
  const found = text.slice(at, end);
  if (NUMBER.test(found)) return end;
  const mayGoOn = end === text.length && NUMBER_PREFIX.test(found);
  return mayGoOn ? "truncated" : "malformed";
}

function endOfString(text: string, at: number): Token {
  let i = at + 1;
  while (i < text.length) {
    const char = text[i] ?? "";
    if (char === '"') return i + 1;
    if (char < " ") return "malformed";
    if (char !== "\\") {
      i++;
      continue;
    }
    const end = endOfEscape(text, i);
    if (typeof end === "string") return end;
    i = end;
  }
  return "truncated";
}

function endOfEscape(text: string, at: number): Token {
  const escape = text[at + 1];
  if (escape === undefined) return "truncated";
  if (escape !== "u") {
    return '"\\/bfnrt'.includes(escape) ? at + 2 : "malformed";
  }
  const digits = text.slice(at + 2, at + 6);
  if (!/^[0-9a-fA-F]*$/.test(digits)) return "malformed";
  return digits.length === 4 ? at + 6 : "truncated";
}

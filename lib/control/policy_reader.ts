import { isRecord } from "./envelope.ts";

/**
 * Reads the members of one JSON object and notes what is wrong, with its path.
 *
 * A getter whose member is unusable notes a problem and returns a harmless
 * value, so that one pass reports all problems of a file. `finish` notes the
 * members that nothing read, which is how a typing error is found.
 */
export class Fields {
  /** Where the object stands, such as `$.gateways[2]`. */
  readonly path: string;
  readonly #problems: string[];
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();

  /** Reads `value`, noting problems in `problems`. */
  constructor(path: string, value: unknown, problems: string[]) {
    this.path = path;
    this.#problems = problems;
    this.#members = isRecord(value) ? value : {};
    if (!isRecord(value)) this.note("", "must be an object");
  }

  /** Returns a member that must be non-empty text, trimmed. */
  text(key: string): string {
    const value = this.#take(key);
    if (typeof value === "string" && value.trim() !== "") return value.trim();
    this.note(
      key,
      value === undefined ? "is missing" : "must be non-empty text",
    );
    return "";
  }

  /** Returns a member that may be absent or `null`, else must be non-empty text. */
  optionalText(key: string): string | undefined {
    if (!this.#isPresent(key)) return undefined;
    return this.text(key);
  }

  /** Returns a member that may be absent, which means `false`. */
  flag(key: string): boolean {
    const value = this.#take(key) ?? false;
    if (typeof value === "boolean") return value;
    this.note(key, "must be true or false");
    return false;
  }

  /** Returns a member that must be a whole number from 0 on, or `fallback` when absent. */
  count(key: string, fallback: number): number {
    const value = this.#take(key) ?? fallback;
    if (
      typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ) {
      return value;
    }
    this.note(key, "must be a whole number from 0 on");
    return fallback;
  }

  /** Returns the members of an object, which may be absent. */
  object(key: string): Fields {
    const value = this.#take(key) ?? {};
    return new Fields(`${this.path}.${key}`, value, this.#problems);
  }

  /** Returns a member that must be one of `choices`, or the first of them when absent. */
  choice<T extends string>(key: string, choices: readonly [T, ...T[]]): T {
    const value = this.#take(key) ?? choices[0];
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    this.note(key, `must be one of ${choices.join(", ")}`);
    return choices[0];
  }

  /** Returns the elements of a member that must be a list; none when absent. */
  list(key: string): readonly unknown[] {
    const value = this.#take(key) ?? [];
    if (!Array.isArray(value)) {
      this.note(key, "must be a list");
      return [];
    }
    return value;
  }

  /** Returns the members of each element of a list of objects. */
  objects(key: string): Fields[] {
    return this.list(key).map((element, i) =>
      new Fields(`${this.path}.${key}[${i}]`, element, this.#problems)
    );
  }

  /** Notes a problem with a member, or with the object itself when `key` is empty. */
  note(key: string, problem: string): void {
    const path = key === "" ? this.path : `${this.path}.${key}`;
    this.#problems.push(`${path}: ${problem}`);
  }

  /** Notes every member that nothing asked for. */
  finish(): void {
    for (const key of Object.keys(this.#members)) {
      if (!this.#read.has(key)) this.note(key, "is not a known key");
    }
  }

  #isPresent(key: string): boolean {
    const value = this.#take(key);
    return value !== undefined && value !== null;
  }

  #take(key: string): unknown {
    this.#read.add(key);
    return Object.hasOwn(this.#members, key) ? this.#members[key] : undefined;
  }
}

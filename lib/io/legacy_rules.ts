import { type IpFamily, readU16LE, readU32LE } from "../base/mod.ts";

/** Sizes of what `ip_tables.h` and `ip6_tables.h` hand over before the rules. */
export const INFO_BYTES = 84;
/** Name and size, filled up to a multiple of eight. */
export const ENTRIES_HEADER_BYTES = 40;

/** Offsets in `ipt_getinfo`, behind the name: entry and policy of the chain FORWARD, the third of five, and the size of all rules. */
const FORWARD_ENTRY = 36 + 2 * 4;
const FORWARD_POLICY = 56 + 2 * 4;
const SIZE = 80;

/** Where in a rule of a family things are: `ipt_entry`, `ip6t_entry`. */
interface RuleLayout {
  readonly sourceBytes: number;
  readonly sourceMask: number;
  readonly inName: number;
  readonly inMask: number;
  readonly protocol: number;
  readonly flags: number;
  readonly inverted: number;
  readonly targetOffset: number;
  readonly nextOffset: number;
  /** Length of a rule without matches and target. */
  readonly bytes: number;
  /** An address that clients have. */
  readonly client: readonly number[];
}

const LAYOUTS: Readonly<Record<IpFamily, RuleLayout>> = {
  4: {
    ...{ sourceBytes: 4, sourceMask: 8, inName: 16, inMask: 48 },
    ...{ protocol: 80, flags: 82, inverted: 83 },
    ...{ targetOffset: 88, nextOffset: 90, bytes: 112 },
    client: [100, 64, 0, 1],
  },
  6: {
    ...{ sourceBytes: 16, sourceMask: 32, inName: 64, inMask: 96 },
    ...{ protocol: 128, flags: 131, inverted: 132 },
    ...{ targetOffset: 140, nextOffset: 142, bytes: 168 },
    client: [0xfd, 0, 0x20, 0x21, 0x11, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  },
};

const IN_NAME_BYTES = 16;

/** `xt_standard_target`: size (2), name (29), revision (1), verdict (4). */
const TARGET_NAME = 2;
const TARGET_NAME_BYTES = 29;
const TARGET_VERDICT = 32;
const STANDARD_TARGET_BYTES = 36;

const VERDICT_DROP = -1;
const VERDICT_ACCEPT = -2;
const VERDICT_RETURN = -5;

const FLAG_GOTO = 2;
const INVERTED_INPUT = 1;

/** Rules and chains looked at before we give up. More than any host has. */
const STEP_LIMIT = 200_000;
const DEPTH_LIMIT = 64;

/** What becomes of clients' packets. "unknown": it cannot be told. */
export type LegacyVerdict = "passes" | "drops" | "unknown";

/** Length of all rules, which the kernel wants to hear when they are asked for. */
export function sizeOfRules(info: Uint8Array): number {
  return readU32LE(info, SIZE);
}

/**
 * Tells what the chain FORWARD of an `iptables` that is not nf_tables does to packets from an interface.
 *
 * `info` and `rules` are as the kernel hands them over, the latter without
 * their header. Rules with conditions that we do not know count only if they
 * name the interface: who wrote such a rule has thought of us.
 */
export function legacyVerdict(
  family: IpFamily,
  info: Uint8Array,
  rules: Uint8Array,
  tunName: string,
): LegacyVerdict {
  if (info.length < INFO_BYTES) return "unknown";
  const walk = new Walk(LAYOUTS[family], rules, tunName);
  const verdict = walk.follow(readU32LE(info, FORWARD_ENTRY), 0);
  if (verdict !== "returns") return verdict;
  const byPolicy = walk.follow(readU32LE(info, FORWARD_POLICY), 0);
  return byPolicy === "returns" ? "unknown" : byPolicy;
}

/** How a rule applies to a packet of a client. "named": it is meant for such packets, or for some of them. */
type Match = "always" | "perhaps" | "named" | "never";

/** Follows a packet through chains. */
class Walk {
  readonly #layout: RuleLayout;
  readonly #rules: Uint8Array;
  readonly #view: DataView;
  readonly #tunName: string;
  #steps = 0;

  constructor(layout: RuleLayout, rules: Uint8Array, tunName: string) {
    this.#layout = layout;
    this.#rules = rules;
    this.#view = new DataView(rules.buffer, rules.byteOffset, rules.length);
    this.#tunName = tunName;
  }

  /** Returns what becomes of the packet from this rule on. */
  follow(start: number, depth: number): LegacyVerdict | "returns" {
    if (depth > DEPTH_LIMIT) return "unknown";
    let at = start;
    while (++this.#steps <= STEP_LIMIT) {
      const next = this.#nextOf(at);
      if (next === undefined) return "unknown";
      const match = this.#match(at);
      const outcome = match === "never"
        ? undefined
        : this.#judge(at, next, match, depth);
      if (outcome !== undefined) return outcome;
      at = next;
    }
    return "unknown";
  }

  /** Returns what a rule that matches decides, or `undefined` when the next rule does. */
  #judge(
    at: number,
    next: number,
    match: Match,
    depth: number,
  ): LegacyVerdict | "returns" | undefined {
    const verdict = this.#verdictOf(at);
    const isSure = match !== "perhaps";
    switch (verdict) {
      case "REJECT":
      case VERDICT_DROP:
        return match === "always" ? "drops" : undefined;
      case VERDICT_ACCEPT:
        return isSure ? "passes" : undefined;
      case VERDICT_RETURN:
        return match === "always" ? "returns" : undefined;
    }
    if (typeof verdict === "string" || verdict < 0 || verdict === next) {
      return undefined;
    }
    const beyond = this.follow(verdict, depth + 1);
    if (beyond === "unknown") return beyond;
    if (beyond === "passes") return isSure ? beyond : "unknown";
    if (match !== "always") return undefined;
    const isGoto = (this.#rules[at + this.#layout.flags]! & FLAG_GOTO) !== 0;
    return beyond === "drops" || isGoto ? beyond : undefined;
  }

  /** Returns where the rule behind this one starts, or `undefined` when this is no rule. */
  #nextOf(at: number): number | undefined {
    const { bytes, nextOffset } = this.#layout;
    if (at + bytes > this.#rules.length) return undefined;
    const length = readU16LE(this.#rules, at + nextOffset);
    const target = this.#targetOf(at);
    const hasTarget = target >= at + bytes &&
      target + TARGET_VERDICT <= at + length;
    const fits = at + length <= this.#rules.length;
    return hasTarget && fits ? at + length : undefined;
  }

  #targetOf(at: number): number {
    return at + readU16LE(this.#rules, at + this.#layout.targetOffset);
  }

  /** The number of a verdict, the offset of a chain, or the name of a target that decides otherwise. */
  #verdictOf(at: number): number | string {
    const target = this.#targetOf(at);
    const from = target + TARGET_NAME;
    const name = textIn(this.#rules, from, from + TARGET_NAME_BYTES);
    if (name !== "") return name;
    if (target + STANDARD_TARGET_BYTES > this.#rules.length) return "";
    return this.#view.getInt32(target + TARGET_VERDICT, true);
  }

  #match(at: number): Match {
    const { inMask, inverted, protocol, sourceBytes, sourceMask } =
      this.#layout;
    const input = this.#matchInput(at);
    if (input === "never" || input === "named") return input;
    if (this.#rules[at + inverted] !== 0) return "perhaps";
    const source = this.#matchSource(at);
    if (source === "never") return source;
    const isOpen = this.#hasNoMatches(at) &&
      readU16LE(this.#rules, at + protocol) === 0 &&
      this.#isZero(at + inMask + IN_NAME_BYTES, IN_NAME_BYTES) &&
      this.#isZero(at + sourceMask + sourceBytes, sourceBytes);
    return isOpen ? source : "perhaps";
  }

  #matchInput(at: number): Match {
    const { inName, inMask, inverted } = this.#layout;
    if (this.#isZero(at + inMask, IN_NAME_BYTES)) return "always";
    if ((this.#rules[at + inverted]! & INVERTED_INPUT) !== 0) return "perhaps";
    for (let i = 0; i < IN_NAME_BYTES; i++) {
      const wanted = this.#rules[at + inName + i]!;
      const actual = this.#tunName.charCodeAt(i) || 0;
      const mask = this.#rules[at + inMask + i]!;
      if (((wanted ^ actual) & mask) !== 0) return "never";
    }
    return "named";
  }

  /** A rule for a network that clients are in names them. */
  #matchSource(at: number): Match {
    const { client, sourceBytes, sourceMask } = this.#layout;
    if (this.#isZero(at + sourceMask, sourceBytes)) return "always";
    for (let i = 0; i < sourceBytes; i++) {
      const mask = this.#rules[at + sourceMask + i]!;
      if (((this.#rules[at + i]! ^ client[i]!) & mask) !== 0) return "never";
    }
    return "named";
  }

  /** Comments match everything. */
  #hasNoMatches(at: number): boolean {
    const end = this.#targetOf(at);
    let match = at + this.#layout.bytes;
    while (match + TARGET_VERDICT <= end) {
      const from = match + TARGET_NAME;
      const name = textIn(this.#rules, from, from + TARGET_NAME_BYTES);
      const length = readU16LE(this.#rules, match);
      if (name !== "comment" || length < TARGET_VERDICT) return false;
      match += length;
    }
    return match === end;
  }

  #isZero(start: number, length: number): boolean {
    return this.#rules.subarray(start, start + length).every((it) => it === 0);
  }
}

function textIn(bytes: Uint8Array, start: number, end: number): string {
  const text = bytes.subarray(start, end);
  const zero = text.indexOf(0);
  return new TextDecoder().decode(zero < 0 ? text : text.subarray(0, zero));
}

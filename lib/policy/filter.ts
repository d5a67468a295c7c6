import { unreachable } from "../base/mod.ts";
import {
  type Selector,
  SELECTOR_ECHO,
  SELECTOR_OTHER_ICMP,
  SELECTOR_OTHER_PROTOCOL,
  SELECTOR_TCP,
  SELECTOR_UDP,
  selectorKind,
  selectorValue,
} from "../wire/mod.ts";

/** One line of a resource's filters: a range of ports, both ends included, or ICMP. */
export type FilterRule =
  | {
    readonly protocol: "tcp" | "udp";
    readonly start: number;
    readonly end: number;
  }
  | { readonly protocol: "icmp" };

/**
 * The filters of one resource, compiled for lookup (data-plane spec §7).
 *
 * An empty list permits everything; any other list permits what one of its
 * rules names. A range whose start lies above its end matches nothing, but
 * still makes the list non-empty.
 */
export class Filter {
  readonly #everything: boolean;
  readonly #icmp: boolean;
  readonly #tcp: PortSet;
  readonly #udp: PortSet;

  /** Compiles `rules`. */
  constructor(rules: readonly FilterRule[]) {
    this.#everything = rules.length === 0;
    this.#icmp = rules.some((rule) => rule.protocol === "icmp");
    this.#tcp = new PortSet(rangesOf(rules, "tcp"));
    this.#udp = new PortSet(rangesOf(rules, "udp"));
  }

  /** Tells whether a packet whose resource side has this selector may pass. Allocates nothing. */
  permits(selector: Selector): boolean {
    if (this.#everything) return true;
    switch (selectorKind(selector)) {
      case SELECTOR_TCP:
        return this.#tcp.has(selectorValue(selector));
      case SELECTOR_UDP:
        return this.#udp.has(selectorValue(selector));
      case SELECTOR_ECHO:
      case SELECTOR_OTHER_ICMP:
        return this.#icmp;
      case SELECTOR_OTHER_PROTOCOL:
      default:
        return false;
    }
  }
}

interface PortRange {
  readonly start: number;
  readonly end: number;
}

/** A set of ports as sorted ranges that neither overlap nor touch. */
class PortSet {
  /** Pairs of first and last port. */
  readonly #bounds: Uint16Array;

  constructor(ranges: readonly PortRange[]) {
    this.#bounds = Uint16Array.from(mergeRanges(ranges));
  }

  has(port: number): boolean {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (port > bounds[2 * middle + 1]!) low = middle + 1;
      else high = middle;
    }
    return 2 * low < bounds.length && port >= bounds[2 * low]!;
  }
}

function rangesOf(
  rules: readonly FilterRule[],
  protocol: "tcp" | "udp",
): PortRange[] {
  const ranges: PortRange[] = [];
  for (const rule of rules) {
    switch (rule.protocol) {
      case "icmp":
        break;
      case "tcp":
      case "udp":
        if (rule.protocol === protocol && rule.start <= rule.end) {
          ranges.push(rule);
        }
        break;
      default:
        unreachable(rule);
    }
  }
  return ranges;
}

function mergeRanges(ranges: readonly PortRange[]): number[] {
  const bounds: number[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = bounds.at(-1);
    if (last !== undefined && start <= last + 1) {
      bounds[bounds.length - 1] = Math.max(last, end);
    } else bounds.push(start, end);
  }
  return bounds;
}

import { type IpAddress, parseIp } from "../base/mod.ts";
import { isQueryableName } from "./encode.ts";

/** Kept of a file; more than anyone has. */
const MAX_NAMESERVERS = 10;
const MAX_SEARCH_DOMAINS = 32;

/** Bounds and defaults of resolv.conf(5). */
const NDOTS = { byDefault: 1, least: 0, most: 15 };
const TIMEOUT_S = { byDefault: 5, least: 1, most: 30 };
const ATTEMPTS = { byDefault: 2, least: 1, most: 5 };

/** What a host says of its nameservers, resolv.conf(5). */
export interface ResolverSettings {
  /** Who is asked, in this order. */
  readonly nameservers: readonly IpAddress[];
  /** What is appended to short names, in this order. Lower case, no final dot. */
  readonly search: readonly string[];
  /** From so many dots on a name is tried as it is first. */
  readonly ndots: number;
  /** How long one nameserver is waited for, in ms. */
  readonly timeoutMs: number;
  /** How often all of them are tried. */
  readonly attempts: number;
  /** Whether each query begins with another nameserver. */
  readonly rotate: boolean;
}

/** Reads a `resolv.conf`. Lines that make no sense are passed over, as everywhere. */
export function parseResolvConf(text: string): ResolverSettings {
  const nameservers = new Map<string, IpAddress>();
  let search: string[] = [];
  const options = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [keyword = "", ...words] = line.split(/[#;]/, 1)[0]!.trim().split(
      /\s+/,
    );
    switch (keyword) {
      case "nameserver": {
        const ip = parseIp(words[0] ?? "");
        if (ip) nameservers.set(ip.bytes.join("."), ip);
        break;
      }
      // The last line of either kind counts.
      case "domain":
        search = searchDomains(words.slice(0, 1));
        break;
      case "search":
        search = searchDomains(words);
        break;
      case "options":
        for (const word of words) {
          const [name = "", value] = word.split(":");
          options.set(name, Number(value ?? 1));
        }
    }
  }
  const bounded = (name: string, { byDefault, least, most }: typeof NDOTS) => {
    const value = options.get(name) ?? byDefault;
    return Number.isInteger(value)
      ? Math.min(most, Math.max(least, value))
      : byDefault;
  };
  return {
    nameservers: [...nameservers.values()].slice(0, MAX_NAMESERVERS),
    search,
    ndots: bounded("ndots", NDOTS),
    timeoutMs: bounded("timeout", TIMEOUT_S) * 1_000,
    attempts: bounded("attempts", ATTEMPTS),
    rotate: options.has("rotate"),
  };
}

/**
 * Returns the names to ask for when `domain` is looked up, in this order.
 *
 * A name with at least `ndots` dots is tried as it is first, any other one
 * last (data-plane spec §10). A final dot rules the search list out.
 */
export function searchOrder(
  domain: string,
  { search, ndots }: Pick<ResolverSettings, "search" | "ndots">,
): string[] {
  const name = domain.toLowerCase();
  if (name.endsWith(".")) return [name.slice(0, -1)].filter(isQueryableName);
  const longer = search.map((suffix) => `${name}.${suffix}`);
  const dots = name.split(".").length - 1;
  const order = dots >= ndots ? [name, ...longer] : [...longer, name];
  return order.filter(isQueryableName);
}

function searchDomains(words: readonly string[]): string[] {
  return words.map((word) => word.toLowerCase().replace(/\.$/, ""))
    .filter(isQueryableName).slice(0, MAX_SEARCH_DOMAINS);
}

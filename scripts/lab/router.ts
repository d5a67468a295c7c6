/** What a site's router does to IPv4; RFC 4787 in the words that people use. */
export type NatKind =
  | "none"
  | "cone"
  | "address-restricted"
  | "port-restricted"
  | "symmetric";

/** The kinds of a matrix. */
export const NAT_KINDS: readonly NatKind[] = [
  "none",
  "cone",
  "address-restricted",
  "port-restricted",
  "symmetric",
];

/** Which families lead from a site to the internet. */
export type Families = "ipv4" | "ipv6" | "dual";

/** A site's router, as far as it matters to whoever is behind it. */
export interface RouterSpec {
  /** What it does to IPv4. Over IPv6 nothing is translated; it filters by state unless this is `none`. */
  readonly nat: NatKind;
  /** What leads to the internet. */
  readonly families: Families;
  /** How many of 100 packets vanish, each way. */
  readonly lossPercent?: number;
  /** Whether hosts inside reach each other by their outside address. Needs a NAT that knows its mappings: a cone or an address-restricted one. */
  readonly hairpin?: boolean;
}

/** What home and office routers do. */
export const ORDINARY_ROUTER: RouterSpec = {
  nat: "port-restricted",
  families: "ipv4",
};

/** How long the router remembers what a host has sent, as Linux does for UDP streams. */
const MEMORY = "2m";

/**
 * Writes the nftables ruleset of a router between `lan` and `wan`.
 *
 * Linux translates a UDP source to the same port for all destinations where it
 * is free, and lets only those answer that were sent to: a port-restricted
 * NAT. `fully-random` gives each destination another port: symmetric. For the
 * laxer kinds the router writes down which inside socket has which port,
 * which is the same inside and outside, and translates what nobody asked for
 * back to it: from everywhere (cone), or from addresses that this port has
 * sent to (address-restricted). What is for the router itself it drops before
 * it becomes a connection that would take a port away.
 */
export function routerRuleset(spec: RouterSpec, wanIpv4: string): string {
  return `flush ruleset
table inet router {
${memoryOf(spec)}
  chain prerouting {
    type nat hook prerouting priority -100
    ${dnatOf(spec, wanIpv4).join("\n    ")}
  }
  chain input {
    type filter hook input priority 0; policy drop
    ct state established,related accept
    meta l4proto { icmp, ipv6-icmp } accept
  }
  chain forward {
    type filter hook forward priority 0; policy drop
    ${forwardOf(spec).join("\n    ")}
  }
  chain postrouting {
    type nat hook postrouting priority 100
    ${snatOf(spec, wanIpv4).join("\n    ")}
  }
}
`;
}

function remembers({ nat }: RouterSpec): boolean {
  return nat === "cone" || nat === "address-restricted";
}

function memoryOf(spec: RouterSpec): string {
  if (!remembers(spec)) return "";
  return `  map mapped {
    type inet_service : ipv4_addr . inet_service
    flags dynamic,timeout
    timeout ${MEMORY}
  }
  set contacted {
    type ipv4_addr . inet_service
    flags dynamic,timeout
    timeout ${MEMORY}
  }`;
}

function dnatOf(spec: RouterSpec, wanIpv4: string): string[] {
  if (!remembers(spec)) return [];
  const filter = spec.nat === "cone" ? "" : "ip saddr . udp dport @contacted ";
  const toInside = "dnat ip to udp dport map @mapped";
  const rules = [`iifname "wan" ${filter}${toInside}`];
  if (spec.hairpin) {
    rules.push(`iifname "lan" ip daddr ${wanIpv4} ${toInside}`);
  }
  return rules;
}

function forwardOf(spec: RouterSpec): string[] {
  const rules: string[] = [];
  if (spec.lossPercent) {
    rules.push(`numgen random mod 100 < ${spec.lossPercent} drop`);
  }
  if (spec.nat === "none") return [...rules, "accept"];
  if (remembers(spec)) {
    rules.push(
      'iifname "lan" update @mapped { udp sport : ip saddr . udp sport }',
      'iifname "lan" update @contacted { ip daddr . udp sport }',
    );
  }
  return [
    ...rules,
    "ct state established,related accept",
    "ct status dnat accept",
    'iifname "lan" oifname "wan" accept',
  ];
}

function snatOf(spec: RouterSpec, wanIpv4: string): string[] {
  if (spec.nat === "none") return [];
  const ports = spec.nat === "symmetric" ? " random,fully-random" : "";
  const rules = [`oifname "wan" meta nfproto ipv4 masquerade${ports}`];
  if (spec.hairpin) {
    rules.push(
      `iifname "lan" oifname "lan" meta nfproto ipv4 snat ip to ${wanIpv4}`,
    );
  }
  return rules;
}

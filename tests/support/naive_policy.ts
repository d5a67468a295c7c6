import type { FilterRule } from "../../lib/policy/mod.ts";

/** One entry of a naive resource table. */
export interface NaiveEntry {
  readonly id: string;
  /** Text such as `10.0.0.0/8`. */
  readonly network: string;
  readonly rules: readonly FilterRule[];
}

/** A transport in words: its name, and a port where there is one. */
export interface NaiveTransport {
  readonly kind: "tcp" | "udp" | "echo" | "other-icmp" | "other-protocol";
  readonly value: number;
}

/** Data-plane spec §7, the filter table, read line by line. */
export function naivePermits(
  rules: readonly FilterRule[],
  { kind, value }: NaiveTransport,
): boolean {
  if (rules.length === 0) return true;
  return rules.some((rule) => {
    if (rule.protocol === "icmp") {
      return kind === "echo" || kind === "other-icmp";
    }
    return rule.protocol === kind && rule.start <= value && value <= rule.end;
  });
}

/** Data-plane spec §7, the selection: sorts all covering entries by the three criteria. */
export function naiveSelect(
  entries: readonly NaiveEntry[],
  address: Uint8Array,
  transport: NaiveTransport,
): NaiveEntry | undefined {
  const rank = (entry: NaiveEntry) =>
    naivePermits(entry.rules, transport) ? 0 : 1;
  const prefix = ({ network }: NaiveEntry) => Number(network.split("/")[1]);
  return entries
    .filter(({ network }) => naiveCovers(network, address))
    .sort((a, b) =>
      rank(a) - rank(b) || prefix(b) - prefix(a) || (a.id < b.id ? 1 : -1)
    )[0];
}

/** Compares the first bits of two addresses as text. */
export function naiveCovers(network: string, address: Uint8Array): boolean {
  const [text = "", prefix = ""] = network.split("/");
  const bits = bitsOf(naiveAddress(text));
  return bits.length === address.length * 8 &&
    bitsOf(address).startsWith(bits.slice(0, Number(prefix)));
}

/** Reads an address without the code under test. */
export function naiveAddress(text: string): Uint8Array {
  if (!text.includes(":")) return Uint8Array.from(text.split("."), Number);
  const [head = "", tail] = text.split("::");
  const groups = (part: string) =>
    part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const middle = new Array<number>(8 - front.length - back.length).fill(0);
  return Uint8Array.from(
    [...front, ...middle, ...back].flatMap((
      group,
    ) => [group >> 8, group & 255]),
  );
}

function bitsOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
}

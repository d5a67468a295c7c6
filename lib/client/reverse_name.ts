import { type IpAddress, ipFromBytes, parseIp } from "../base/mod.ts";

/** Reads the name that an address is looked up under, RFC 1035 §3.5 and RFC 3596 §2.5; `undefined` for every other name. */
export function parseReverseName(name: string): IpAddress | undefined {
  const ipv4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(name)?.[1];
  if (ipv4 !== undefined) {
    return parseIp(ipv4.slice(0, -1).split(".").reverse().join("."));
  }
  const ipv6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.[1];
  if (ipv6 === undefined) return undefined;
  const digits = ipv6.slice(0, -1).split(".").reverse().join("");
  const bytes = digits.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
  return ipFromBytes(Uint8Array.from(bytes));
}

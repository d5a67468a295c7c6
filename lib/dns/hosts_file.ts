import { equalIps, type IpAddress, parseIp } from "../base/mod.ts";

/** The addresses of each name in a hosts file, names in lower case. */
export type HostsFile = ReadonlyMap<string, readonly IpAddress[]>;

/** Names kept of a file: enough for the long lists of names to block that some hosts carry. */
const MAX_NAMES = 500_000;

/** Reads a hosts file, hosts(5): an address and its names on each line. A name on several lines has all their addresses. */
export function parseHostsFile(text: string): HostsFile {
  const hosts = new Map<string, IpAddress[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.split("#", 1)[0]!.trim().split(/\s+/);
    const ip = names.length > 0 ? parseIp(address) : undefined;
    if (!ip) continue;
    for (const name of names) add(hosts, name.toLowerCase(), ip);
  }
  return hosts;
}

function add(
  hosts: Map<string, IpAddress[]>,
  name: string,
  ip: IpAddress,
): void {
  const known = hosts.get(name);
  if (!known) {
    if (hosts.size < MAX_NAMES) hosts.set(name, [ip]);
  } else if (!known.some((other) => equalIps(other, ip))) {
    known.push(ip);
  }
}

import { type Cidr, cidrContains, formatCidr, parseCidr } from "../base/mod.ts";
import { RESERVED_RANGES } from "./address_plan.ts";
import type { PortFilter, ResourceEntry } from "./policy.ts";
import type { Fields } from "./policy_reader.ts";

/** The part of a resource that has nothing to do with other entries. */
export type ResourceShape = Pick<
  ResourceEntry,
  "kind" | "address" | "ipStack" | "filters"
>;

const TYPES = ["cidr", "ip", "dns", "internet"] as const;
const MAX_PORT = 0xffff;

/** Reads type, address and filters of a resource of the policy file. */
export function readResource(fields: Fields): ResourceShape {
  const type = fields.choice("type", TYPES);
  const ipStack = fields.choice("ip_stack", ["dual", "ipv4_only", "ipv6_only"]);
  const filters = fields.objects("filters").flatMap(readFilter);
  switch (type) {
    case "internet":
      return { kind: "internet", address: "", ipStack, filters };
    case "dns":
      return { kind: "dns", address: readPattern(fields), ipStack, filters };
    case "cidr":
    case "ip": {
      const address = readNetwork(fields, type);
      return { kind: "cidr", address, ipStack, filters };
    }
  }
}

function readNetwork(fields: Fields, type: "cidr" | "ip"): string {
  const text = fields.text("address");
  if (text === "") return "";
  const cidr = type === "ip" && text.includes("/")
    ? undefined
    : parseCidr(text);
  if (!cidr) {
    const wanted = type === "ip" ? "an IP address" : "a network";
    fields.note("address", `must be ${wanted}: "${text}"`);
    return "";
  }
  if (RESERVED_RANGES.some((range) => overlaps(range, cidr))) {
    fields.note("address", `lies in a range the tunnel uses: "${text}"`);
  }
  return formatCidr(cidr);
}

/** A network that covers a reserved range is fine (0.0.0.0/0), one inside of it is not. */
function overlaps(range: Cidr, cidr: Cidr): boolean {
  return cidr.prefixLength >= range.prefixLength &&
    cidrContains(range, cidr.ip);
}

function readPattern(fields: Fields): string {
  const text = fields.text("address");
  if (text !== "" && !/^[A-Za-z0-9_*?-]+(\.[A-Za-z0-9_*?-]+)*$/.test(text)) {
    fields.note(
      "address",
      `must be a domain, with *, ** or ? as wildcards: "${text}"`,
    );
  }
  return text;
}

/** One entry of the file becomes one filter for each of its port ranges, as on the wire. */
function readFilter(fields: Fields): PortFilter[] {
  const protocol = fields.choice("protocol", ["tcp", "udp", "icmp"]);
  const ports = fields.list("ports");
  fields.finish();
  if (protocol === "icmp") {
    if (ports.length > 0) fields.note("ports", "icmp has no ports");
    return [{ protocol }];
  }
  if (ports.length === 0) return [{ protocol, start: 0, end: MAX_PORT }];
  return ports.flatMap((value, i) => {
    const range = readPorts(value);
    if (!range) {
      fields.note(
        `ports[${i}]`,
        'must be text such as "443" or "8000-8100"',
      );
    }
    return range ? [{ protocol, ...range }] : [];
  });
}

function readPorts(value: unknown): { start: number; end: number } | null {
  const match = typeof value === "string" || typeof value === "number"
    ? /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value))
    : null;
  if (!match) return null;
  const start = Number(match[1]);
  const end = Number(match[2] ?? match[1]);
  return start <= end && end <= MAX_PORT ? { start, end } : null;
}

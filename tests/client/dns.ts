import { formatIp } from "../../lib/base/mod.ts";
import type { ClientResource } from "../../lib/portal/mod.ts";
import { encodeP2pControl } from "../../lib/wire/mod.ts";
import { type Harness, SITE } from "./harness.ts";

export const A = 1;
export const PTR = 12;
export const TXT = 16;
export const AAAA = 28;
export const SRV = 33;
export const HTTPS = 65;

type DnsResource = Extract<ClientResource, { kind: "dns" }>;

export function dns(
  id: string,
  address: string,
  edits: Partial<DnsResource> = {},
): DnsResource {
  return {
    kind: "dns",
    id,
    name: id,
    address,
    ipStack: "dual",
    filters: [],
    sites: [SITE],
    ...edits,
  };
}

/** Writes a recursive query as RFC 1035 §4.1 says. */
export function dnsQuery(name: string, type: number, id = 7): Uint8Array {
  const labels = name.split(".").filter((label) => label !== "")
    .map((label) => new TextEncoder().encode(label));
  return Uint8Array.from([
    ...[id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    ...labels.flatMap((label) => [label.length, ...label]),
    ...[0, type >> 8, type & 0xff, 0, 1],
  ]);
}

/** What an answer says: `addresses` or the like, in text form; the code alone without records. */
export function textOf(answer: Uint8Array): string {
  const code = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN"][answer[3]! & 15];
  let at = 12;
  while (answer[at] !== 0) at += 1 + answer[at]!;
  at += 5;
  const records: string[] = [];
  for (let left = answer[6]! * 256 + answer[7]!; left > 0; left--) {
    at += 2; // A pointer to the question.
    const type = answer[at]! * 256 + answer[at + 1]!;
    const length = answer[at + 8]! * 256 + answer[at + 9]!;
    const data = answer.slice(at + 10, at + 10 + length);
    at += 10 + length;
    records.push(
      type === PTR
        ? new TextDecoder().decode(data.slice(1, -1))
        : formatIp({ family: length === 4 ? 4 : 6, bytes: data }),
    );
  }
  return records.length > 0 ? records.join(" ") : code ?? "?";
}

/** Asks the client for a name. Returns what it answers, or whom it would ask. Other events are lost. */
export function ask(h: Harness, name: string, type: number = A): string {
  h.client.handleMessage({
    kind: "dns-query",
    id: 1,
    query: dnsQuery(name, type),
    transport: "udp",
  }, h.now);
  return dnsEvents(h).join();
}

/** Takes the events and returns those about DNS in text form. */
export function dnsEvents(h: Harness): string[] {
  return h.events().flatMap((event) => {
    if (event.kind === "dns-answer") {
      return [event.answer ? textOf(event.answer) : "nothing"];
    }
    if (event.kind !== "dns-forward") return [];
    const servers = event.servers.map(({ ip, port }) =>
      `${formatIp(ip)}#${port}`
    );
    const via = event.mark ? "outside" : "tunnel";
    return [`${event.transport} ${via} ${servers.join(" ")}`];
  });
}

/** Builds a gateway's answer to an announcement. */
export function domainStatus(
  resource: string,
  domain: string,
  status: string,
): Uint8Array {
  return encodeP2pControl(
    1,
    new TextEncoder().encode(JSON.stringify({ resource, domain, status })),
  );
}

/** The announcements among what the client has sent, as the gateway reads them, and how many other packets there were. Forgets them all. */
export function takeSent(h: Harness): {
  announced: { peer: string; text: string }[];
  others: number;
} {
  const sent = h.node.sent.splice(0);
  const isControl = (packet: Uint8Array) => packet[6] === 255;
  return {
    announced: sent.filter(({ packet }) => isControl(packet)).map((
      { peer, packet },
    ) => ({ peer, text: new TextDecoder().decode(packet.subarray(48)) })),
    others: sent.filter(({ packet }) => !isControl(packet)).length,
  };
}

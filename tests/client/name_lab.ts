import { parseIp } from "../../lib/base/mod.ts";
import { policyFile } from "../control/lab.ts";
import { destinationOf, sourceOf } from "../support/packet_fields.ts";
import { dnsQuery, textOf } from "./dns.ts";
import { type RoleHost, WholeLab } from "./whole_lab.ts";

export const WIKI_ID = "55555555-ffff-4fff-8fff-555555555555";
export const CLIENT_V4 = "100.64.0.2";
export const CLIENT_V6 = "fd00:2021:1111::2";

const LOOKUP_MS = 30;

/** A policy with a network and the DNS resources `wiki.example` and `*.wild.example`, for two clients. */
export function namePolicy(): ReturnType<typeof policyFile> {
  const file = policyFile();
  file.clients.push({
    name: "phone",
    token: "n.client-2",
    ipv4: "100.64.0.3",
    ipv6: "fd00:2021:1111::3",
  });
  file.resources.push(
    {
      name: "Wiki",
      id: WIKI_ID,
      type: "dns",
      address: "wiki.example",
      site: "HQ",
    },
    { name: "Wild", type: "dns", address: "*.wild.example", site: "HQ" },
  );
  file.policies = [{ client: "*", resource: "*" }];
  return file;
}

/** The whole lab with a gateway that looks names up in a list. */
export class NameLab {
  readonly lab: WholeLab;
  readonly gateway: RoleHost;
  /** Addresses of names. A name that is not listed is never answered for. */
  readonly zone: Map<string, readonly string[]> = new Map([
    ["wiki.example", ["10.0.0.1", "2001:db8::1"]],
    ["a.wild.example", ["10.0.0.1", "2001:db8::1"]],
    ["four.wild.example", ["10.0.0.4"]],
  ]);
  /** Names that were looked up. */
  readonly lookedUp: string[] = [];

  constructor(file: unknown = namePolicy()) {
    this.lab = new WholeLab(file);
    this.gateway = this.lab.add("gateway", ".gateway", "203.0.113.2");
    this.gateway.takeEvent = (event) => {
      if (event.kind !== "resolve-domain") return false;
      this.#resolve(event.queryId, event.domain);
      return true;
    };
  }

  /** Adds a client. */
  addClient(token = "n.client", address = "203.0.113.1"): RoleHost {
    const client = this.lab.add("client", token, address);
    this.lab.world.advance(1_000);
    return client;
  }

  /** Asks a client for a name and returns the first address that it says. */
  ask(client: RoleHost, domain: string, type = 1): string {
    const query = dnsQuery(domain, type);
    const { world } = this.lab;
    client.tell(
      { kind: "dns-query", id: 1, query, transport: "udp" },
      world.now,
    );
    world.advance(1);
    const event = client.events.findLast(({ kind }) => kind === "dns-answer");
    if (event?.kind !== "dns-answer" || !event.answer) return "nothing";
    return textOf(event.answer).split(" ")[0]!;
  }

  /** Lets a client send a packet, and returns what the gateway's and the client's TUN devices receive within a few seconds. */
  exchange(
    client: RoleHost,
    packet: Uint8Array,
    ms = 3_000,
  ): { gateway: Uint8Array[]; client: Uint8Array[] } {
    this.gateway.delivered.length = 0;
    client.delivered.length = 0;
    client.send(packet, this.lab.world.now);
    this.lab.world.advance(ms);
    return {
      gateway: this.gateway.delivered.splice(0),
      client: client.delivered.splice(0),
    };
  }

  /** Lets the gateway's side send a packet to a client, and returns what that one receives. */
  reply(client: RoleHost, packet: Uint8Array): Uint8Array[] {
    client.delivered.length = 0;
    this.gateway.send(packet, this.lab.world.now);
    this.lab.world.advance(200);
    return client.delivered.splice(0);
  }

  #resolve(queryId: number, domain: string): void {
    this.lookedUp.push(domain);
    const found = this.zone.get(domain);
    if (!found) return;
    const addresses = found.map((text) => parseIp(text)!);
    const { world } = this.lab;
    world.schedule(LOOKUP_MS, () =>
      this.gateway.tell(
        { kind: "domain-resolved", queryId, addresses },
        world.now,
      ));
  }
}

/** Where a packet comes from and goes to. */
export function wayOf(packet: Uint8Array | undefined): string {
  return packet ? `${sourceOf(packet)} > ${destinationOf(packet)}` : "nothing";
}

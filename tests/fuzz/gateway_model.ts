import type { Resource } from "../../lib/portal/mod.ts";
import {
  ALICE,
  BOB,
  cidrResource,
  type TestClient,
  WIKI,
} from "../support/gateway_harness.ts";
import {
  NaiveDomains,
  type NaiveTranslation,
} from "../support/naive_domains.ts";
import {
  naiveInbound,
  naiveOutbound,
  type PacketFacts,
} from "../support/naive_gateway.ts";
import {
  naiveAddress,
  naiveCovers,
  naivePermits,
} from "../support/naive_policy.ts";
import { CLIENTS } from "./gateway_inputs.ts";

const PROXY = ["100.96.0.0/11", "fd00:2021:1111:8000::/107"];

/** Longest time for looking up a name. */
const RESOLUTION_LIMIT_MS = 10_000;

/** What a client is left with whose record is empty, until housekeeping: it can still reach the gateway. */
const NOTHING = cidrResource("", "203.0.113.255/32");

/** What a client was granted, as the portal understands it. */
interface Grant {
  readonly resource: Resource;
  readonly expiresAt: number;
}

/** What a client announced. */
export interface Announced {
  readonly client: TestClient;
  readonly resource: string;
  readonly domain: string;
  readonly proxies: readonly string[];
}

interface Question extends Announced {
  readonly giveUpAt: number;
}

/** What the gateway knows of one client. */
class Record {
  readonly grants = new Map<string, Grant>();
  readonly domains = new NaiveDomains();
  /** Outside tuples of all sessions since the client is known, as text. */
  readonly tuples = new Set<string>();

  get exists(): boolean {
    return this.grants.size > 0;
  }

  resetNames(): void {
    this.domains.clear();
    this.tuples.clear();
  }
}

/** What a gateway ought to know and do, in words. */
export class GatewayModel {
  readonly #records = new Map(CLIENTS.map((it) => [it, new Record()]));
  readonly #questions = new Map<number, Question>();

  grant(client: TestClient, resource: Resource, expiresAt: number): void {
    const { grants } = this.#recordOf(client);
    const known = grants.get(resource.id)?.resource;
    grants.set(resource.id, { resource: merged(known, resource), expiresAt });
    grants.delete(NOTHING.id);
  }

  reject(client: TestClient, resourceId: string): void {
    const record = this.#recordOf(client);
    record.grants.delete(resourceId);
    if (!record.exists) this.forget(client);
  }

  update(resource: Resource): void {
    for (const { grants } of this.#records.values()) {
      const known = grants.get(resource.id);
      if (known === undefined) continue;
      const updated = merged(known.resource, resource);
      grants.set(resource.id, { ...known, resource: updated });
    }
  }

  /** Only this authorization of the client stays, if there is such. An emptied record stays until housekeeping. */
  keepOnly(
    client: TestClient,
    id: string,
    expiresAt: number,
    now: number,
  ): void {
    const { grants } = this.#recordOf(client);
    const hadAny = grants.size > 0;
    const kept = grants.get(id);
    grants.clear();
    if (kept) grants.set(id, { ...kept, expiresAt });
    else if (hadAny) {
      grants.set(NOTHING.id, { resource: NOTHING, expiresAt: now });
    }
  }

  /** Housekeeping: what is over goes, and records without anything. Returns the questions that are given up. */
  expire(now: number): Announced[] {
    const givenUp = [...this.#questions]
      .filter(([, { giveUpAt }]) => giveUpAt <= now);
    for (const [id] of givenUp) this.#questions.delete(id);
    for (const [client, { grants }] of this.#records) {
      const before = grants.size;
      for (const [id, { expiresAt }] of grants) {
        if (expiresAt <= now) grants.delete(id);
      }
      if (before > 0 && grants.size === 0) this.forget(client);
    }
    return givenUp.map(([, question]) => question);
  }

  /** The record is gone, with everything in it. */
  forget(client: TestClient): void {
    const record = this.#recordOf(client);
    record.grants.clear();
    record.resetNames();
    for (const [id, question] of this.#questions) {
      if (question.client === client) this.#questions.delete(id);
    }
  }

  /** What becomes of an announcement at once. */
  judgeAnnouncement(
    { client, resource, domain, proxies }: Announced,
  ): "unknown" | "inactive" | "asked" {
    const record = this.#recordOf(client);
    if (!record.exists) return "unknown";
    if (!record.grants.has(resource)) return "inactive";
    if (record.domains.contradicts(domain, proxies)) record.resetNames();
    return this.#isNamed(record, resource, domain) ? "asked" : "inactive";
  }

  ask(id: number, announced: Announced, now: number): void {
    const giveUpAt = now + RESOLUTION_LIMIT_MS;
    this.#questions.set(id, { ...announced, giveUpAt });
  }

  get questionIds(): readonly number[] {
    return [...this.#questions.keys()];
  }

  /** Takes the answer to a question. Returns what the client is told, if anything. */
  resolve(
    id: number,
    addresses: readonly string[],
  ): { readonly question: Announced; readonly isActive: boolean } | undefined {
    const question = this.#questions.get(id);
    if (question === undefined) return undefined;
    this.#questions.delete(id);
    const { client, resource, domain, proxies } = question;
    const record = this.#recordOf(client);
    if (record.domains.contradicts(domain, proxies)) record.resetNames();
    const isActive = this.#isNamed(record, resource, domain);
    if (isActive) record.domains.assign(domain, resource, proxies, addresses);
    return { question, isActive };
  }

  /** What becomes of a client's packet. */
  judgeOutbound(
    client: TestClient,
    facts: PacketFacts,
  ): "dropped" | "forwarded" | "translated" {
    const { grants, domains } = this.#recordOf(client);
    const resources = [...grants.values()].map(({ resource }) => resource);
    if (!isProxy(facts.destination)) {
      return naiveOutbound(resources, seenBy(client, facts))
        ? "forwarded"
        : "dropped";
    }
    const isOwn = [client.ipv4, client.ipv6].includes(facts.source);
    const translation = domains.find(facts.destination);
    if (!isOwn || translation?.real === undefined) return "dropped";
    return isPermittedByName(resources, translation, facts)
      ? "translated"
      : "dropped";
  }

  /** Whether a packet from the TUN device that belongs to no session of a name reaches the client. */
  allowsInbound(client: TestClient, facts: PacketFacts): boolean {
    const { grants } = this.#recordOf(client);
    const resources = [...grants.values()].map(({ resource }) => resource);
    return naiveInbound(resources, seenBy(client, facts));
  }

  /** Notes a session of a name; its tuple is never again treated as a stranger's. */
  noteTuple(client: TestClient, tuple: string): void {
    this.#recordOf(client).tuples.add(tuple);
  }

  /** Whether a packet on this tuple may belong to a name; without a tuple, whether any may. */
  mayBelongToName(client: TestClient, tuple?: string): boolean {
    const { tuples } = this.#recordOf(client);
    return tuple === undefined ? tuples.size > 0 : tuples.has(tuple);
  }

  #recordOf(client: TestClient): Record {
    return this.#records.get(client)!;
  }

  #isNamed(record: Record, resource: string, domain: string): boolean {
    return record.grants.get(resource)?.resource.kind === "dns" &&
      domain.toLowerCase() === WIKI;
  }
}

/** Whether one of the resources that announced a name lets a packet of a translatable kind pass. */
function isPermittedByName(
  resources: readonly Resource[],
  translation: NaiveTranslation,
  { kind, port }: PacketFacts,
): boolean {
  if (kind !== "tcp" && kind !== "udp" && kind !== "echo") return false;
  return resources.some((resource) =>
    resource.kind === "dns" && translation.resources.has(resource.id) &&
    naivePermits(resource.filters, { kind, value: port })
  );
}

function isProxy(address: string): boolean {
  return PROXY.some((network) => naiveCovers(network, naiveAddress(address)));
}

/** Of a resource that is known only the filters change. */
function merged(known: Resource | undefined, update: Resource): Resource {
  if (known === undefined || known.kind !== update.kind) {
    return known ?? update;
  }
  if (known.kind === "internet" || update.kind === "internet") return known;
  return { ...known, filters: update.filters };
}

/** The tables are written for Alice. For Bob the two change places. */
function seenBy(client: TestClient, facts: PacketFacts): PacketFacts {
  if (client === ALICE) return facts;
  const swapped = new Map([
    [ALICE.ipv4, BOB.ipv4],
    [ALICE.ipv6, BOB.ipv6],
    [BOB.ipv4, ALICE.ipv4],
    [BOB.ipv6, ALICE.ipv6],
  ]);
  const source = swapped.get(facts.source) ?? facts.source;
  const destination = swapped.get(facts.destination) ?? facts.destination;
  return { ...facts, source, destination };
}

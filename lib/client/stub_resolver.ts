import {
  after,
  Counters,
  earlier,
  formatIp,
  type Instant,
  type IpAddress,
  NEVER,
  parseIp,
  type SocketAddress,
  unreachable,
} from "../base/mod.ts";
import {
  CLASS_IN,
  DNS_PORT,
  type DnsMessage,
  type DnsTransport,
  isQueryableName,
  RCODE_NAME_ERROR,
  RCODE_NO_ERROR,
  RCODE_SERVER_FAILURE,
  readQuery,
  type ReplyRecord,
  TYPE_A,
  TYPE_AAAA,
  writeReply,
} from "../dns/mod.ts";
import { isProxyAddress } from "../policy/mod.ts";
import type { ClientInterface } from "../portal/mod.ts";
import { packSelector, SELECTOR_UDP } from "../wire/mod.ts";
import {
  ANSWER_TTL_S,
  GATEWAY_DNS_PORT,
  MAX_WAITING_QUERIES,
  QUERY_TIMEOUT_MS,
} from "./constants.ts";
import type { Name } from "./names.ts";
import type { NatSetups } from "./nat_setups.ts";
import type { Outbox } from "./outbox.ts";
import type { Requests } from "./requests.ts";
import { parseReverseName } from "./reverse_name.ts";
import type { Route, Routes } from "./routes.ts";

/** Record types, RFC 1035 §3.2.2 and RFC 2782. */
const TYPE_PTR = 12;
const TYPE_TXT = 16;
const TYPE_SRV = 33;

const DNS_SELECTOR = packSelector(SELECTOR_UDP, DNS_PORT);

/** What became of a query. */
export type QueryOutcome = (typeof QUERY_OUTCOMES)[number];

/** All outcomes, to make counters of. */
export const QUERY_OUTCOMES = [
  "malformed",
  "addresses",
  "no-data",
  "reverse",
  "unknown-address",
  "too-many-names",
  "asked-gateway",
  "awaiting-gateway",
  "too-many-waiting",
  "access-refused",
  "unanswered",
  "asked-resolver",
  "no-resolver",
] as const;

/** A query of an application of this host. */
export interface ClientQuery {
  /** The shell's number for it. */
  readonly id: number;
  /** The message. */
  readonly query: Uint8Array;
  /** How it came. */
  readonly transport: DnsTransport;
}

/** A query that waits for access to the resource whose gateway is to be asked. */
interface WaitingQuery extends ClientQuery {
  readonly message: DnsMessage;
  readonly route: Route;
  readonly giveUpAt: Instant;
}

/** What a stub resolver works with. */
export interface StubResolverDeps {
  /** Names and the way to them. */
  readonly routes: Routes;
  /** Asks for access to a gateway. */
  readonly requests: Requests;
  /** Is told which names are asked for. */
  readonly setups: NatSetups;
  /** Where answers go. */
  readonly outbox: Outbox;
}

/**
 * Answers the DNS queries of this host, or tells whom to ask (data-plane spec §18.3).
 *
 * Addresses of names that a DNS resource covers are ours to say; their SRV
 * and TXT records are asked for at the gateway, and all other types have
 * none. Everything else goes to the resolvers that the portal names, or else
 * to those of the host.
 */
export class StubResolver {
  /** Queries by what became of them. One that waited counts twice. */
  readonly outcomes: Counters<QueryOutcome> = new Counters<QueryOutcome>(
    QUERY_OUTCOMES,
  );
  readonly #deps: StubResolverDeps;
  #waiting: WaitingQuery[] = [];
  #portalResolvers: readonly IpAddress[] = [];
  #systemResolvers: readonly IpAddress[] = [];
  #searchDomain: string | undefined;

  /** Creates a resolver that knows no other. */
  constructor(deps: StubResolverDeps) {
    this.#deps = deps;
  }

  /** Uses what the portal says of names. */
  configure({ upstreamDns, searchDomain }: ClientInterface): void {
    this.#portalResolvers = upstreamDns.flatMap((text) => parseIp(text) ?? []);
    this.#searchDomain = searchDomain?.toLowerCase().replace(/\.$/, "");
  }

  /** Uses the host's resolvers where the portal names none. */
  useSystemResolvers(addresses: readonly IpAddress[]): void {
    this.#systemResolvers = addresses;
  }

  /** Takes a query. Exactly one answer, or one question to somebody else, comes of it. */
  handleQuery(query: ClientQuery, now: Instant): void {
    const message = readQuery(query.query);
    if (!message) {
      this.outcomes.increment("malformed");
      return this.#deps.outbox.emit({
        kind: "dns-answer",
        id: query.id,
        answer: undefined,
      });
    }
    if (message.class !== CLASS_IN) return this.#forward(query, message);
    if (message.type === TYPE_PTR) return this.#answerPtr(query, message);

    const name = this.#nameOf(message);
    if (name === "no-resource") return this.#forward(query, message);
    if (name === "no-room") return this.#fail(query, message, "too-many-names");
    this.#answerFor(name, query, message, now);
  }

  /** Goes on with queries whose resource was granted or refused meanwhile. Cheap while none waits. */
  settle(now: Instant): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const query of waiting) this.#settle(query, now);
  }

  /** When a query is given up. */
  pollTimeout(): Instant {
    return this.#waiting.reduce(
      (next, { giveUpAt }) => earlier(next, giveUpAt),
      NEVER,
    );
  }

  /** A name of one label is looked for in the search domain as well. One that gateways cannot look up is no resource's. */
  #nameOf({ name, type }: DnsMessage): Name | "no-resource" | "no-room" {
    if (!isQueryableName(name)) return "no-resource";
    const { routes } = this.#deps;
    const found = routes.nameOf(name);
    const isSearched = found === "no-resource" && !name.includes(".") &&
      (type === TYPE_A || type === TYPE_AAAA);
    return isSearched && this.#searchDomain
      ? routes.nameOf(`${name}.${this.#searchDomain}`)
      : found;
  }

  #answerFor(
    name: Name,
    query: ClientQuery,
    message: DnsMessage,
    now: Instant,
  ): void {
    switch (message.type) {
      case TYPE_A:
      case TYPE_AAAA: {
        const family = message.type === TYPE_A ? 4 : 6;
        const addresses = family === 4 ? name.ipv4 : name.ipv6;
        this.#deps.setups.handleQuery(name, now);
        return name.isOffered(family)
          ? this.#answer(
            query,
            message,
            "addresses",
            addresses.map(addressRecord),
          )
          : this.#answer(query, message, "no-data", []);
      }
      case TYPE_SRV:
      case TYPE_TXT:
        return this.#askGateway(name, query, message, now);
      default:
        return this.#answer(query, message, "no-data", []);
    }
  }

  /** The gateway of the most specific resource is asked. */
  #askGateway(
    { routes }: Name,
    query: ClientQuery,
    message: DnsMessage,
    now: Instant,
  ): void {
    const [route] = routes;
    if (!route) return this.#forward(query, message);
    route.usedAt = now;
    if (route.access.kind !== "granted") this.#deps.requests.want(route, now);
    if (this.#waiting.length >= MAX_WAITING_QUERIES) {
      return this.#fail(query, message, "too-many-waiting");
    }
    if (route.access.kind !== "granted") {
      this.outcomes.increment("awaiting-gateway");
    }
    const giveUpAt = after(now, QUERY_TIMEOUT_MS);
    this.#settle({ ...query, message, route, giveUpAt }, now);
  }

  #settle(query: WaitingQuery, now: Instant): void {
    const { message, route: { access } } = query;
    switch (access.kind) {
      case "granted": {
        const { ipv4, ipv6 } = access.gateway.addresses;
        const servers = [ipv4, ipv6].map((ip) => ({
          ip,
          port: GATEWAY_DNS_PORT,
        }));
        return this.#ask(query, servers, false, "asked-gateway");
      }
      case "awaiting-relay":
      case "requested":
        if (now >= query.giveUpAt) {
          return this.#fail(query, message, "unanswered");
        }
        this.#waiting.push(query);
        return;
      case "none":
      case "held-off":
        return this.#fail(query, message, "access-refused");
      default:
        return unreachable(access);
    }
  }

  /** A resolver that is itself a resource is asked through the tunnel. */
  #forward(query: ClientQuery, message: DnsMessage): void {
    const resolvers = this.#portalResolvers.length > 0
      ? this.#portalResolvers
      : this.#systemResolvers;
    const [first] = resolvers;
    if (!first) return this.#fail(query, message, "no-resolver");
    const isMarked = !this.#isResource(first);
    const servers = resolvers
      .filter((ip) => this.#isResource(ip) !== isMarked)
      .map((ip) => ({ ip, port: DNS_PORT }));
    this.#ask(query, servers, isMarked, "asked-resolver");
  }

  #isResource({ family, bytes }: IpAddress): boolean {
    const { routes } = this.#deps;
    return routes.select(family, bytes, 0, DNS_SELECTOR) !== "no-resource";
  }

  #answerPtr(query: ClientQuery, message: DnsMessage): void {
    const ip = parseReverseName(message.name);
    if (!ip || !isProxyAddress(ip.family, ip.bytes, 0)) {
      return this.#forward(query, message);
    }
    const name = this.#deps.routes.names.byProxy(ip.family, ip.bytes, 0);
    if (!name?.isOffered(ip.family)) {
      return this.#reply(
        query,
        message,
        "unknown-address",
        RCODE_NAME_ERROR,
        [],
      );
    }
    const data = name.domain;
    this.#answer(query, message, "reverse", [
      { type: "PTR", ttlSeconds: ANSWER_TTL_S, data },
    ]);
  }

  #ask(
    { id, query, transport }: ClientQuery,
    servers: readonly SocketAddress[],
    mark: boolean,
    outcome: QueryOutcome,
  ): void {
    this.outcomes.increment(outcome);
    this.#deps.outbox.emit({
      kind: "dns-forward",
      id,
      query,
      servers,
      transport,
      mark,
    });
  }

  #answer(
    query: ClientQuery,
    message: DnsMessage,
    outcome: QueryOutcome,
    records: readonly ReplyRecord[],
  ): void {
    this.#reply(query, message, outcome, RCODE_NO_ERROR, records);
  }

  #fail(
    query: ClientQuery,
    message: DnsMessage,
    outcome: QueryOutcome,
  ): void {
    this.#reply(query, message, outcome, RCODE_SERVER_FAILURE, []);
  }

  #reply(
    { id, query }: ClientQuery,
    message: DnsMessage,
    outcome: QueryOutcome,
    rcode: number,
    records: readonly ReplyRecord[],
  ): void {
    this.outcomes.increment(outcome);
    const answer = writeReply(query, message, rcode, records);
    this.#deps.outbox.emit({ kind: "dns-answer", id, answer });
  }
}

function addressRecord(ip: IpAddress): ReplyRecord {
  return {
    type: ip.family === 4 ? "A" : "AAAA",
    ttlSeconds: ANSWER_TTL_S,
    data: formatIp(ip),
  };
}

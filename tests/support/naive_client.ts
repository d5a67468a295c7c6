import { toHex } from "../../lib/base/mod.ts";
import type { Resource } from "../../lib/portal/mod.ts";
import type { TestClient } from "./gateway_harness.ts";
import { addressBytes } from "./ip_packet.ts";
import {
  naiveInbound,
  naiveOutbound,
  type PacketFacts,
  PROXY,
  within,
} from "./naive_gateway.ts";
import { type NaiveKind, NaiveNat } from "./naive_nat.ts";
import { naivePermits } from "./naive_policy.ts";

/** A packet in words. `otherPort` is that of the client's side; an echo's identifier. An ICMP error quotes a UDP packet that the client sent to the error's source. */
export interface FlowFacts extends PacketFacts {
  readonly otherPort: number;
}

/** What a client announces, and what comes of it. */
export interface NaiveName {
  readonly resource: string;
  readonly domain: string;
  readonly proxies: readonly string[];
  readonly addresses: readonly string[];
}

const NO_FLAGS = { fin: false, rst: false };

/** One client of a gateway as data-plane spec §5, §6 and §8 tell it, with text for addresses and lists for tables. */
export class NaiveClient {
  readonly #client: TestClient;
  readonly #resources: readonly Resource[];
  readonly #names = new Map<
    string,
    { readonly resources: Set<string>; real: string | undefined }
  >();
  readonly #nat = new NaiveNat();

  constructor(client: TestClient, resources: readonly Resource[]) {
    this.#client = client;
    this.#resources = resources;
  }

  /** §8.1, for a resource that has the name and proxies that stand for no other name. */
  announce({ resource, proxies, addresses }: NaiveName): void {
    for (const isV6 of [false, true]) {
      const ofFamily = (all: readonly string[]) =>
        all.filter((text) => text.includes(":") === isV6)
          .sort((a, b) => digitsOf(a) < digitsOf(b) ? -1 : 1);
      const reals = ofFamily(addresses);
      ofFamily(proxies).forEach((proxy, i) => {
        const { resources } = this.#names.get(proxy) ??
          { resources: new Set() };
        const real = reals[i % reals.length];
        this.#names.set(proxy, { resources: resources.add(resource), real });
      });
    }
  }

  /** Returns the packet that reaches the TUN device, if one does. */
  outbound(facts: FlowFacts): FlowFacts | undefined {
    const { source, destination, kind, otherPort } = facts;
    const name = this.#nameOf(destination);
    if (name === undefined) {
      return naiveOutbound(this.#resources, facts, this.#client)
        ? facts
        : undefined;
    }
    const { ipv4, ipv6 } = this.#client;
    if (source !== ipv4 && source !== ipv6) return undefined;
    if (!this.#permits(name.resources, facts)) return undefined;
    const translated = naiveKind(kind);
    if (name.real === undefined || translated === undefined) return undefined;
    const inside = { kind: translated, value: otherPort, address: destination };
    const outside = this.#nat.send(inside, name.real, NO_FLAGS, 0);
    return outside === "exhausted" ? undefined : {
      ...facts,
      destination: outside.address,
      otherPort: outside.value,
    };
  }

  /** Returns the packet that reaches the client, if one does. */
  inbound(facts: FlowFacts): FlowFacts | undefined {
    const { ipv4, ipv6 } = this.#client;
    if (facts.destination !== ipv4 && facts.destination !== ipv6) {
      return undefined;
    }
    const { kind, source: address, otherPort: value } = facts;
    const isError = kind === "icmp-error";
    const translated = isError ? "udp" : naiveKind(kind);
    const inside = translated === undefined
      ? "none"
      : this.#nat.receive({ kind: translated, value, address }, NO_FLAGS, 0);
    const seen = typeof inside === "string"
      ? facts
      : { ...facts, source: inside.address, otherPort: inside.value };
    if (isError && seen !== facts) return seen;

    const name = seen === facts ? undefined : this.#nameOf(seen.source);
    const passes = name === undefined
      ? naiveInbound(this.#resources, seen, this.#client)
      : this.#permits(name.resources, seen);
    return passes ? seen : undefined;
  }

  #nameOf(address: string) {
    return within(PROXY, address) ? this.#names.get(address) : undefined;
  }

  #permits(
    ids: ReadonlySet<string>,
    { kind, port }: PacketFacts,
  ): boolean {
    if (kind === "icmp-error") return false;
    return this.#resources.some((it) =>
      it.kind === "dns" && ids.has(it.id) &&
      naivePermits(it.filters, { kind, value: port })
    );
  }
}

function digitsOf(address: string): string {
  return toHex(addressBytes(address));
}

function naiveKind(kind: PacketFacts["kind"]): NaiveKind | undefined {
  return kind === "tcp" || kind === "udp" || kind === "echo" ? kind : undefined;
}

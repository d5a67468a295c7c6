import type { IpAddress, Logger } from "../base/mod.ts";
import type { GatewayEvent, GatewayInput } from "../gateway/mod.ts";
import {
  Clock,
  HostDns,
  Resolver,
  SYSTEM_RANDOM,
  TunnelDns,
} from "../io/mod.ts";

/** What the names of a gateway need. */
export interface GatewayDnsOptions {
  /** Tells the core what a look-up came to. */
  readonly tell: (input: GatewayInput) => void;
  /** Hears how long each look-up took, in ms. */
  readonly onLookup: (tookMs: number) => void;
  /** Ends the program with a sentence for a person. */
  readonly fail: (sentence: string) => void;
  /** Where log lines go. */
  readonly log: Logger;
}

/** Looks names up for a gateway's core, and serves DNS on its tunnel addresses. */
export class GatewayDns {
  readonly #options: GatewayDnsOptions;
  readonly #resolver: Resolver;
  readonly #tunnelDns: TunnelDns;
  /** Ends each look-up that the core waits for. */
  readonly #waits = new Map<number, AbortController>();

  /** Reads the host's nameservers and tries them. */
  constructor(options: GatewayDnsOptions) {
    const { fail, log } = options;
    const clock = new Clock();
    const now = () => clock.now();
    const hostDns = new HostDns(log);
    this.#options = options;
    this.#resolver = new Resolver({ hostDns, now, random: SYSTEM_RANDOM });
    this.#tunnelDns = new TunnelDns({
      hostDns,
      now,
      random: SYSTEM_RANDOM,
      log,
      onFailure: (error) =>
        fail(`Cannot serve DNS in the tunnel: ${error.message}`),
    });
  }

  /** Answers the core, unless that takes so long that the core has given up. */
  async resolve(
    { queryId, domain }: Extract<GatewayEvent, { kind: "resolve-domain" }>,
  ): Promise<void> {
    const { tell, log, onLookup } = this.#options;
    const startedAt = performance.now();
    const wait = new AbortController();
    this.#waits.set(queryId, wait);
    const addresses = await this.#resolver.lookup(domain, wait.signal);
    this.#waits.delete(queryId);
    if (wait.signal.aborted) return;
    onLookup(performance.now() - startedAt);
    log.log("debug", "Looked a name up", {
      domain,
      addresses: addresses?.length,
    });
    if (addresses) tell({ kind: "domain-resolved", queryId, addresses });
  }

  /** Ends a look-up that the core does not wait for any more. */
  abandon(queryId: number): void {
    this.#waits.get(queryId)?.abort();
  }

  /** Serves on the addresses that the interface has. */
  async bind(
    { ipv4, ipv6 }: {
      readonly ipv4: IpAddress | undefined;
      readonly ipv6: IpAddress | undefined;
    },
  ): Promise<void> {
    await this.#tunnelDns.bind([ipv4, ipv6].filter((ip) => ip !== undefined));
  }

  /** Ends both. */
  async stop(): Promise<void> {
    this.#resolver.close();
    await this.#tunnelDns.close();
  }
}

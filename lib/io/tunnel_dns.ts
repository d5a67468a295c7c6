import {
  type Instant,
  type IpAddress,
  type Logger,
  randomBelow,
  type RandomSource,
} from "../base/mod.ts";
import {
  DNS_PORT,
  type DnsTransport,
  NameserverRanking,
  type ProbeOutcome,
  RCODE_NO_ERROR,
  RCODE_SERVER_FAILURE,
  readMessage,
  writeQuery,
  writeReply,
} from "../dns/mod.ts";
import { exchange } from "./dns_exchange.ts";
import { DnsBindError, DnsServer } from "./dns_server.ts";
import type { HostDns } from "./host_dns.ts";

/** Where clients ask (data-plane spec §1.4). */
const TUNNEL_DNS_PORT = 53_535;

/** Data-plane spec §1.3. */
const BIND_ATTEMPTS = 3;
const BIND_PAUSE_MS = 100;
const QUERY_LIMIT_MS = 5_000;
const EVALUATION_INTERVAL_MS = 60_000;
const PROBE_LIMIT_MS = 2_000;
const MAX_PROBES = 20;

/** Asked to find the fastest nameserver (data-plane spec §11). */
const PROBE_NAME = "firezone.dev";

/** What the service works with. */
export interface TunnelDnsOptions {
  /** The host's nameservers. */
  readonly hostDns: HostDns;
  /** Reads the monotonic clock. */
  readonly now: () => Instant;
  /** For the IDs of probes. */
  readonly random: RandomSource;
  /** Where its log lines go. */
  readonly log: Logger;
  /** Called when the service cannot listen, with the reason. */
  readonly onFailure: (error: DnsBindError) => void;
  /** Where the nameservers listen; for tests. */
  readonly port?: number;
}

/**
 * The DNS service in the tunnel, data-plane spec §11.
 *
 * Passes any query on as it is, over the transport that it came by, to the
 * nameserver that was the fastest when all were tried last, and its answer
 * back. Nothing is cached or looked into.
 */
export class TunnelDns {
  readonly #options: TunnelDnsOptions;
  readonly #ranking = new NameserverRanking();
  readonly #stopped = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #server: DnsServer | undefined;
  /** The bind under way or done. One follows the other. */
  #binding: Promise<void> = Promise.resolve();
  #bindCount = 0;

  /** Starts to try the nameservers. Serves nothing before the first `bind`. */
  constructor(options: TunnelDnsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#evaluate(), EVALUATION_INTERVAL_MS);
    void this.#refresh();
  }

  /** Serves on these addresses of the tunnel, and no others. Settles when it does or was overtaken by a later call. */
  bind(addresses: readonly IpAddress[]): Promise<void> {
    const own = ++this.#bindCount;
    this.#binding = this.#binding.then(async () => {
      await this.#unbind();
      await this.#listen(addresses, () => own === this.#bindCount);
    });
    return this.#binding;
  }

  /** Stops. */
  async close(): Promise<void> {
    this.#bindCount++;
    this.#stopped.abort();
    clearInterval(this.#timer);
    await this.#binding;
    await this.#unbind();
  }

  async #unbind(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.close();
  }

  /** The address may not be usable yet, or an old socket not gone: some attempts, then it is a failure. */
  async #listen(
    ips: readonly IpAddress[],
    isWanted: () => boolean,
  ): Promise<void> {
    const { log, onFailure } = this.#options;
    const addresses = ips.map((ip) => ({ ip, port: TUNNEL_DNS_PORT }));
    const handle = (query: Uint8Array, transport: DnsTransport) =>
      this.#answer(query, transport);
    let failure: DnsBindError | undefined;
    for (let left = BIND_ATTEMPTS; left > 0 && isWanted(); left--) {
      try {
        this.#server = await DnsServer.listen({ addresses, handle });
        return;
      } catch (error) {
        if (!(error instanceof DnsBindError)) throw error;
        failure = error;
        log.log("debug", "Cannot listen", { reason: error.message });
      }
      await pause(BIND_PAUSE_MS);
    }
    if (failure && isWanted()) onFailure(failure);
  }

  async #answer(
    query: Uint8Array,
    transport: DnsTransport,
  ): Promise<Uint8Array | undefined> {
    const asked = readMessage(query);
    if (!asked) return undefined;
    await this.#refresh();
    const ip = this.#ranking.fastest(transport);
    const answer = ip &&
      await this.#exchange(ip, transport, query, QUERY_LIMIT_MS);
    if (answer) return answer;
    // Until the next evaluation others are better.
    if (ip) this.#ranking.note(ip, transport, { kind: "silent" });
    return writeReply(query, asked, RCODE_SERVER_FAILURE);
  }

  /** Tries all nameservers anew if there are others than before. */
  async #refresh(): Promise<void> {
    const { nameservers } = await this.#options.hostDns.settings();
    if (nameservers === this.#ranking.nameservers) return;
    this.#ranking.setNameservers(nameservers);
    this.#evaluate();
  }

  /** Tries all nameservers. Their outcomes count as they come. */
  #evaluate(): void {
    const probes = this.#ranking.nameservers.flatMap((ip) =>
      (["udp", "tcp"] as const).map((transport) => ({ ip, transport }))
    );
    for (const { ip, transport } of probes.slice(0, MAX_PROBES)) {
      void this.#probe(ip, transport).then((outcome) =>
        this.#ranking.note(ip, transport, outcome)
      );
    }
  }

  async #probe(
    ip: IpAddress,
    transport: DnsTransport,
  ): Promise<ProbeOutcome> {
    const { now, random } = this.#options;
    const id = randomBelow(random, 0x10000);
    const query = writeQuery({ id, name: PROBE_NAME, type: "A" });
    const start = now();
    const answer = await this.#exchange(ip, transport, query, PROBE_LIMIT_MS);
    if (!answer) return { kind: "silent" };
    const isResolved = readMessage(answer)?.rcode === RCODE_NO_ERROR;
    const tookMs = now() - start;
    return { kind: isResolved ? "resolved" : "answered", tookMs };
  }

  #exchange(
    ip: IpAddress,
    transport: DnsTransport,
    query: Uint8Array,
    limitMs: number,
  ): Promise<Uint8Array | undefined> {
    const { port = DNS_PORT } = this.#options;
    const { signal } = this.#stopped;
    const server = { ip, port };
    return exchange({ server, transport, query, limitMs, mark: true, signal });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

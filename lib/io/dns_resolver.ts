import {
  type Instant,
  type IpAddress,
  type IpFamily,
  randomBelow,
  type RandomSource,
} from "../base/mod.ts";
import {
  type AddressAnswer,
  AddressCache,
  DNS_PORT,
  type DnsTransport,
  isQueryableName,
  NameserverOrder,
  RCODE_NAME_ERROR,
  RCODE_NO_ERROR,
  readAddresses,
  readMessage,
  type ResolverSettings,
  searchOrder,
  writeQuery,
} from "../dns/mod.ts";
import { exchange } from "./dns_exchange.ts";
import type { HostDns } from "./host_dns.ts";
import { staggered } from "./staggered.ts";

/** Limit of one look-up with all that it takes, in ms (data-plane spec §1.3). */
const LOOKUP_LIMIT_MS = 10_000;

/** Look-ups at a time (data-plane spec §1.3). */
const MAX_LOOKUPS = 1_000;

/** How long a nameserver is waited for before the next one is asked beside it, in ms. Our own choice: a dead one must not eat the limit up. */
const STAGGER_MS = 1_000;

/** What the other family gets once one has addresses, in ms. Our own choice: some nameservers never answer for AAAA. */
const OTHER_FAMILY_MS = 2_000;

/** Aliases asked for one after the other. Our own choice; nameservers that recurse need none. */
const MAX_ALIASES = 8;

/** What a resolver works with. */
export interface ResolverOptions {
  /** The host's nameservers and hosts file. */
  readonly hostDns: HostDns;
  /** Reads the monotonic clock. */
  readonly now: () => Instant;
  /** For the IDs of queries. */
  readonly random: RandomSource;
  /** Where the nameservers listen; for tests. */
  readonly port?: number;
}

/** A name that is being looked up. */
interface Running {
  readonly addresses: Promise<IpAddress[] | undefined>;
  readonly abandoned: AbortController;
  /** How many wait for it. */
  waiting: number;
}

/** One look-up under way. */
interface Lookup {
  readonly settings: ResolverSettings;
  readonly signal: AbortSignal;
}

/**
 * Finds the addresses of DNS resources, data-plane spec §10.
 *
 * The hosts file comes first, then the host's nameservers, over marked
 * sockets. A nameserver that refuses, fails or says nothing is followed by the
 * next one; the first that knows, or knows that there is nothing, is believed.
 */
export class Resolver {
  readonly #options: ResolverOptions;
  readonly #cache = new AddressCache();
  readonly #order = new NameserverOrder();
  readonly #running = new Map<string, Running>();
  readonly #stopped = new AbortController();
  /** The state of the files that the cache was filled under. */
  #fileChanges = 0;

  /** Asks nothing yet. */
  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /**
   * Returns the addresses of `domain`, of both families; none when there are
   * none or nobody knows.
   *
   * `undefined`: it took 10 s, or 1000 other look-ups are under way, or
   * everybody who waited for it has aborted `signal`.
   */
  lookup(
    domain: string,
    signal?: AbortSignal,
  ): Promise<IpAddress[] | undefined> {
    const name = domain.toLowerCase();
    const running = this.#running.get(name) ?? this.#start(name);
    if (!running) return Promise.resolve(undefined);
    running.waiting++;
    signal?.addEventListener("abort", () => this.#leave(name, running));
    return running.addresses;
  }

  /** Abandons all look-ups. */
  close(): void {
    this.#stopped.abort();
  }

  /** Begins a look-up if there is a place for it. */
  #start(name: string): Running | undefined {
    if (this.#running.size >= MAX_LOOKUPS) return undefined;
    const abandoned = new AbortController();
    const addresses = this.#lookUp(name, abandoned.signal)
      .finally(() => this.#end(name, running));
    const running: Running = { addresses, abandoned, waiting: 0 };
    this.#running.set(name, running);
    return running;
  }

  /** Ends a look-up that nobody waits for any more. */
  #leave(name: string, running: Running): void {
    if (--running.waiting > 0) return;
    running.abandoned.abort();
    this.#end(name, running);
  }

  #end(name: string, running: Running): void {
    if (this.#running.get(name) === running) this.#running.delete(name);
  }

  async #lookUp(
    name: string,
    abandoned: AbortSignal,
  ): Promise<IpAddress[] | undefined> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), LOOKUP_LIMIT_MS);
    const signal = AbortSignal.any([
      ...[this.#stopped.signal, limit.signal, abandoned],
    ]);
    const addresses = await this.#search(name, signal);
    clearTimeout(timer);
    return signal.aborted ? undefined : addresses;
  }

  async #search(name: string, signal: AbortSignal): Promise<IpAddress[]> {
    const { hostDns } = this.#options;
    const settings = await hostDns.settings();
    const hosts = await hostDns.hosts();
    if (hostDns.changes !== this.#fileChanges) {
      this.#fileChanges = hostDns.changes;
      this.#cache.clear();
    }
    const candidates = searchOrder(name, settings);
    for (const candidate of [name, ...candidates]) {
      const known = hosts.get(candidate);
      if (known) return [...known];
    }
    for (const candidate of candidates) {
      const found = await this.#bothFamilies(candidate, { settings, signal });
      if (found.length > 0 || signal.aborted) return found;
    }
    return [];
  }

  /** Asks for both families at once, and does not let a silent one hold the other up for long. */
  async #bothFamilies(
    name: string,
    { settings, signal }: Lookup,
  ): Promise<IpAddress[]> {
    const other = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lookup = {
      settings,
      signal: AbortSignal.any([signal, other.signal]),
    };
    const families = ([4, 6] as const).map(async (family) => {
      const found = await this.#oneFamily(name, family, lookup);
      if (found.length > 0) {
        timer ??= setTimeout(() => other.abort(), OTHER_FAMILY_MS);
      }
      return found;
    });
    const found = await Promise.all(families);
    clearTimeout(timer);
    return found.flat();
  }

  /** Returns the addresses of one family from the cache or from the nameservers. */
  async #oneFamily(
    name: string,
    family: IpFamily,
    lookup: Lookup,
  ): Promise<readonly IpAddress[]> {
    const { now } = this.#options;
    const key = `${family} ${name}`;
    const cached = this.#cache.get(key, now());
    if (cached) return cached;

    const fileChanges = this.#fileChanges;
    let life = Infinity;
    let target = name;
    for (let left = MAX_ALIASES; left > 0; left--) {
      const answer = await this.#ask(target, family, lookup);
      if (!answer) return [];
      life = Math.min(life, answer.ttlSeconds);
      const { addresses, alias } = answer;
      if (alias === undefined || !isQueryableName(alias)) {
        if (fileChanges === this.#fileChanges) {
          this.#cache.put(key, addresses, life, now());
        }
        return addresses;
      }
      target = alias;
    }
    return [];
  }

  /** Asks the nameservers, each as often as the host says, until one gives a conclusive answer. */
  #ask(
    name: string,
    family: IpFamily,
    { settings, signal }: Lookup,
  ): Promise<AddressAnswer | undefined> {
    const { nameservers, rotate, attempts, timeoutMs } = settings;
    const { now } = this.#options;
    const order = this.#order.next(nameservers, rotate, now());
    const asks = order.map((ip) => async (signal: AbortSignal) => {
      const start = now();
      const answer = await this.#askOne(ip, name, family, timeoutMs, signal);
      // One that was merely overtaken has not failed; one that was waited for in vain has.
      const isOvertaken = signal.aborted && now() - start < STAGGER_MS;
      if (answer || !isOvertaken) {
        this.#order.note(ip, answer !== undefined, now());
      }
      return answer;
    });
    const all = Array.from({ length: attempts }, () => asks).flat();
    return staggered(all, Math.min(STAGGER_MS, timeoutMs), signal);
  }

  /** Asks one nameserver over UDP, and over TCP when the answer does not fit. */
  async #askOne(
    ip: IpAddress,
    name: string,
    family: IpFamily,
    limitMs: number,
    signal: AbortSignal,
  ): Promise<AddressAnswer | undefined> {
    const { random, port = DNS_PORT } = this.#options;
    const query = writeQuery({
      id: randomBelow(random, 0x10000),
      name,
      type: family === 4 ? "A" : "AAAA",
    });
    const server = { ip, port };
    const over = (transport: DnsTransport) =>
      exchange({ server, transport, query, limitMs, mark: true, signal });

    let message = await over("udp");
    if (message && readMessage(message)?.isTruncated) {
      message = await over("tcp");
    }
    const answer = message && readAddresses(message, name, family);
    return answer && isConclusive(answer) ? answer : undefined;
  }
}

/** Tells whether the nameserver knows, if only that there is nothing. */
function isConclusive({ rcode }: AddressAnswer): boolean {
  return rcode === RCODE_NO_ERROR || rcode === RCODE_NAME_ERROR;
}

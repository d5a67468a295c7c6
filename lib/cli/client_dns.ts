import { formatIp, type IpAddress, type Logger } from "../base/mod.ts";
import {
  type ClientEvent,
  type ClientInput,
  DNS_SENTINEL_V4,
  DNS_SENTINEL_V6,
} from "../client/mod.ts";
import {
  DNS_PORT,
  type DnsTransport,
  parseResolvConf,
  RCODE_SERVER_FAILURE,
  readQuery,
  writeReply,
} from "../dns/mod.ts";
import {
  DnsServer,
  exchange,
  ResolvConfFile,
  type ShellNews,
} from "../io/mod.ts";
import type { DnsControl } from "./settings.ts";

/** How long one server may take to answer, in ms. Two of them fit into the 10 s of data-plane spec §18.3. */
const EXCHANGE_LIMIT_MS = 5_000;

const SENTINELS: readonly IpAddress[] = [DNS_SENTINEL_V4, DNS_SENTINEL_V6];

/** What the client's DNS service works with. */
export interface ClientDnsOptions {
  /** Tells the core something. */
  readonly tell: (input: ClientInput) => void;
  /** What it may do to the host. */
  readonly control: DnsControl;
  /** Where log lines go. */
  readonly log: Logger;
  /** The host's file; for tests. */
  readonly file?: ResolvConfFile;
}

/** A DNS event of the core. */
export type ClientDnsEvent = Extract<
  ClientEvent,
  { kind: "dns-answer" | "dns-forward" | "search-domain-changed" }
>;

/**
 * The DNS server of a client, at its sentinel addresses.
 *
 * Every query goes to the core, which answers it or says who can. With DNS
 * control the host is made to ask us, until we stop.
 */
export class ClientDns {
  readonly #options: ClientDnsOptions;
  readonly #file: ResolvConfFile;
  /** Who waits for the answer to which query. */
  readonly #waiting = new Map<number, (answer?: Uint8Array) => void>();
  #nextId = 0;
  #server: DnsServer | undefined;
  /** The addresses that work, and those that are served. */
  #wanted: readonly IpAddress[] = [];
  #served = "";
  #searchDomain: string | undefined;
  #isStopped = false;
  /** Binding and releasing, one after the other. */
  #work: Promise<void> = Promise.resolve();

  /** Puts right what a killed run left behind, and tells the core whom the host asks without us. */
  constructor(options: ClientDnsOptions) {
    this.#options = options;
    this.#file = options.file ?? new ResolvConfFile();
    this.#try("Cannot put back resolv.conf", () => this.#file.restore());
    this.#tellSystemResolvers();
  }

  /** Follows the addresses of the interface. */
  handleInterface({ ipv4, ipv6 }: ShellNews): void {
    this.#wanted = SENTINELS.filter(({ family }) => family === 4 ? ipv4 : ipv6);
    this.#work = this.#work.then(() => this.#serve());
  }

  /** Handles an event of the core. */
  handleEvent(event: ClientDnsEvent): void {
    switch (event.kind) {
      case "dns-answer":
        return this.#answer(event.id, event.answer);
      case "dns-forward":
        this.#forward(event).then((answer) => this.#answer(event.id, answer));
        return;
      case "search-domain-changed":
        this.#searchDomain = event.searchDomain;
        this.#takeControl();
    }
  }

  /** Stops serving and gives the host its own resolvers back. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#try("Cannot put back resolv.conf", () => this.#file.restore());
    for (const answer of this.#waiting.values()) answer();
    this.#waiting.clear();
    await this.#work;
    await this.#server?.close();
  }

  async #serve(): Promise<void> {
    const wanted = this.#wanted;
    const text = wanted.map(formatIp).join();
    if (this.#isStopped || text === this.#served) return;
    await this.#server?.close();
    this.#server = undefined;
    this.#served = "";
    try {
      this.#server = await DnsServer.listen({
        addresses: wanted.map((ip) => ({ ip, port: DNS_PORT })),
        handle: (query, transport) => this.#handle(query, transport),
      });
      this.#served = text;
      this.#options.log.log("info", "Serving DNS", { addresses: text });
      this.#takeControl();
    } catch (error) {
      this.#complain("Cannot serve DNS", error);
    }
  }

  #handle(
    query: Uint8Array,
    transport: DnsTransport,
  ): Promise<Uint8Array | undefined> {
    const { promise, resolve } = Promise.withResolvers<
      Uint8Array | undefined
    >();
    if (this.#isStopped) resolve(undefined);
    else {
      const id = this.#nextId++;
      this.#waiting.set(id, resolve);
      this.#options.tell({ kind: "dns-query", id, query, transport });
    }
    return promise;
  }

  #answer(id: number, answer: Uint8Array | undefined): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  /** Asks one server after the other. */
  async #forward(
    { query, servers, transport, mark }: Extract<
      ClientDnsEvent,
      { kind: "dns-forward" }
    >,
  ): Promise<Uint8Array | undefined> {
    for (const server of servers) {
      const answer = await exchange({
        server,
        transport,
        query,
        limitMs: EXCHANGE_LIMIT_MS,
        mark,
      });
      if (answer) return answer;
    }
    const message = readQuery(query);
    return message && writeReply(query, message, RCODE_SERVER_FAILURE);
  }

  /** Points the host at us, once we serve. */
  #takeControl(): void {
    const { control, log } = this.#options;
    const isOurs = control === "etc-resolv-conf" && !this.#isStopped;
    if (!isOurs || this.#served === "") return;
    this.#try("Cannot replace resolv.conf", () => {
      this.#file.replace([
        ...this.#served.split(",").map((ip) => `nameserver ${ip}`),
        ...(this.#searchDomain === undefined
          ? []
          : [`search ${this.#searchDomain}`]),
      ]);
      log.log("info", "Answering the DNS queries of this host");
    });
  }

  #tellSystemResolvers(): void {
    this.#try("Cannot read resolv.conf", () => {
      const { nameservers } = parseResolvConf(this.#file.readOriginal());
      const own = SENTINELS.map(formatIp);
      const addresses = nameservers.filter((ip) => !own.includes(formatIp(ip)));
      this.#options.tell({ kind: "system-resolvers", addresses });
    });
  }

  #try(action: string, effect: () => void): void {
    try {
      effect();
    } catch (error) {
      this.#complain(action, error);
    }
  }

  #complain(action: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.log("warn", action, { reason });
  }
}

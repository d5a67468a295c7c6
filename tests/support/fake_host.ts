import {
  encodeNetlink,
  type NetlinkAttribute,
  type NetlinkReply,
  type NetlinkRequest,
} from "../../lib/io/netlink_message.ts";
import type { Host } from "../../lib/io/host.ts";
import type { Setting } from "../../lib/io/kernel_settings.ts";
import type { FirewallListing, Netfilter } from "../../lib/io/netfilter.ts";
import {
  chainOf,
  type ListedChain,
  type ListedRule,
  ruleOf,
  tableOf,
} from "../../lib/io/nft_listing.ts";
import { isSameChain } from "../../lib/io/forward_chains.ts";
import type { NftChain, NftTable } from "../../lib/io/nft_messages.ts";

const ENOENT = 2;
const ERESTART = 85;
const NLM_F_APPEND = 0x800;
/** Message numbers of nf_tables, below the subsystem's number. */
const NEW_TABLE = 0;
const DELETE_TABLE = 2;
const NEW_CHAIN = 3;
const NEW_RULE = 6;
const DELETE_RULE = 8;
/** Attribute of a rule. */
const RULE_HANDLE = 3;

interface FakeTable extends NftTable {
  readonly handle: string;
}

interface FakeRule extends ListedRule {
  readonly chain: NftChain;
}

/**
 * A firewall that takes requests as the kernel does, all or none.
 *
 * What is added in a message looks as it does when it is listed, so messages
 * are read by what reads lists.
 */
export class FakeFirewall implements Netfilter {
  tables: FakeTable[] = [];
  chains: ListedChain[] = [];
  #rules: FakeRule[] = [];
  #generation = 1;
  #handles = 0;
  /** Gives an error number for a request that this kernel does not take, else 0. */
  refuse: (request: NetlinkRequest) => number = () => 0;
  /** Called before each transaction; what it changes makes that one fail. */
  meanwhile: (() => void) | undefined;

  list(): FirewallListing | number {
    return {
      generation: Uint8Array.of(0, 0, 0, this.#generation),
      tables: [...this.tables],
      chains: [...this.chains],
    };
  }

  rules(chain: NftChain): readonly ListedRule[] {
    return this.#rules.filter((it) => isSameChain(it.chain, chain));
  }

  commit(generation: Uint8Array, requests: readonly NetlinkRequest[]): number {
    const { meanwhile } = this;
    this.meanwhile = undefined;
    meanwhile?.();
    if (generation[3] !== this.#generation) return ERESTART;
    const before = [this.tables, this.chains, this.#rules] as const;
    for (const request of requests) {
      const code = this.refuse(request) || this.#take(request);
      if (code === 0) continue;
      [this.tables, this.chains, this.#rules] = before;
      return code;
    }
    this.#generation++;
    return 0;
  }

  close(): void {}

  /** Makes a chain of somebody else, and the table around it. */
  addForeign(
    at: NftChain,
    { filtersForwarded = false, dropsByPolicy = false } = {},
  ): void {
    this.chains = [...this.chains, { ...at, filtersForwarded, dropsByPolicy }];
    if (!this.tables.some((it) => isSameTable(it, at))) {
      this.tables = [...this.tables, { ...at, handle: this.#nextHandle() }];
    }
    this.#generation++;
  }

  /** Adds a rule of somebody else at the end of a chain. */
  addForeignRule(chain: NftChain, rule: Partial<ListedRule>): void {
    this.#rules = [...this.#rules, {
      ...{ handle: this.#ruleHandle(), comment: undefined, dropsAll: false },
      ...rule,
      chain,
    }];
    this.#generation++;
  }

  /** Removes everything, as `nft flush ruleset`. */
  flush(): void {
    [this.tables, this.chains, this.#rules] = [[], [], []];
    this.#generation++;
  }

  /** The comments of a chain's rules, in order. */
  comments(chain: NftChain): (string | undefined)[] {
    return this.rules(chain).map(({ comment }) => comment);
  }

  #take(request: NetlinkRequest): number {
    switch (request.type & 0xff) {
      case NEW_TABLE: {
        const table = tableOf(listed(request, NEW_TABLE))!;
        if (this.tables.some((it) => isSameTable(it, table))) return 0;
        const handle = this.#nextHandle();
        this.tables = [...this.tables, { ...table, handle }];
        return 0;
      }
      case DELETE_TABLE:
        return this.#removeTable(tableOf(listed(request, NEW_TABLE))!);
      case NEW_CHAIN: {
        const chain = chainOf(listed(request, NEW_CHAIN))!;
        if (!this.tables.some((it) => isSameTable(it, chain))) return ENOENT;
        this.chains = [...this.chains, chain];
        return 0;
      }
      case NEW_RULE:
        return this.#addRule(request);
      case DELETE_RULE: {
        const handle = request.attributes.find(isHandle)?.value.toString();
        const left = this.#rules.filter((it) =>
          it.handle.toString() !== handle
        );
        if (left.length === this.#rules.length) return ENOENT;
        this.#rules = left;
        return 0;
      }
    }
    throw new Error(`Unknown request: ${request.type}`);
  }

  #removeTable(table: NftTable): number {
    const left = this.tables.filter((it) => !isSameTable(it, table));
    if (left.length === this.tables.length) return ENOENT;
    this.tables = left;
    this.chains = this.chains.filter((it) => !isSameTable(it, table));
    this.#rules = this.#rules.filter((it) => !isSameTable(it.chain, table));
    return 0;
  }

  #addRule(request: NetlinkRequest): number {
    const value = this.#ruleHandle();
    const attributes = [...request.attributes, { type: RULE_HANDLE, value }];
    const reply = listed({ ...request, attributes }, NEW_RULE);
    for (const chain of this.chains) {
      const rule = ruleOf(reply, chain);
      if (rule === undefined) continue;
      const added = { ...rule, chain };
      this.#rules = (request.flags & NLM_F_APPEND) !== 0
        ? [...this.#rules, added]
        : [added, ...this.#rules];
      return 0;
    }
    return ENOENT;
  }

  #nextHandle(): string {
    return String(++this.#handles);
  }

  #ruleHandle(): Uint8Array {
    return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, ++this.#handles);
  }
}

/** A kernel's network settings, of which the switches change others as they do in Linux. */
export class FakeSettings {
  readonly values: Map<string, string>;
  /** Error number of each write, or 0. */
  refusal = 0;

  constructor(values: Readonly<Record<string, string>>) {
    this.values = new Map(Object.entries(values));
  }

  read(path: string): string | undefined {
    return this.values.get(path);
  }

  probe(): number {
    return this.refusal;
  }

  write({ path, value }: Setting): number {
    if (this.refusal !== 0) return this.refusal;
    if (!this.values.has(path)) return ENOENT;
    const changes = this.values.get(path) !== value;
    this.values.set(path, value);
    if (changes && path === "net/ipv4/ip_forward") {
      this.#forwardEverywhere("ipv4", value);
      const redirects = "net/ipv4/conf/all/accept_redirects";
      this.values.set(redirects, value === "1" ? "0" : "1");
    }
    if (changes && path === "net/ipv6/conf/all/forwarding") {
      this.#forwardEverywhere("ipv6", value);
    }
    return 0;
  }

  /** All of them, to compare. */
  snapshot(): Record<string, string> {
    return Object.fromEntries(this.values);
  }

  #forwardEverywhere(family: string, value: string): void {
    for (const path of this.values.keys()) {
      const isOne = path.startsWith(`net/${family}/conf/`) &&
        path.endsWith("/forwarding");
      if (isOne) this.values.set(path, value);
    }
  }
}

/** The settings of a host with these interfaces that forwards nothing, as Linux starts. */
export function ordinarySettings(
  ...interfaces: readonly string[]
): FakeSettings {
  const names = ["all", "default", "lo", ...interfaces];
  return new FakeSettings({
    "net/ipv4/ip_forward": "0",
    "net/ipv4/conf/all/src_valid_mark": "0",
    "net/ipv4/conf/all/accept_redirects": "1",
    ...Object.fromEntries(names.flatMap((name) => [
      [`net/ipv4/conf/${name}/forwarding`, "0"],
      [`net/ipv6/conf/${name}/forwarding`, "0"],
      [`net/ipv6/conf/${name}/accept_ra`, "1"],
    ])),
  });
}

/** A host of these parts. `interfaces` may change while it runs. */
export function fakeHost(
  settings: FakeSettings,
  netfilter: Netfilter | number,
  interfaces: readonly string[],
  withIpv6: readonly string[] = interfaces,
): Host {
  return {
    settings,
    links: () => ({ names: interfaces, withIpv6 }),
    netfilter: () => netfilter,
    legacyFirewall: () => "passes",
  };
}

function isSameTable(a: NftTable, b: NftTable): boolean {
  return a.family === b.family && a.table === b.table;
}

/** A request as the kernel would list what it is about. */
function listed(request: NetlinkRequest, kind: number): NetlinkReply {
  const type = request.type & 0xff00 | kind;
  return { type, sequence: 0, body: encodeNetlink(request, 0).slice(16) };
}

function isHandle({ type }: NetlinkAttribute): boolean {
  return type === RULE_HANDLE;
}

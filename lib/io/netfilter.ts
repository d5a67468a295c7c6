import type { NetlinkRequest } from "./netlink_message.ts";
import { EPROTONOSUPPORT } from "./errno.ts";
import { KernelRefusedError } from "./errors.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "./netlink_socket.ts";
import {
  chainOf,
  generationOf,
  type ListedChain,
  type ListedRule,
  type ListedTable,
  ruleOf,
  tableOf,
} from "./nft_listing.ts";
import {
  askGeneration,
  beginBatch,
  endBatch,
  listChains,
  listRules,
  listTables,
  type NftChain,
} from "./nft_messages.ts";

/** All tables and chains of the host's firewall at one moment. */
export interface FirewallListing {
  /** What each change of any rule counts up. */
  readonly generation: Uint8Array;
  /** The tables that IP packets pass. */
  readonly tables: readonly ListedTable[];
  /** Their chains. */
  readonly chains: readonly ListedChain[];
}

/** The host's firewall. Refusals are error numbers. */
export interface Netfilter {
  /** Lists tables and chains. */
  list(): FirewallListing | number;
  /** Lists the rules of a chain; none when it has gone. */
  rules(chain: NftChain): readonly ListedRule[];
  /** Carries out all requests or none. `ERESTART`: something changed since `generation`. Returns 0 or why not. */
  commit(generation: Uint8Array, requests: readonly NetlinkRequest[]): number;
  /** Lets go of it. */
  close(): void;
}

/** The host's firewall by nf_tables netlink. Running `nft` instead would lose the capability of the binary (data-path spec §6). */
export class NftSocket implements Netfilter {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Opens it, or returns why the kernel refuses. */
  static open(): NftSocket | number {
    try {
      return new NftSocket(new NetlinkSocket(NETLINK_NETFILTER));
    } catch (error) {
      if (error instanceof KernelRefusedError) return error.errno;
      throw error;
    }
  }

  list(): FirewallListing | number {
    const answer = this.#socket.ask(askGeneration());
    if (typeof answer === "number") return answer;
    const generation = generationOf(answer);
    const tables = this.#socket.dump(listTables());
    const chains = this.#socket.dump(listChains());
    if (generation === undefined) return EPROTONOSUPPORT;
    if (typeof tables === "number") return tables;
    if (typeof chains === "number") return chains;
    return {
      generation,
      tables: tables.map(tableOf).filter((it) => it !== undefined),
      chains: chains.map(chainOf).filter((it) => it !== undefined),
    };
  }

  rules(chain: NftChain): readonly ListedRule[] {
    const rules = this.#socket.dump(listRules(chain));
    if (typeof rules === "number") return [];
    return rules.map((reply) => ruleOf(reply, chain))
      .filter((it) => it !== undefined);
  }

  commit(generation: Uint8Array, requests: readonly NetlinkRequest[]): number {
    return this.#socket.transact(beginBatch(generation), requests, endBatch());
  }

  close(): void {
    this.#socket.close();
  }
}

import { TUN_NAME } from "./tun_device.ts";

/** Mark of all packets that must not enter the tunnel, our own above all (data-plane spec §1.4). */
export const FIREZONE_MARK = 0xfd002021;

/** Which routing tables a node uses, and which packets look into them. */
export interface RoutingTables {
  /** Into the tunnel, for all packets but our own. */
  readonly tunnel: RoutingTable;
  /** Copies of the host's own links. */
  readonly link: RoutingTable;
  /** Default routes. */
  readonly defaults: RoutingTable;
  /**
   * Answers, where several gateways share the host: packets with this mark
   * look into the tunnel's table before any other gateway's.
   */
  readonly answers: MarkedTable | undefined;
}

/** A routing table and the place of its rule among those of the host. */
export interface RoutingTable {
  /** Its number. */
  readonly table: number;
  /** Priority of its rule, lowest first. */
  readonly priority: number;
}

/** A routing table for packets with a mark. */
export interface MarkedTable extends RoutingTable {
  /** The mark. */
  readonly mark: number;
}

/** What a node that is alone on its host uses (data-plane spec §1.4, §3.3). */
const ALONE: RoutingTables = {
  tunnel: { table: 0x2021fd00, priority: 100 },
  link: { table: 0x2021fd01, priority: 200 },
  defaults: { table: 0x2021fd02, priority: 300 },
  answers: undefined,
};

/** Above it are the tables of gateways with interface names of their own, four numbers each. Our own choice. */
const FIRST_OWN_TABLE = 0x2022_0000;
const OWN_TABLES = 0x4000;
const NUMBERS_EACH = 4;

/** Offset basis and prime of FNV-1a with 32 bits. */
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Returns the tables for an interface of this name.
 *
 * All gateways route the same ranges into their tunnels, and the same client
 * may be connected to several of them. So what tells where an answer belongs
 * is the interface that the connection came in by: the firewall remembers it
 * as a mark, and the mark leads to the table.
 */
export function routingTables(tunName: string): RoutingTables {
  if (tunName === TUN_NAME) return ALONE;
  const slot = hash(tunName) % OWN_TABLES;
  const first = FIRST_OWN_TABLE + slot * NUMBERS_EACH;
  return {
    tunnel: { table: first, priority: 110 },
    link: { table: first + 1, priority: 210 },
    defaults: { table: first + 2, priority: 310 },
    answers: { mark: first, table: first, priority: 90 },
  };
}

function hash(text: string): number {
  let hash = FNV_BASIS;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0;
  }
  return (hash ^ (hash >>> 16)) >>> 0;
}

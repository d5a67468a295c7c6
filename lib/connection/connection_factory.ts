import type { Epoch, Instant, Logger, RandomSource } from "../base/mod.ts";
import type { PacketCipher } from "../crypto/mod.ts";
import {
  Agent,
  checkTiming,
  type IceRole,
  type TransactionTable,
} from "../ice/mod.ts";
import { PathAgent } from "../path/mod.ts";
import {
  ICE_TIMING,
  ICELESS_TIMING,
  type IndexTable,
  Tunnel,
} from "../wireguard/mod.ts";
import type { Relay } from "./allocations.ts";
import { Connection } from "./connection.ts";
import { ControlSealer } from "./control_sealer.ts";
import { IceFinder } from "./ice_finder.ts";
import { IcelessFinder } from "./iceless_finder.ts";
import type { PathFinder } from "./path_finder.ts";
import type { PeerConfig } from "./peer_config.ts";

/** What all connections of a node have in common. */
export interface ConnectionFactoryOptions {
  /** Our side. */
  readonly role: IceRole;
  /** The node's static private key. */
  readonly staticPrivateKey: Uint8Array;
  /** The node's static public key. */
  readonly staticPublicKey: Uint8Array;
  /** Ties `Instant` to the wall clock. */
  readonly epoch: Epoch;
  /** Source of keys, ids and jitter. */
  readonly random: RandomSource;
  /** Seals and opens packets. */
  readonly cipher: PacketCipher;
  /** The checks of all agents. */
  readonly transactions: TransactionTable;
  /** The connections by receiver index. */
  readonly indices: IndexTable<Connection>;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/** Makes connections of their parts. */
export class ConnectionFactory {
  readonly #options: ConnectionFactoryOptions;
  readonly #sealer: ControlSealer;
  /** Made once: a thousand connections would have as many of each. */
  readonly #logs: Readonly<
    Record<"connection" | "ice" | "path" | "wireguard", Logger>
  >;

  /** Creates the factory of a node. */
  constructor(options: ConnectionFactoryOptions) {
    this.#options = options;
    this.#sealer = new ControlSealer(options.cipher);
    const { log } = options;
    this.#logs = {
      connection: log.child("connection"),
      ice: log.child("ice"),
      path: log.child("path"),
      wireguard: log.child("wireguard"),
    };
  }

  /** Creates the connection to a peer, without candidates, under a free index. */
  create(config: PeerConfig, relay: Relay, now: Instant): Connection {
    const { role, random, indices } = this.#options;
    const sealer = this.#sealer;
    return indices.insert(random, (connectionId) => {
      const tunnel = this.#createTunnel(config, connectionId, now);
      return new Connection({
        config,
        role,
        connectionId,
        finder: this.#createFinder(config, tunnel),
        tunnel,
        sealer,
        relay,
        now,
        log: this.#logs.connection,
      });
    });
  }

  #createFinder(config: PeerConfig, tunnel: Tunnel): PathFinder {
    if (!config.useIceless) {
      return new IceFinder(this.#createAgent(config), this.#options.role);
    }
    return new IcelessFinder(
      new PathAgent({ log: this.#logs.path }),
      (packet, now) => this.#sealer.seal(tunnel, packet, now),
    );
  }

  #createAgent({ localCredentials, remoteCredentials }: PeerConfig): Agent {
    const { role, transactions, random } = this.#options;
    return new Agent({
      role,
      localCredentials,
      remoteCredentials,
      timing: checkTiming(role, "active"),
      transactions,
      random,
      log: this.#logs.ice,
    });
  }

  #createTunnel(
    { publicKey, presharedKey, useIceless }: PeerConfig,
    connectionId: number,
    now: Instant,
  ): Tunnel {
    return new Tunnel({
      ...this.#options,
      peerPublicKey: publicKey,
      presharedKey,
      connectionId,
      timing: useIceless ? ICELESS_TIMING : ICE_TIMING,
      now,
      log: this.#logs.wireguard,
    });
  }
}

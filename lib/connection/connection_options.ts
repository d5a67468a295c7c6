import type { Instant, Logger } from "../base/mod.ts";
import type { IceRole } from "../ice/mod.ts";
import type { Tunnel } from "../wireguard/mod.ts";
import type { Relay } from "./allocations.ts";
import type { ControlSealer } from "./control_sealer.ts";
import type { PathFinder } from "./path_finder.ts";
import type { PeerConfig } from "./peer_config.ts";

/** What a `Connection` is made of. */
export interface ConnectionOptions {
  /** The peer. */
  readonly config: PeerConfig;
  /** Our side. */
  readonly role: IceRole;
  /** Names the connection in receiver indices. */
  readonly connectionId: number;
  /** Finds the path. */
  readonly finder: PathFinder;
  /** Encrypts. */
  readonly tunnel: Tunnel;
  /** Encrypts packets of our own. */
  readonly sealer: ControlSealer;
  /** The relay whose addresses are offered to the peer. */
  readonly relay: Relay;
  /** The current time. */
  readonly now: Instant;
  /** Where decisions are logged. */
  readonly log: Logger;
}

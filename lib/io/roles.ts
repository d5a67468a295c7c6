import type { IpAddress } from "../base/mod.ts";
import { Client } from "../client/mod.ts";
import { Node } from "../connection/mod.ts";
import { Gateway } from "../gateway/mod.ts";
import { Relay } from "../relay/mod.ts";
import type { RoleContext, RoleTable } from "./serve_data_plane.ts";

/** What a gateway or a client is made from. */
export interface TunnelRoleSettings {
  /** The node's static private key. The portal is told the public one. */
  readonly staticPrivateKey: Uint8Array;
}

/** What a gateway is told beside that. */
export interface GatewayRoleSettings extends TunnelRoleSettings {
  /** Whether flows are tracked also when the portal does not ask for it. */
  readonly trackFlows: boolean;
}

/** What a client is made from. */
export interface ClientRoleSettings extends TunnelRoleSettings {
  /** Whether an Internet resource is used when there is one. */
  readonly usesInternet: boolean;
}

/** What a relay is made from. */
export interface RelayRoleSettings {
  /** Shared with the portal, which makes credentials from it. */
  readonly stampSecret: string;
  /** Address that clients and peers reach us at over IPv4. */
  readonly publicIpv4: IpAddress | undefined;
  /** Address that clients and peers reach us at over IPv6. */
  readonly publicIpv6: IpAddress | undefined;
  /** First port for allocations. */
  readonly lowestPort: number;
  /** Last port for allocations. */
  readonly highestPort: number;
}

/** The roles of this program, each a core made from its settings. The main thread sends what the types here say. */
export const ROLES: RoleTable = {
  gateway: (settings, context) =>
    new Gateway({
      node: createNode("controlled", settings as TunnelRoleSettings, context),
      arena: context.arena,
      epoch: context.epoch,
      random: context.random,
      log: context.logger("gateway"),
      trackFlows: (settings as GatewayRoleSettings).trackFlows,
    }),
  client: (settings, context) =>
    new Client({
      node: createNode("controlling", settings as TunnelRoleSettings, context),
      arena: context.arena,
      usesInternet: (settings as ClientRoleSettings).usesInternet,
      log: context.logger("client"),
    }),
  relay: (settings, { mainPort, epoch, random, logger }) =>
    new Relay({
      ...settings as RelayRoleSettings,
      port: mainPort,
      epoch,
      random,
      log: logger("relay"),
    }),
};

function createNode(
  role: "controlled" | "controlling",
  { staticPrivateKey }: TunnelRoleSettings,
  { cipher, epoch, now, random, logger }: RoleContext,
): Node {
  const log = logger("connection");
  return new Node({ role, staticPrivateKey, epoch, now, random, cipher, log });
}

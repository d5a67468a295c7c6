import type { Logger } from "../base/mod.ts";
import { x25519PublicKey } from "../crypto/mod.ts";
import type { TunnelRoleSettings } from "../io/mod.ts";
import type { UdpBuffers } from "./gateway_settings.ts";
import { dataSockets, type Installation } from "./installation.ts";
import { freshSecret, type NodePortal, type NodeRole } from "./node_runner.ts";

/** The settings that gateway and client have in common, and the public key of the key pair in them. */
export interface TunnelRole {
  /** What the portal is to be told. */
  readonly publicKey: Uint8Array;
  /** Part of the role. */
  readonly settings:
    & Pick<
      NodeRole<unknown, unknown, unknown, unknown>,
      | "tunName"
      | "udp"
      | "apiUrl"
      | "token"
      | "joinPayload"
      | "capabilities"
      | "maxPartitionMs"
      | "cryptoWorkers"
    >
    & { readonly coreSettings: TunnelRoleSettings };
}

/** What happened to a connection, as gateway and client tell it. */
export type ConnectionEvent =
  | {
    readonly kind: "connection-established" | "connection-path-changed";
    readonly path: string;
    readonly tookMs?: number;
  }
  | {
    readonly kind: "connection-failed" | "connection-closed";
    readonly reason: string;
  };

/** Makes the key pair of a node with a tunnel, and the settings that gateway and client have in common. */
export function tunnelRole(
  { apiUrl, token, maxPartitionMs, cryptoWorkers }: Installation,
  tunName: string,
  udpBuffers: UdpBuffers = {},
): TunnelRole {
  const staticPrivateKey = freshSecret(32);
  return {
    publicKey: x25519PublicKey(staticPrivateKey),
    settings: {
      coreSettings: { staticPrivateKey },
      tunName,
      udp: dataSockets(udpBuffers),
      apiUrl,
      token,
      joinPayload: null,
      capabilities: { iceless: true },
      maxPartitionMs,
      cryptoWorkers,
    },
  };
}

/** Logs what happened to the connection with `peer`, a `client` or a `gateway`; what is held for one that is gone is forgotten. */
export function noteConnection(
  event: ConnectionEvent,
  peer: { readonly role: "client" | "gateway"; readonly id: string },
  portal: NodePortal<never>,
  log: Logger,
): void {
  const fields = { [peer.role]: peer.id };
  switch (event.kind) {
    case "connection-established":
      return log.log("info", "Connection established", {
        ...fields,
        path: event.path,
        tookMs: Math.round(event.tookMs ?? 0),
      });
    case "connection-path-changed":
      return log.log("info", "Connection moved", {
        ...fields,
        path: event.path,
      });
    case "connection-failed":
    case "connection-closed":
      portal.forgetPeer(peer.id);
      return log.log("info", "Connection ended", {
        ...fields,
        reason: event.reason,
      });
  }
}

import { x25519PublicKey } from "../crypto/mod.ts";
import type { GatewayEvent, GatewayInput } from "../gateway/mod.ts";
import { TUN_NAME } from "../io/mod.ts";
import {
  GATEWAY_PROFILE,
  type GatewayMessage,
  gatewayParameters,
  type GatewayRequest,
} from "../portal/mod.ts";
import { dataSockets, type Installation } from "./installation.ts";
import { freshSecret, type NodeRole } from "./node_runner.ts";

/** Returns the gateway as a role to run. */
export function gatewayRole(
  { apiUrl, identity, name, token, maxPartitionMs, environment }: Installation,
): NodeRole<GatewayMessage, GatewayRequest, GatewayEvent, GatewayInput> {
  const staticPrivateKey = freshSecret(32);
  const publicKey = x25519PublicKey(staticPrivateKey);
  return {
    profile: GATEWAY_PROFILE,
    role: "gateway",
    coreSettings: { staticPrivateKey },
    tunName: TUN_NAME,
    udp: dataSockets(environment),
    apiUrl,
    parameters: gatewayParameters({ identity, name, publicKey }),
    token,
    joinPayload: null,
    capabilities: { iceless: true },
    maxPartitionMs,
    networkNews: () => ({ kind: "network-changed" }),
    onEvent(event, portal, log) {
      switch (event.kind) {
        case "portal-request":
          return portal.send(event.request);
        case "reconnect-portal":
          return portal.reconnect();
        case "connection-established":
          return log.log("info", "Connection established", {
            client: event.clientId,
            path: event.path,
            tookMs: Math.round(event.tookMs),
          });
        case "connection-path-changed":
          return log.log("info", "Connection moved", {
            client: event.clientId,
            path: event.path,
          });
        case "connection-failed":
        case "connection-closed":
          portal.forgetPeer(event.clientId);
          return log.log("info", "Connection ended", {
            client: event.clientId,
            reason: event.reason,
          });
      }
    },
  };
}

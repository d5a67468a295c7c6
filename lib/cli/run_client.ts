import type { ClientEvent, ClientInput } from "../client/mod.ts";
import { x25519PublicKey } from "../crypto/mod.ts";
import { TUN_NAME } from "../io/mod.ts";
import {
  CLIENT_PROFILE,
  type ClientMessage,
  clientParameters,
  type ClientRequest,
} from "../portal/mod.ts";
import { dataSockets, type Installation } from "./installation.ts";
import { freshSecret, type NodeRole } from "./node_runner.ts";

/** Returns the lab client as a role to run. */
export function clientRole(
  { apiUrl, identity, name, token, maxPartitionMs, environment }: Installation,
): NodeRole<ClientMessage, ClientRequest, ClientEvent, ClientInput> {
  const staticPrivateKey = freshSecret(32);
  const publicKey = x25519PublicKey(staticPrivateKey);
  return {
    profile: CLIENT_PROFILE,
    role: "client",
    coreSettings: { staticPrivateKey },
    tunName: TUN_NAME,
    udp: dataSockets(environment),
    apiUrl,
    parameters: clientParameters({ identity, name, publicKey }),
    token,
    joinPayload: null,
    capabilities: { iceless: true },
    maxPartitionMs,
    networkNews: () => ({
      kind: "network-changed",
      staticPrivateKey: freshSecret(32),
    }),
    onEvent(event, portal, log) {
      switch (event.kind) {
        case "portal-request":
          return portal.send(event.request);
        case "reconnect-portal": {
          const { publicKey } = event;
          return portal.reconnect(
            clientParameters({ identity, name, publicKey }),
          );
        }
        case "access-refused":
          return log.log("info", "Access refused", {
            resource: event.resourceId,
            reason: event.reason,
          });
        case "connection-established":
          return log.log("info", "Connection established", {
            gateway: event.gatewayId,
            path: event.path,
            tookMs: Math.round(event.tookMs),
          });
        case "connection-path-changed":
          return log.log("info", "Connection moved", {
            gateway: event.gatewayId,
            path: event.path,
          });
        case "connection-failed":
        case "connection-closed":
          portal.forgetPeer(event.gatewayId);
          return log.log("info", "Connection ended", {
            gateway: event.gatewayId,
            reason: event.reason,
          });
      }
    },
  };
}

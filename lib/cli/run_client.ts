import type { ClientEvent, ClientInput } from "../client/mod.ts";
import {
  CLIENT_PROFILE,
  type ClientMessage,
  clientParameters,
  type ClientRequest,
} from "../portal/mod.ts";
import type { Installation } from "./installation.ts";
import { freshSecret, type NodeRole } from "./node_runner.ts";
import { noteConnection, tunnelRole } from "./tunnel_role.ts";

/** Returns the lab client as a role to run. */
export function clientRole(
  installation: Installation,
): NodeRole<ClientMessage, ClientRequest, ClientEvent, ClientInput> {
  const { identity, name } = installation;
  const { publicKey, settings } = tunnelRole(installation);
  return {
    ...settings,
    profile: CLIENT_PROFILE,
    role: "client",
    parameters: clientParameters({ identity, name, publicKey }),
    networkNews: () => ({
      kind: "network-changed",
      staticPrivateKey: freshSecret(32),
    }),
    serve: ({ portal, log }) => ({
      handleEvent(event) {
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
          case "connection-path-changed":
          case "connection-failed":
          case "connection-closed": {
            const peer = { role: "gateway", id: event.gatewayId } as const;
            return noteConnection(event, peer, portal, log);
          }
          case "interface-configured":
            return;
        }
      },
      stop: () => Promise.resolve(),
    }),
  };
}

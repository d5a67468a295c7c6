import type { GatewayEvent, GatewayInput } from "../gateway/mod.ts";
import {
  GATEWAY_PROFILE,
  type GatewayMessage,
  gatewayParameters,
  type GatewayRequest,
} from "../portal/mod.ts";
import { GatewayDns } from "./gateway_dns.ts";
import type { Installation } from "./installation.ts";
import type { NodeRole } from "./node_runner.ts";
import { noteConnection, tunnelRole } from "./tunnel_role.ts";

/** Returns the gateway as a role to run. */
export function gatewayRole(
  installation: Installation,
): NodeRole<GatewayMessage, GatewayRequest, GatewayEvent, GatewayInput> {
  const { identity, name } = installation;
  const { publicKey, settings } = tunnelRole(installation);
  return {
    ...settings,
    profile: GATEWAY_PROFILE,
    role: "gateway",
    parameters: gatewayParameters({ identity, name, publicKey }),
    networkNews: () => ({ kind: "network-changed" }),
    serve({ portal, tell, fail, log, sink }) {
      const dns = new GatewayDns({ tell, fail, log: sink.logger("dns") });
      return {
        handleEvent(event) {
          switch (event.kind) {
            case "portal-request":
              return portal.send(event.request);
            case "reconnect-portal":
              return portal.reconnect();
            case "connection-established":
            case "connection-path-changed":
            case "connection-failed":
            case "connection-closed": {
              const peer = { role: "client", id: event.clientId } as const;
              return noteConnection(event, peer, portal, log);
            }
            case "interface-configured":
              return void dns.bind(event);
            case "resolve-domain":
              return void dns.resolve(event);
          }
        },
        stop: () => dns.stop(),
      };
    },
  };
}

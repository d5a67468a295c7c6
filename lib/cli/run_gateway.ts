import type { GatewayEvent, GatewayInput } from "../gateway/mod.ts";
import type { GatewayRoleSettings } from "../io/mod.ts";
import {
  GATEWAY_PROFILE,
  type GatewayMessage,
  gatewayParameters,
  type GatewayRequest,
} from "../portal/mod.ts";
import { FlowLogs } from "./flow_logs.ts";
import { GatewayDns } from "./gateway_dns.ts";
import type { GatewaySettings } from "./gateway_settings.ts";
import { HostKeeper } from "./host_keeper.ts";
import type { Installation } from "./installation.ts";
import type { NodeRole } from "./node_runner.ts";
import type { FlowLogSettings } from "./settings.ts";
import { noteConnection, tunnelRole } from "./tunnel_role.ts";

/** Returns the gateway as a role to run. */
export function gatewayRole(
  installation: Installation,
  gatewaySettings: GatewaySettings,
  flowLogSettings: FlowLogSettings,
): NodeRole<GatewayMessage, GatewayRequest, GatewayEvent, GatewayInput> {
  const { identity, name } = installation;
  const { tunName, udpBuffers, validatesChecksums } = gatewaySettings;
  const { publicKey, settings } = tunnelRole(
    installation,
    tunName,
    udpBuffers,
  );
  return {
    ...settings,
    coreSettings: {
      ...settings.coreSettings,
      trackFlows: flowLogSettings.always,
    } satisfies GatewayRoleSettings,
    profile: GATEWAY_PROFILE,
    role: "gateway",
    validatesChecksums,
    parameters: gatewayParameters({ identity, name, publicKey }),
    networkNews: () => ({ kind: "network-changed" }),
    prepareHost: (log) => new HostKeeper(gatewaySettings, log),
    serve({ portal, tell, fail, log, sink }) {
      const dns = new GatewayDns({ tell, fail, log: sink.logger("dns") });
      const flowLogs = new FlowLogs(flowLogSettings, sink);
      return {
        handleMessage: (message) => keepForFlowLogs(message, flowLogs),
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
            case "flow-reports":
              return flowLogs.handleReports(event.reports);
            case "interface-configured":
              return void dns.bind(event);
            case "resolve-domain":
              return void dns.resolve(event);
          }
        },
        async stop() {
          await Promise.all([dns.stop(), flowLogs.stop()]);
        },
      };
    },
  };
}

/** Tokens are secrets that the worker never gets, so they are kept here. */
function keepForFlowLogs(message: GatewayMessage, flowLogs: FlowLogs): void {
  if (message.kind === "init") flowLogs.configure(message.flowLogs);
  else if (message.kind === "create-authorization") {
    flowLogs.handleToken(message.flowLogsIngestToken);
  }
}

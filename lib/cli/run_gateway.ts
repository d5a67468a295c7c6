import type { GatewayEvent, GatewayInput } from "../gateway/mod.ts";
import type { GatewayRoleSettings } from "../io/mod.ts";
import {
  GATEWAY_PROFILE,
  type GatewayMessage,
  gatewayParameters,
  type GatewayRequest,
} from "../portal/mod.ts";
import { CollectorFeed } from "./collector_feed.ts";
import { FlowLogs } from "./flow_logs.ts";
import { GatewayDns } from "./gateway_dns.ts";
import { GatewayMonitor } from "./gateway_monitor.ts";
import type { GatewaySettings } from "./gateway_settings.ts";
import { HostKeeper } from "./host_keeper.ts";
import type { Installation } from "./installation.ts";
import type { NodeContext, NodeRole, NodeService } from "./node_runner.ts";
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
    serve: (context) => serveGateway(context, gatewaySettings, flowLogSettings),
  };
}

function serveGateway(
  context: NodeContext<GatewayRequest, GatewayInput>,
  settings: GatewaySettings,
  flowLogSettings: FlowLogSettings,
): NodeService<GatewayEvent, GatewayMessage> {
  const { portal, tell, fail, log, sink } = context;
  const monitor = new GatewayMonitor({ settings, context });
  const dns = new GatewayDns({
    tell,
    fail,
    onLookup: (tookMs) => monitor.observer.noteLookup(tookMs),
    log: sink.logger("dns"),
  });
  const flowLogs = new FlowLogs(flowLogSettings, sink);
  const { metricsTarget, tunName } = settings;
  const feed = metricsTarget && new CollectorFeed(
    metricsTarget,
    monitor.observer,
    tunName,
    sink.logger("otlp"),
  );
  return {
    handleMessage: (message) => keepForFlowLogs(message, flowLogs),
    handlePortal: (news) => monitor.handlePortal(news),
    handleStopping() {
      monitor.handleStopping();
      feed?.handleStopping();
    },
    handleEvent(event) {
      switch (event.kind) {
        case "portal-request":
          return portal.send(event.request);
        case "reconnect-portal":
          return portal.reconnect();
        case "connection-established":
          monitor.observer.noteConnection(event.tookMs);
          return noteConnection(event, clientOf(event), portal, log);
        case "connection-path-changed":
        case "connection-failed":
        case "connection-closed":
          return noteConnection(event, clientOf(event), portal, log);
        case "flow-reports":
          return flowLogs.handleReports(event.reports);
        case "interface-configured":
          monitor.handleInterface(event);
          return void dns.bind(event);
        case "resolve-domain":
          return void dns.resolve(event);
        case "abandon-domain":
          return dns.abandon(event.queryId);
        case "drained":
          return monitor.handleDrained();
      }
    },
    async stop() {
      await Promise.all([
        dns.stop(),
        flowLogs.stop(),
        monitor.stop(),
        feed?.stop(),
      ]);
    },
  };
}

function clientOf({ clientId }: { readonly clientId: string }) {
  return { role: "client", id: clientId } as const;
}

/** Tokens are secrets that the worker never gets, so they are kept here. */
function keepForFlowLogs(message: GatewayMessage, flowLogs: FlowLogs): void {
  if (message.kind === "init") flowLogs.configure(message.flowLogs);
  else if (message.kind === "create-authorization") {
    flowLogs.handleToken(message.flowLogsIngestToken);
  }
}

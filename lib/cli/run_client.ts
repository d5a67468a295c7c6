import type { IpAddress } from "../base/mod.ts";
import type { ClientEvent, ClientInput } from "../client/mod.ts";
import {
  type ClientRoleSettings,
  type ShellNews,
  TUN_NAME,
} from "../io/mod.ts";
import {
  CLIENT_PROFILE,
  type ClientMessage,
  clientParameters,
  type ClientRequest,
} from "../portal/mod.ts";
import { ClientDns } from "./client_dns.ts";
import type { Installation } from "./installation.ts";
import {
  freshSecret,
  type NodeContext,
  type NodeRole,
  type NodeService,
} from "./node_runner.ts";
import type { ClientSettings } from "./settings.ts";
import { noteConnection, tunnelRole } from "./tunnel_role.ts";

/** Returns the lab client as a role to run. */
export function clientRole(
  installation: Installation,
  { usesInternet, dnsControl }: ClientSettings,
): NodeRole<ClientMessage, ClientRequest, ClientEvent, ClientInput> {
  const { identity, name } = installation;
  const { publicKey, settings } = tunnelRole(installation, TUN_NAME);
  const { staticPrivateKey } = settings.coreSettings;
  const coreSettings: ClientRoleSettings = { staticPrivateKey, usesInternet };
  return {
    ...settings,
    coreSettings,
    profile: CLIENT_PROFILE,
    role: "client",
    parameters: clientParameters({ identity, name, publicKey }),
    networkNews: () => ({
      kind: "network-changed",
      staticPrivateKey: freshSecret(32),
    }),
    portalNews: (addresses: readonly IpAddress[]) => ({
      kind: "portal-addresses",
      addresses,
    }),
    serve: (context) =>
      serveClient(
        context,
        new ClientDns({
          tell: context.tell,
          control: dnsControl,
          log: context.sink.logger("dns"),
        }),
        (publicKey) => clientParameters({ identity, name, publicKey }),
      ),
  };
}

function serveClient(
  { portal, log }: NodeContext<ClientRequest, ClientInput>,
  dns: ClientDns,
  parameters: (publicKey: Uint8Array) => ReturnType<typeof clientParameters>,
): NodeService<ClientEvent> {
  const handleEvent = (event: ClientEvent | ShellNews) => {
    switch (event.kind) {
      case "portal-request":
        return portal.send(event.request);
      case "reconnect-portal":
        return portal.reconnect(parameters(event.publicKey));
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
        return dns.handleInterface(event);
      case "dns-answer":
      case "dns-forward":
      case "search-domain-changed":
        return dns.handleEvent(event);
    }
  };
  return { handleEvent, stop: () => dns.stop() };
}

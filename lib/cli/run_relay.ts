import { type Secret, toHex } from "../base/mod.ts";
import {
  RELAY_PROFILE,
  relayJoinPayload,
  type RelayMessage,
  relayParameters,
} from "../portal/mod.ts";
import { freshSecret, type NodeRole } from "./node_runner.ts";
import type { PortalSettings, RelaySettings } from "./settings.ts";

/** Size of the secret from which all credentials of a relay derive, portal spec §5.2. */
const STAMP_SECRET_BYTES = 32;

/** Returns the relay as a role to run. */
export function relayRole(
  { apiUrl, name, maxPartitionMs }: PortalSettings,
  relay: RelaySettings,
  token: Secret,
): NodeRole<RelayMessage, never, never> {
  const stampSecret = toHex(freshSecret(STAMP_SECRET_BYTES));
  const { publicIpv4, publicIpv6, listenPort, lowestPort, highestPort } = relay;
  return {
    profile: RELAY_PROFILE,
    role: "relay",
    coreSettings: {
      stampSecret,
      publicIpv4,
      publicIpv6,
      lowestPort,
      highestPort,
    },
    tunName: undefined,
    udp: { port: listenPort, orAny: false },
    apiUrl,
    parameters: relayParameters({
      name,
      ipv4: publicIpv4,
      ipv6: publicIpv6,
      port: listenPort,
    }),
    token,
    joinPayload: relayJoinPayload(stampSecret),
    capabilities: undefined,
    maxPartitionMs,
    networkNews: undefined,
    serve: () => ({ handleEvent: () => {}, stop: () => Promise.resolve() }),
  };
}

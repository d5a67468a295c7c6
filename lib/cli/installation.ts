import type { Secret } from "../base/mod.ts";
import type { MainPort, UdpOptions } from "../io/mod.ts";
import { FIREZONE_MARK } from "../io/mod.ts";
import type { UdpBuffers } from "./gateway_settings.ts";

/** Looks an environment variable up. */
export type Environment = (name: string) => string | undefined;

/** Everything that makes one installation of a role known to its portal. */
export interface Installation {
  /** API URL. */
  readonly apiUrl: string;
  /** Identity, before hashing. */
  readonly identity: string;
  /** Display name. */
  readonly name: string;
  /** Token. */
  readonly token: Secret;
  /** Reconnect budget, if not the role's own. */
  readonly maxPartitionMs: number | undefined;
  /** How many threads help with cryptography. */
  readonly cryptoWorkers: number;
}

/** Port that gateways and clients try first, p2p spec §7. */
const PREFERRED_PORT = 52_625;

/** Returns the UDP sockets of a gateway or client: the well-known port if it is free, marked to stay out of the tunnel. */
export function dataSockets(buffers: UdpBuffers): MainPort & UdpOptions {
  return {
    port: PREFERRED_PORT,
    orAny: true,
    mark: FIREZONE_MARK,
    ...buffers,
  };
}

import type { Secret } from "../base/mod.ts";
import type { MainPort, UdpOptions } from "../io/mod.ts";
import { FIREZONE_MARK } from "../io/mod.ts";

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
  /** For the settings that have no flag. */
  readonly environment: Environment;
}

/** Port that gateways and clients try first, p2p spec §7. */
const PREFERRED_PORT = 52_625;

/** Returns the UDP sockets of a gateway or client: the well-known port if it is free, marked to stay out of the tunnel. */
export function dataSockets(environment: Environment): MainPort & UdpOptions {
  const receiveBufferBytes = byteCount(
    environment("FIREZONE_UDP_RECV_BUFFER_SIZE"),
  );
  const sendBufferBytes = byteCount(
    environment("FIREZONE_UDP_SEND_BUFFER_SIZE"),
  );
  return {
    port: PREFERRED_PORT,
    orAny: true,
    mark: FIREZONE_MARK,
    ...(receiveBufferBytes === undefined ? {} : { receiveBufferBytes }),
    ...(sendBufferBytes === undefined ? {} : { sendBufferBytes }),
  };
}

function byteCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text)
    ? Number(text)
    : undefined;
}

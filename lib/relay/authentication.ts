import type { SocketAddress, UnixMs } from "../base/mod.ts";
import {
  longTermKey,
  parseRelayUsername,
  REALM,
  relayPassword,
  verifyIntegrity,
} from "../stun/mod.ts";
import type { StunView } from "../wire/mod.ts";
import type { ClientTable, RelayClient } from "./client_table.ts";

/** What a request's credentials are worth. */
export type Authentication =
  | {
    readonly kind: "authenticated";
    readonly client: RelayClient;
    readonly username: string;
    readonly key: Uint8Array;
  }
  | {
    /** To be answered with a nonce, and signed if there is a key. */
    readonly kind: "challenge";
    readonly code: 401 | 438;
    readonly key: Uint8Array | undefined;
  }
  | {
    /** Not to be answered: its user name is none of ours. */
    readonly kind: "malformed-username";
  };

/** Checks a request in the order of p2p spec §8.4. Counts a use of the nonce if it is the right one. */
export function authenticate(
  stun: StunView,
  source: SocketAddress,
  stampSecret: string,
  clients: ClientTable,
  now: UnixMs,
): Authentication {
  const text = stun.username();
  const username = text === undefined ? undefined : parseRelayUsername(text);
  if (text !== undefined && !username) return { kind: "malformed-username" };
  const key = text !== undefined && username
    ? longTermKey(text, REALM, relayPassword(stampSecret, username))
    : undefined;

  const nonce = stun.nonce();
  if (!stun.hasIntegrity || !username || nonce === undefined) {
    return { kind: "challenge", code: 401, key };
  }
  if (!UUID.test(nonce)) return { kind: "challenge", code: 401, key };
  const client = clients.useNonce(source, nonce);
  if (!client) return { kind: "challenge", code: 438, key };

  const isExpired = username.expiresAtUnixSeconds * 1000 < now;
  if (isExpired || !key || !verifyIntegrity(stun, key)) {
    return { kind: "challenge", code: 401, key };
  }
  return { kind: "authenticated", client, username: text ?? "", key };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

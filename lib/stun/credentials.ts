import { toBase64, utf8 } from "../base/mod.ts";
import { md5, sha256 } from "../crypto/mod.ts";

/** The realm of all Firezone relays. It is not transmitted by the portal (p2p spec §1.4). */
export const REALM = "firezone";

/** A user name for a relay, taken apart (portal spec §6.4). */
export interface RelayUsername {
  /** When it stops being valid, in whole seconds since 1970. */
  readonly expiresAtUnixSeconds: number;
  /** What ties it to its owner's public key. */
  readonly salt: string;
}

/** Returns the MESSAGE-INTEGRITY key of long-term credentials, RFC 8489 §9.2.2. */
export function longTermKey(
  username: string,
  realm: string,
  password: string,
): Uint8Array {
  return md5(utf8(`${username}:${realm}:${password}`));
}

/** Returns the MESSAGE-INTEGRITY key of short-term credentials: the raw password, RFC 8489 §9.1.1. */
export function shortTermKey(password: string): Uint8Array {
  return utf8(password);
}

/** Returns the salt of the credentials of the node with this public key, given as base64 text. */
export function relaySalt(publicKeyText: string): string {
  return toUnpaddedBase64(sha256(utf8(publicKeyText)));
}

/** Joins the parts of a relay user name. */
export function formatRelayUsername(username: RelayUsername): string {
  return `${username.expiresAtUnixSeconds}:${username.salt}`;
}

/** Reads `<unix seconds>:<salt>` with exactly one colon, or returns `undefined`. */
export function parseRelayUsername(text: string): RelayUsername | undefined {
  const match = /^(\d{1,15}):([^:]*)$/.exec(text);
  if (!match) return undefined;
  const [, expiresAt = "", salt = ""] = match;
  return { expiresAtUnixSeconds: Number(expiresAt), salt };
}

/** Returns the password that a relay with this stamp secret and the portal agree on for a user name (portal spec §6.4). */
export function relayPassword(
  stampSecret: string,
  username: RelayUsername,
): string {
  const { expiresAtUnixSeconds, salt } = username;
  return toUnpaddedBase64(
    sha256(utf8(`${expiresAtUnixSeconds}:${stampSecret}:${salt}`)),
  );
}

function toUnpaddedBase64(bytes: Uint8Array): string {
  return toBase64(bytes).replace(/=+$/, "");
}

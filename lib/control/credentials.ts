import { toBase64, utf8 } from "../base/mod.ts";
import { base32LowerNoPad, pbkdf2Sha256, sha256 } from "../crypto/mod.ts";
import { uuidFromBytes } from "./uuid.ts";

/** Who takes part in a derivation. */
export interface Party {
  /** Lower-case UUID. */
  readonly id: string;
  /** WireGuard public key, base64 text with padding. */
  readonly publicKey: string;
}

/** A party together with the secret that its preshared keys come from. */
export interface KeyedParty extends Party {
  /** 32 bytes that never leave the portal. */
  readonly pskBase: Uint8Array;
}

/** Credentials of one side of an ICE session or of one relay. */
export interface Credentials {
  /** ICE user name fragment or TURN user name. */
  readonly username: string;
  /** ICE or TURN password. */
  readonly password: string;
}

const PSK_LENGTH = 32;
const PSK_ITERATIONS = 1;

/** Derives the preshared key of a client and a gateway, base64 (portal spec §6.2). */
export function derivePresharedKey(
  client: KeyedParty,
  gateway: KeyedParty,
): string {
  return presharedKey(
    client,
    gateway,
    `WG_PSK|C_ID:${client.id}|G_ID:${gateway.id}` +
      `|C_PK:${client.publicKey}|G_PK:${gateway.publicKey}`,
  );
}

/** Derives the preshared key of two clients, base64 (portal spec §6.2). */
export function deriveClientPresharedKey(
  initiator: KeyedParty,
  target: KeyedParty,
): string {
  return presharedKey(
    initiator,
    target,
    `WG_PSK_CC|CA_ID:${initiator.id}|CB_ID:${target.id}` +
      `|CA_PK:${initiator.publicKey}|CB_PK:${target.publicKey}`,
  );
}

/** Derives both sides' ICE credentials (portal spec §6.3). */
export function deriveIceCredentials(
  initiator: Party,
  receiver: Party,
): { readonly initiator: Credentials; readonly receiver: Credentials } {
  const text = base32LowerNoPad(sha256(utf8(
    `${initiator.id}:${initiator.publicKey}:${receiver.id}:${receiver.publicKey}`,
  )));
  return {
    initiator: { username: text.slice(0, 4), password: text.slice(4, 26) },
    receiver: { username: text.slice(26, 30), password: text.slice(30, 52) },
  };
}

/** Derives a relay's id from its stamp secret (portal spec §6.4). */
export function deriveRelayId(stampSecret: string): string {
  return uuidFromBytes(sha256(utf8(stampSecret)));
}

/** Derives what the holder of `publicKey` logs in to a relay with, until `expiresAt` in unix seconds (portal spec §6.4). */
export function deriveTurnCredentials(
  publicKey: string,
  stampSecret: string,
  expiresAt: number,
): Credentials {
  const salt = base64NoPad(sha256(utf8(publicKey)));
  return {
    username: `${expiresAt}:${salt}`,
    password: deriveTurnPassword(salt, stampSecret, expiresAt),
  };
}

/** Derives the TURN password for a salt (portal spec §6.4). */
export function deriveTurnPassword(
  salt: string,
  stampSecret: string,
  expiresAt: number,
): string {
  return base64NoPad(sha256(utf8(`${expiresAt}:${stampSecret}:${salt}`)));
}

function presharedKey(a: KeyedParty, b: KeyedParty, salt: string): string {
  const password = new Uint8Array([...a.pskBase, ...b.pskBase]);
  return toBase64(
    pbkdf2Sha256(password, utf8(salt), PSK_ITERATIONS, PSK_LENGTH),
  );
}

function base64NoPad(bytes: Uint8Array): string {
  return toBase64(bytes).replace(/=+$/, "");
}

/**
 * What STUN adds to bytes: credentials, integrity and transactions, RFC 8489.
 *
 * Messages are laid out in `wire/`; here they are signed and checked. A key is
 * made once from a user name and password, then `sealStun` appends
 * MESSAGE-INTEGRITY and `verifyIntegrity` checks it. Relays use the long-term
 * key, which mixes in user name and realm; ICE peers use the short-term key,
 * the raw password, and append a FINGERPRINT that nobody verifies (p2p spec §2.8).
 *
 * A relay and the portal never talk about passwords. The portal hands each
 * node a user name `<expiry>:<salt>` and a password hashed from it and from
 * the stamp secret that the relay told the portal; the relay recomputes it
 * from the user name of a request (portal spec §6.4).
 *
 * @module
 */
export {
  formatRelayUsername,
  longTermKey,
  parseRelayUsername,
  REALM,
  relayPassword,
  relaySalt,
  type RelayUsername,
  shortTermKey,
} from "./credentials.ts";
export {
  addFingerprint,
  encodeCheck,
  sealStun,
  verifyIntegrity,
} from "./integrity.ts";
export {
  newTransactionId,
  Retransmission,
  type RetransmitPolicy,
  SINGLE_SHOT_POLICY,
  STANDARD_POLICY,
} from "./transaction.ts";

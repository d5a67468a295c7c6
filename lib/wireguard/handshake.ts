import { EMPTY, readU32LE, utf8, writeU32LE } from "../base/mod.ts";
import {
  HANDSHAKE_INITIATION,
  HANDSHAKE_RESPONSE,
  wireguardMessageType,
} from "../wire/mod.ts";
import {
  type NoiseIdentity,
  type OpenedFirstMessage,
  openFirstMessage,
  openFirstPayload,
  readSecondMessage,
  type SymmetricState,
  writeFirstMessage,
  writeSecondMessage,
} from "./noise.ts";

/** The prologue of every WireGuard handshake, p2p spec §5.1. */
const IDENTIFIER = utf8("WireGuard v1 zx2c4 Jason@zx2c4.com");

/** Who talks to whom: the long-lived keys of one tunnel. */
export interface HandshakeKeys {
  /** Our static key pair. */
  readonly own: NoiseIdentity;
  /** The peer's static public key. */
  readonly peerPublicKey: Uint8Array;
  /** The secret of both static keys, `x25519(own.privateKey, peerPublicKey)`. */
  readonly staticShared: Uint8Array;
  /** 32 bytes; all zero when there is none. */
  readonly presharedKey: Uint8Array;
}

/** The two keys of a session, seen from one side. */
export interface TransportKeys {
  /** Encrypts what we send. */
  readonly sendKey: Uint8Array;
  /** Decrypts what we receive. */
  readonly receiveKey: Uint8Array;
}

/** An initiation of ours that waits for its response. */
export interface SentInitiation {
  /** The message without mac1 and mac2, which are still zero. */
  readonly message: Uint8Array;
  /** By which the peer addresses its response. */
  readonly localIndex: number;
  /** Private ephemeral key. */
  readonly ephemeralPrivate: Uint8Array;
  /** Handshake state after the message. */
  readonly state: SymmetricState;
}

/** A received initiation whose sender has a name but has not proved it. Goes to that peer's `Tunnel`. */
export interface OpenedInitiation {
  /** The static public key that the sender claims to own. */
  readonly peerPublicKey: Uint8Array;
  /** By which the sender wants to be addressed. */
  readonly senderIndex: number;
  /** What remains to be opened. */
  readonly first: OpenedFirstMessage;
}

/** A received initiation whose sender has proved to own its static key. */
export interface ProvedInitiation {
  /** TAI64N label, 12 bytes. */
  readonly timestamp: Uint8Array;
  /** Handshake state after the message. */
  readonly state: SymmetricState;
}

/** A response, and the session that it starts. */
export interface WrittenResponse {
  /** The message without mac1 and mac2, which are still zero. */
  readonly message: Uint8Array;
  /** The keys of the session, seen from the responder. */
  readonly keys: TransportKeys;
}

/** A response that we accepted, and the session that it starts. */
export interface ReadResponse {
  /** By which the peer wants to be addressed. */
  readonly remoteIndex: number;
  /** The keys of the session, seen from the initiator. */
  readonly keys: TransportKeys;
}

/** Builds an initiation. `undefined` when the peer's key is a point of small order. */
export function createInitiation(
  keys: HandshakeKeys,
  localIndex: number,
  timestamp: Uint8Array,
  ephemeralPrivate: Uint8Array,
): SentInitiation | undefined {
  const first = writeFirstMessage(
    IDENTIFIER,
    keys.own,
    keys.peerPublicKey,
    keys.staticShared,
    ephemeralPrivate,
    timestamp,
  );
  if (!first) return undefined;

  const message = new Uint8Array(HANDSHAKE_INITIATION.LENGTH);
  writeU32LE(message, 0, HANDSHAKE_INITIATION.TYPE);
  writeU32LE(message, HANDSHAKE_INITIATION.SENDER, localIndex);
  message.set(first.message, HANDSHAKE_INITIATION.EPHEMERAL);
  return { message, localIndex, ephemeralPrivate, state: first.state };
}

/**
 * Finds out who claims to have sent the initiation in `[start, end)`, p2p spec §5.3.
 *
 * One key agreement; `HandshakeGate.check` comes before it. `undefined` when
 * the message is forged or not meant for us.
 */
export function openInitiation(
  staticPrivateKey: Uint8Array,
  staticPublicKey: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): OpenedInitiation | undefined {
  if (wireguardMessageType(bytes, start, end) !== HANDSHAKE_INITIATION.TYPE) {
    return undefined;
  }
  const first = openFirstMessage(
    IDENTIFIER,
    { privateKey: staticPrivateKey, publicKey: staticPublicKey },
    bytes.slice(
      start + HANDSHAKE_INITIATION.EPHEMERAL,
      start + HANDSHAKE_INITIATION.MAC1,
    ),
  );
  if (!first) return undefined;
  return {
    peerPublicKey: first.remoteStatic,
    senderIndex: readU32LE(bytes, start + HANDSHAKE_INITIATION.SENDER),
    first,
  };
}

/** Checks that the sender of an initiation owns the static key it claims. `undefined` when it does not. */
export function proveInitiation(
  opened: OpenedInitiation,
  staticShared: Uint8Array,
): ProvedInitiation | undefined {
  const proved = openFirstPayload(opened.first, staticShared);
  return proved && { timestamp: proved.payload, state: proved.state };
}

/** Builds the response to a proved initiation. `undefined` when a key of the peer is a point of small order. */
export function createResponse(
  keys: HandshakeKeys,
  opened: OpenedInitiation,
  proved: ProvedInitiation,
  localIndex: number,
  ephemeralPrivate: Uint8Array,
): WrittenResponse | undefined {
  const second = writeSecondMessage(
    proved.state,
    opened.first.ephemeral,
    keys.peerPublicKey,
    keys.presharedKey,
    ephemeralPrivate,
    EMPTY,
  );
  if (!second) return undefined;

  const message = new Uint8Array(HANDSHAKE_RESPONSE.LENGTH);
  writeU32LE(message, 0, HANDSHAKE_RESPONSE.TYPE);
  writeU32LE(message, HANDSHAKE_RESPONSE.SENDER, localIndex);
  writeU32LE(message, HANDSHAKE_RESPONSE.RECEIVER, opened.senderIndex);
  message.set(second.message, HANDSHAKE_RESPONSE.EPHEMERAL);
  const [receiveKey, sendKey] = second.state.split();
  return { message, keys: { sendKey, receiveKey } };
}

/** Reads the response in `[start, …)` to an initiation of ours. `undefined` when it is forged. */
export function readResponse(
  keys: HandshakeKeys,
  initiation: SentInitiation,
  bytes: Uint8Array,
  start: number,
): ReadResponse | undefined {
  const second = readSecondMessage(
    initiation.state,
    initiation.ephemeralPrivate,
    keys.own.privateKey,
    keys.presharedKey,
    bytes.slice(
      start + HANDSHAKE_RESPONSE.EPHEMERAL,
      start + HANDSHAKE_RESPONSE.MAC1,
    ),
  );
  if (!second) return undefined;

  const [sendKey, receiveKey] = second.state.split();
  const remoteIndex = readU32LE(bytes, start + HANDSHAKE_RESPONSE.SENDER);
  return { remoteIndex, keys: { sendKey, receiveKey } };
}

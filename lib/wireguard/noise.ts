import { concatBytes, EMPTY, utf8 } from "../base/mod.ts";
import {
  aeadOpen,
  aeadSeal,
  blake2s,
  kdf1,
  kdf2,
  kdf3,
  x25519,
  x25519PublicKey,
} from "../crypto/mod.ts";
import { KEY_BYTES, TAG_BYTES } from "./constants.ts";

const PROTOCOL_NAME = utf8("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s");
const STATIC_AT = KEY_BYTES;
const PAYLOAD_AT = STATIC_AT + KEY_BYTES + TAG_BYTES;

/** A static key pair. */
export interface NoiseIdentity {
  /** X25519 private key. */
  readonly privateKey: Uint8Array;
  /** The public key that belongs to it. */
  readonly publicKey: Uint8Array;
}

/** A message of ours, and the state that the answer continues. */
export interface WrittenMessage {
  /** The bytes of the Noise message. */
  readonly message: Uint8Array;
  /** Chaining key and hash after it. */
  readonly state: SymmetricState;
}

/** The public part of a first message: who claims to have sent it. */
export interface OpenedFirstMessage {
  /** Chaining key and hash after the static key. */
  readonly state: SymmetricState;
  /** The sender's ephemeral public key. */
  readonly ephemeral: Uint8Array;
  /** The sender's static public key. It proves nothing before the payload is open. */
  readonly remoteStatic: Uint8Array;
  /** The payload, still sealed. */
  readonly sealedPayload: Uint8Array;
}

/** Writes the first message `e, es, s, ss`. `undefined` when the peer's key is a point of small order. */
export function writeFirstMessage(
  prologue: Uint8Array,
  own: NoiseIdentity,
  remoteStatic: Uint8Array,
  staticShared: Uint8Array,
  ephemeralPrivate: Uint8Array,
  payload: Uint8Array,
): WrittenMessage | undefined {
  const shared = x25519(ephemeralPrivate, remoteStatic);
  if (!shared) return undefined;

  const state = SymmetricState.start(prologue, remoteStatic);
  const ephemeral = x25519PublicKey(ephemeralPrivate);
  state.mixEphemeral(ephemeral);
  state.mixKey(shared);
  const sealedStatic = state.seal(own.publicKey);
  state.mixKey(staticShared);
  const sealedPayload = state.seal(payload);
  return {
    message: concatBytes(ephemeral, sealedStatic, sealedPayload),
    state,
  };
}

/** Reads the first message up to the sender's static key. `undefined` when it is forged. */
export function openFirstMessage(
  prologue: Uint8Array,
  own: NoiseIdentity,
  message: Uint8Array,
): OpenedFirstMessage | undefined {
  const ephemeral = message.slice(0, STATIC_AT);
  const shared = x25519(own.privateKey, ephemeral);
  if (!shared) return undefined;

  const state = SymmetricState.start(prologue, own.publicKey);
  state.mixEphemeral(ephemeral);
  state.mixKey(shared);
  const remoteStatic = state.open(message.slice(STATIC_AT, PAYLOAD_AT));
  if (!remoteStatic) return undefined;
  return {
    state,
    ephemeral,
    remoteStatic,
    sealedPayload: message.slice(PAYLOAD_AT),
  };
}

/**
 * Reads the payload of a first message, which proves that the sender owns its static key.
 *
 * `staticShared` is the secret of both static keys. `undefined` when forged.
 */
export function openFirstPayload(
  opened: OpenedFirstMessage,
  staticShared: Uint8Array,
):
  | { readonly state: SymmetricState; readonly payload: Uint8Array }
  | undefined {
  const state = opened.state.clone();
  state.mixKey(staticShared);
  const payload = state.open(opened.sealedPayload);
  return payload && { state, payload };
}

/** Writes the second message `e, ee, se, psk`. `undefined` when a key of the peer is a point of small order. */
export function writeSecondMessage(
  after: SymmetricState,
  remoteEphemeral: Uint8Array,
  remoteStatic: Uint8Array,
  presharedKey: Uint8Array,
  ephemeralPrivate: Uint8Array,
  payload: Uint8Array,
): WrittenMessage | undefined {
  const ephemeralShared = x25519(ephemeralPrivate, remoteEphemeral);
  const crossShared = x25519(ephemeralPrivate, remoteStatic);
  if (!ephemeralShared || !crossShared) return undefined;

  const state = after.clone();
  const ephemeral = x25519PublicKey(ephemeralPrivate);
  state.mixEphemeral(ephemeral);
  state.mixKey(ephemeralShared);
  state.mixKey(crossShared);
  state.mixPresharedKey(presharedKey);
  return { message: concatBytes(ephemeral, state.seal(payload)), state };
}

/** Reads the second message. `undefined` when it is forged or belongs to another first message. */
export function readSecondMessage(
  after: SymmetricState,
  ephemeralPrivate: Uint8Array,
  staticPrivate: Uint8Array,
  presharedKey: Uint8Array,
  message: Uint8Array,
):
  | { readonly state: SymmetricState; readonly payload: Uint8Array }
  | undefined {
  const ephemeral = message.slice(0, KEY_BYTES);
  const ephemeralShared = x25519(ephemeralPrivate, ephemeral);
  const crossShared = x25519(staticPrivate, ephemeral);
  if (!ephemeralShared || !crossShared) return undefined;

  const state = after.clone();
  state.mixEphemeral(ephemeral);
  state.mixKey(ephemeralShared);
  state.mixKey(crossShared);
  state.mixPresharedKey(presharedKey);
  const payload = state.open(message.slice(KEY_BYTES));
  return payload && { state, payload };
}

/** The chaining key and transcript hash of a Noise handshake, Noise specification §5.2. */
export class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #key: Uint8Array = EMPTY;

  private constructor(chainingKey: Uint8Array, hash: Uint8Array) {
    this.#chainingKey = chainingKey;
    this.#hash = hash;
  }

  /** Starts a handshake towards a responder whose static key is known beforehand. */
  static start(
    prologue: Uint8Array,
    responderStatic: Uint8Array,
  ): SymmetricState {
    // The name is longer than a hash, so its digest stands for it.
    const name = blake2s(PROTOCOL_NAME);
    const state = new SymmetricState(name, name);
    state.#mixHash(prologue);
    state.#mixHash(responderStatic);
    return state;
  }

  /** The transcript hash. */
  get hash(): Uint8Array {
    return this.#hash;
  }

  /** The chaining key. */
  get chainingKey(): Uint8Array {
    return this.#chainingKey;
  }

  /** Returns a copy that further messages do not change. */
  clone(): SymmetricState {
    return new SymmetricState(this.#chainingKey, this.#hash);
  }

  /** Token `e` of a handshake with a preshared key, Noise specification §9.2. */
  mixEphemeral(publicKey: Uint8Array): void {
    this.#mixHash(publicKey);
    this.#chainingKey = kdf1(this.#chainingKey, publicKey);
  }

  /** Tokens `es`, `ss`, `ee` and `se`. */
  mixKey(shared: Uint8Array): void {
    [this.#chainingKey, this.#key] = kdf2(this.#chainingKey, shared);
  }

  /** Token `psk`. */
  mixPresharedKey(presharedKey: Uint8Array): void {
    const [chainingKey, digest, key] = kdf3(this.#chainingKey, presharedKey);
    this.#chainingKey = chainingKey;
    this.#mixHash(digest);
    this.#key = key;
  }

  /** Encrypts under the last mixed key. Once per key: the counter is always 0. */
  seal(plaintext: Uint8Array): Uint8Array {
    const sealed = aeadSeal(this.#key, 0, plaintext, this.#hash);
    this.#mixHash(sealed);
    return sealed;
  }

  /** Decrypts under the last mixed key, or returns `undefined` when forged. */
  open(sealed: Uint8Array): Uint8Array | undefined {
    const plaintext = aeadOpen(this.#key, 0, sealed, this.#hash);
    this.#mixHash(sealed);
    return plaintext;
  }

  /** Ends the handshake: the initiator's sending key and the responder's. */
  split(): [Uint8Array, Uint8Array] {
    return kdf2(this.#chainingKey, EMPTY);
  }

  /** Overwrites the keys. Neither the state nor an unchanged copy of it must be used afterwards. */
  erase(): void {
    this.#chainingKey.fill(0);
    this.#key.fill(0);
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = blake2s(this.#hash, data);
  }
}

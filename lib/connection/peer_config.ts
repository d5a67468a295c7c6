import { equalBytes } from "../base/mod.ts";
import { equalSecrets } from "../crypto/mod.ts";
import type { IceCredentials } from "../ice/mod.ts";

/** The portal's name for a client or gateway. */
export type PeerId = string;

/** What the portal says about a peer that may connect. */
export interface PeerConfig {
  /** The portal's name for it. */
  readonly id: PeerId;
  /** Its static public key. */
  readonly publicKey: Uint8Array;
  /** 32 bytes, secret. */
  readonly presharedKey: Uint8Array;
  /** Ours. */
  readonly localCredentials: IceCredentials;
  /** The peer's. */
  readonly remoteCredentials: IceCredentials;
  /** Whether the path is found by probes in the tunnel instead of ICE. */
  readonly useIceless: boolean;
}

/** Tells whether a connection made for `a` serves `b`, p2p spec §1.6. One different secret would leave a tunnel that never opens. */
export function isSamePeer(a: PeerConfig, b: PeerConfig): boolean {
  return a.id === b.id && a.useIceless === b.useIceless &&
    equalBytes(a.publicKey, b.publicKey) &&
    equalSecrets(a.presharedKey, b.presharedKey) &&
    (a.useIceless || isSameIce(a, b));
}

/** Only ICE uses the credentials. */
function isSameIce(a: PeerConfig, b: PeerConfig): boolean {
  return isSameCredentials(a.localCredentials, b.localCredentials) &&
    isSameCredentials(a.remoteCredentials, b.remoteCredentials);
}

function isSameCredentials(a: IceCredentials, b: IceCredentials): boolean {
  return a.username === b.username && a.password === b.password;
}

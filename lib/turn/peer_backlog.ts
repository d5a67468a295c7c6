import { equalSocketAddresses, type SocketAddress } from "../base/mod.ts";
import { MAX_BUFFERED_BINDS } from "./constants.ts";

/** Peers whose channels are bound once there is an allocation. When full, the oldest makes room. */
export class PeerBacklog {
  #peers: SocketAddress[] = [];

  /** Remembers `peer`. */
  add(peer: SocketAddress): void {
    if (this.#peers.some((known) => equalSocketAddresses(known, peer))) return;
    this.#peers.push(peer);
    if (this.#peers.length > MAX_BUFFERED_BINDS) this.#peers.shift();
  }

  /** Returns all peers, oldest first, and forgets them. */
  takeAll(): SocketAddress[] {
    const peers = this.#peers;
    this.#peers = [];
    return peers;
  }

  /** Forgets all peers. */
  clear(): void {
    this.#peers = [];
  }
}

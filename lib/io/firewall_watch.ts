import { EAGAIN } from "./errno.ts";
import { NetlinkGroup } from "./netlink_group.ts";
import { NETLINK_NETFILTER } from "./netlink_socket.ts";
import { mainReactor, type Watch } from "./socket_reactor.ts";

/** Bit of the group that hears of all changes of nf_tables, `NFNLGRP_NFTABLES` of `nfnetlink.h`. */
const NFTABLES_GROUP = 1 << (7 - 1);

/** Reads in one go. Whoever changes more at once is noticed all the same. */
const READS_PER_LOOK = 64;

/**
 * Tells when somebody changes the host's firewall, ourselves included.
 *
 * After it has told, it is silent until `listen` is called: however often
 * others change things, the caller says how often it wants to hear of it.
 */
export class FirewallWatch {
  readonly #group = new NetlinkGroup(NETLINK_NETFILTER, NFTABLES_GROUP);
  readonly #onChange: () => void;
  #watch: Watch | undefined;

  /** Listens once. Needs `CAP_NET_ADMIN`, and a kernel with nf_tables. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.listen();
  }

  /** Listens again; what changed meanwhile is told at once. */
  listen(): void {
    this.#watch ??= mainReactor().watch(
      this.#group.fd,
      "read",
      () => this.#hear(),
    );
  }

  /** Ends it. */
  close(): void {
    this.#pause();
    this.#group.close();
  }

  #hear(): void {
    this.#pause();
    for (let i = 0; i < READS_PER_LOOK; i++) {
      // What is said does not matter, nor does what was lost.
      if (this.#group.read() === EAGAIN) break;
    }
    this.#onChange();
  }

  #pause(): void {
    this.#watch?.end();
    this.#watch = undefined;
  }
}

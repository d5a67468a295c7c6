import { linkNamed, type LinkState, linkStateOf } from "./link_state.ts";
import { NetlinkSocket } from "./netlink_socket.ts";

/** Asks the kernel about one network interface. Needs no capability. */
export class LinkProbe {
  readonly #name: string;
  readonly #netlink = new NetlinkSocket();

  /** Asks about the interface of this name, whichever that is at the time. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Returns how the interface is at present. */
  read(): LinkState {
    const replies = this.#netlink.ask(linkNamed(this.#name));
    const [reply] = typeof replies === "number" ? [] : replies;
    return reply ? linkStateOf(reply) : { state: "missing", drops: 0 };
  }

  /** Closes the socket. */
  close(): void {
    this.#netlink.close();
  }
}

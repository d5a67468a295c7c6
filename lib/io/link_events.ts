import { EAGAIN, EINTR } from "./errno.ts";
import { isDownOf } from "./link_state.ts";
import { NetlinkGroup } from "./netlink_group.ts";
import { decodeNetlink } from "./netlink_message.ts";
import { NETLINK_ROUTE } from "./netlink_socket.ts";

const RTMGRP_LINK = 1;

/** Reads in one go; what is left is for the next look. */
const READS_PER_LOOK = 64;

/** Hears of changes to one network interface, so that one which was down only for a moment is noticed. */
export class LinkEvents {
  readonly #name: string;
  readonly #group = new NetlinkGroup(NETLINK_ROUTE, RTMGRP_LINK);

  /** Listens from here on. Needs no capability. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Tells whether the interface was down since the last look. When the kernel had more to say than it could keep, it may have been. */
  wasDown(): boolean {
    let wasDown = false;
    for (let i = 0; i < READS_PER_LOOK; i++) {
      const bytes = this.#group.read();
      if (typeof bytes === "number") {
        if (bytes === EINTR) continue;
        return wasDown || bytes !== EAGAIN;
      }
      const messages = decodeNetlink(bytes);
      if (messages.some((it) => isDownOf(it, this.#name))) wasDown = true;
    }
    return wasDown;
  }

  /** Closes the socket. */
  close(): void {
    this.#group.close();
  }
}

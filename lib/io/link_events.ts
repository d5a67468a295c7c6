import { writeU16LE, writeU32LE } from "../base/mod.ts";
import { EAGAIN, EINTR } from "./errno.ts";
import { errno, libc, must } from "./libc.ts";
import { isDownOf } from "./link_state.ts";
import { decodeNetlink } from "./netlink_message.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC_NONBLOCK = 0x80000 | 0x800;
const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;

/** Layout of `sockaddr_nl`: family (2), padding (2), port (4), groups (4). */
const NAME_BYTES = 12;
const NAME_GROUPS = 8;

const READ_BYTES = 32_768;

/** Reads in one go; what is left is for the next look. */
const READS_PER_LOOK = 64;

/** Hears of changes to one network interface, so that one which was down only for a moment is noticed. */
export class LinkEvents {
  readonly #name: string;
  readonly #fd: number;
  readonly #room = new Uint8Array(READ_BYTES);

  /** Listens from here on. Needs no capability. */
  constructor(name: string) {
    this.#name = name;
    this.#fd = must(
      "open a netlink socket",
      libc().socket(
        AF_NETLINK,
        SOCK_RAW | SOCK_CLOEXEC_NONBLOCK,
        NETLINK_ROUTE,
      ),
    );
    const group = new Uint8Array(NAME_BYTES);
    writeU16LE(group, 0, AF_NETLINK);
    writeU32LE(group, NAME_GROUPS, RTMGRP_LINK);
    must("hear of links", libc().bind(this.#fd, group, group.length));
  }

  /** Tells whether the interface was down since the last look. When the kernel had more to say than it could keep, it may have been. */
  wasDown(): boolean {
    let wasDown = false;
    for (let i = 0; i < READS_PER_LOOK; i++) {
      const length = this.#receive();
      if (length < 0) {
        const code = errno();
        if (code === EINTR) continue;
        return wasDown || code !== EAGAIN;
      }
      const messages = decodeNetlink(this.#room.subarray(0, length));
      if (messages.some((it) => isDownOf(it, this.#name))) wasDown = true;
    }
    return wasDown;
  }

  /** Closes the socket. */
  close(): void {
    libc().close(this.#fd);
  }

  #receive(): number {
    const name = new Uint8Array(NAME_BYTES);
    const nameLength = new Uint32Array([NAME_BYTES]);
    const { recvfrom } = libc();
    return recvfrom(this.#fd, this.#room, READ_BYTES, 0, name, nameLength);
  }
}

import { writeU16LE, writeU32LE } from "../base/mod.ts";
import { errno, libc, must } from "./libc.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC_NONBLOCK = 0x80000 | 0x800;

/** Layout of `sockaddr_nl`: family (2), padding (2), port (4), groups (4). */
const NAME_BYTES = 12;
const NAME_GROUPS = 8;

const READ_BYTES = 32_768;

/** Hears what the kernel tells everybody about one matter, without waiting for it. */
export class NetlinkGroup {
  /** The socket, to be watched by whoever wants to wait. */
  readonly fd: number;
  readonly #room = new Uint8Array(READ_BYTES);

  /** Listens from here on to the groups of these bits. Those of rtnetlink need no capability, others do. */
  constructor(protocol: number, groups: number) {
    this.fd = must(
      "open a netlink socket",
      libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC_NONBLOCK, protocol),
    );
    const name = new Uint8Array(NAME_BYTES);
    writeU16LE(name, 0, AF_NETLINK);
    writeU32LE(name, NAME_GROUPS, groups);
    try {
      must("hear of changes", libc().bind(this.fd, name, name.length));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Returns the next messages, valid until the next call, or an error number: `EAGAIN` when there are none, `ENOBUFS` when some were lost. */
  read(): Uint8Array | number {
    const name = new Uint8Array(NAME_BYTES);
    const nameLength = new Uint32Array([NAME_BYTES]);
    const { recvfrom } = libc();
    const room = this.#room;
    const length = recvfrom(this.fd, room, READ_BYTES, 0, name, nameLength);
    return length < 0 ? errno() : room.subarray(0, length);
  }

  /** Closes the socket. */
  close(): void {
    libc().close(this.fd);
  }
}

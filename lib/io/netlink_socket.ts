import { concatBytes, readU32LE } from "../base/mod.ts";
import { EINTR, EIO } from "./errno.ts";
import { errno, libc, must } from "./libc.ts";
import {
  decodeNetlink,
  encodeNetlink,
  netlinkError,
  type NetlinkReply,
  type NetlinkRequest,
  NLM_F_DUMP,
  NLMSG_DONE,
  NLMSG_ERROR,
} from "./netlink_message.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;

/** Addresses, routes and rules. */
export const NETLINK_ROUTE = 0;
/** The firewall. */
export const NETLINK_NETFILTER = 12;

const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_GET_STRICT_CHK = 12;

/** Longest wait for one answer of the kernel, in s. It answers at once; this only rules out waiting for ever. */
const PATIENCE_S = 2;

/** Room for one read: the kernel fills dumps by at most 32 KiB. */
const READ_BYTES = 65_536;

/** Entries of a dump that are kept, so that no routing table can exhaust the memory. */
const DUMP_LIMIT = 100_000;

/** Layout of `sockaddr_nl`: family, padding, port, groups. The kernel is port 0. */
const NETLINK_NAME_BYTES = 12;
const NETLINK_NAME_PORT = 4;

/** Speaks netlink with the kernel: one request or transaction at a time, each answered before the next. */
export class NetlinkSocket {
  readonly #fd: number;
  readonly #room = new Uint8Array(READ_BYTES);
  #sequence = 0;

  /** Opens the socket, for rtnetlink unless told. Needs no capability; changing things does. */
  constructor(protocol: number = NETLINK_ROUTE) {
    this.#fd = must(
      "open a netlink socket",
      libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol),
    );
    // struct timeval: seconds and microseconds, 64 bits each.
    const patience = new Uint32Array([PATIENCE_S, 0, 0, 0]);
    must(
      "limit the wait for netlink",
      this.#setOption(SOL_SOCKET, SO_RCVTIMEO, patience),
    );
    // Lets the kernel filter dumps; where it does not, the caller still does.
    this.#setOption(SOL_NETLINK, NETLINK_GET_STRICT_CHK, new Uint32Array([1]));
  }

  /** Carries out a request. Returns 0, or the error number of the refusal. */
  request(request: NetlinkRequest): number {
    return this.#exchange(request, () => {});
  }

  /** Lists entries. Returns them, or the error number of the refusal. */
  dump(request: NetlinkRequest): NetlinkReply[] | number {
    return this.ask({ ...request, flags: request.flags | NLM_F_DUMP });
  }

  /** Asks something. Returns what the kernel says, or the error number of the refusal. */
  ask(request: NetlinkRequest): NetlinkReply[] | number {
    const entries: NetlinkReply[] = [];
    const code = this.#exchange(request, (reply) => {
      if (entries.length < DUMP_LIMIT) entries.push(reply);
    });
    return code === 0 ? entries : code;
  }

  /** Carries out all requests or none, between the marks that netfilter knows. Returns 0, or the error number of the first refusal. */
  transact(
    begin: NetlinkRequest,
    requests: readonly NetlinkRequest[],
    end: NetlinkRequest,
  ): number {
    const first = ++this.#sequence;
    const last = this.#sequence += requests.length + 1;
    const bytes = concatBytes(
      encodeNetlink(begin, first, 0),
      ...requests.map((it, i) => encodeNetlink(it, first + 1 + i)),
      encodeNetlink(end, last, 0),
    );
    if (libc().send(this.#fd, bytes, bytes.length, 0) < 0) return errno();

    for (let left = requests.length; left > 0;) {
      const received = this.#receive();
      if (typeof received === "number") return received;
      for (const reply of received) {
        if (reply.sequence < first || reply.sequence > last) continue;
        const code = netlinkError(reply) ?? 0;
        if (code !== 0) return code;
        if (reply.type === NLMSG_ERROR) left--;
      }
    }
    return 0;
  }

  /** Closes the socket. */
  close(): void {
    libc().close(this.#fd);
  }

  /** Sends a request and reads until its acknowledgement, refusal or end of dump. */
  #exchange(
    request: NetlinkRequest,
    keep: (reply: NetlinkReply) => void,
  ): number {
    const sequence = ++this.#sequence;
    const bytes = encodeNetlink(request, sequence);
    if (libc().send(this.#fd, bytes, bytes.length, 0) < 0) return errno();

    for (;;) {
      const received = this.#receive();
      if (typeof received === "number") return received;
      for (const reply of received) {
        if (reply.sequence !== sequence) continue;
        if (reply.type !== NLMSG_ERROR && reply.type !== NLMSG_DONE) {
          keep(reply);
          continue;
        }
        return netlinkError(reply) ?? 0;
      }
    }
  }

  /** Reads one batch of messages of the kernel, or returns an error number. */
  #receive(): NetlinkReply[] | number {
    const name = new Uint8Array(NETLINK_NAME_BYTES);
    const nameLength = new Uint32Array([NETLINK_NAME_BYTES]);
    const length = libc().recvfrom(
      this.#fd,
      this.#room,
      READ_BYTES,
      0,
      name,
      nameLength,
    );
    if (length < 0) return errno() === EINTR ? [] : errno();
    if (length === 0) return EIO;
    if (readU32LE(name, NETLINK_NAME_PORT) !== 0) return [];
    return decodeNetlink(this.#room.subarray(0, length));
  }

  #setOption(
    level: number,
    option: number,
    value: Uint32Array<ArrayBuffer>,
  ): number {
    return libc().setsockopt(this.#fd, level, option, value, value.byteLength);
  }
}

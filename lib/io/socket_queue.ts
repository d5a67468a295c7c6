import { libc } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_MEMINFO = 55;

/** Layout of what `SO_MEMINFO` gives, in words: `SK_MEMINFO_*` of `sock_diag.h`. */
const RMEM_ALLOC = 0;
const DROPS = 8;
const WORDS = 9;

/** What waits in a socket, and what the kernel could not put there. */
export interface SocketQueue {
  /** Memory of the datagrams that wait to be read, in bytes, with what the kernel adds to each. */
  readonly waitingBytes: number;
  /** Datagrams that found no room, since the socket was opened. */
  readonly drops: number;
}

/** Looks into the receive queue of a socket. All zero on a kernel before 4.12. */
export function socketQueue(fd: number): SocketQueue {
  const words = new Uint32Array(WORDS);
  const length = new Uint32Array([words.byteLength]);
  libc().getsockopt(fd, SOL_SOCKET, SO_MEMINFO, words, length);
  return { waitingBytes: words[RMEM_ALLOC]!, drops: words[DROPS]! };
}

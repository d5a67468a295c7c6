import { libc, must } from "./libc.ts";

/** Layout version 3 of the capability structs: 64 capabilities in two halves, capget(2). */
const LAYOUT_VERSION = 0x20080522;

/** Number of `CAP_NET_ADMIN`, capabilities(7). */
const CAP_NET_ADMIN = 12;

/**
 * Tells whether this process may manage the network.
 *
 * Asks the kernel, since `/proc/self/status` is closed to a program that runs
 * with less than all of Deno's permissions.
 */
export function holdsNetAdmin(): boolean {
  const header = Uint32Array.of(LAYOUT_VERSION, 0);
  // Effective, permitted and inheritable set, low half first.
  const sets = new Uint32Array(6);
  must("read the capabilities of this process", libc().capget(header, sets));
  return (sets[0]! & 1 << CAP_NET_ADMIN) !== 0;
}

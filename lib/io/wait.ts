import { libc } from "./libc.ts";

/** Layout of `pollfd`: descriptor, events asked for, events found. */
const POLLFD_BYTES = 8;
const POLLFD_EVENTS = 4;
const POLLOUT = 4;

/** Waits up to `patienceMs` until a descriptor takes data again. For the rare full buffer: allocates. */
export function waitUntilWritable(fd: number, patienceMs: number): boolean {
  const request = new Uint8Array(POLLFD_BYTES);
  const view = new DataView(request.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(POLLFD_EVENTS, POLLOUT, true);
  return libc().poll(request, 1, patienceMs) > 0;
}

import { cString, libc } from "./libc.ts";

/** Time on a processor and time waiting for one, in ns, as the kernel's `sched-stats.rst` says. */
const PATH = "/proc/thread-self/schedstat";
const O_CLOEXEC = 0x80000;

/** Three decimal numbers of 64 bits, blanks between. */
const ROOM_BYTES = 64;
const NS_PER_MS = 1e6;

/**
 * Returns how long the calling thread has had, or wanted, a processor so far,
 * in ms; `undefined` when this kernel does not count it.
 *
 * A thread that others keep from the processors looks asleep by the clock.
 */
export function threadWantedMs(): number | undefined {
  const fd = libc().open(cString(PATH), O_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const bytes = new Uint8Array(ROOM_BYTES);
  const length = libc().read_bytes(fd, bytes, bytes.length);
  libc().close(fd);
  if (length < 0) return undefined;
  return parseWantedMs(new TextDecoder().decode(bytes.subarray(0, length)));
}

/** Reads what the kernel writes of a thread. All zeros: it does not count. */
export function parseWantedMs(text: string): number | undefined {
  const fields = /^(\d{1,20}) (\d{1,20}) \d+\n?$/.exec(text);
  if (!fields) return undefined;
  const wantedNs = Number(fields[1]) + Number(fields[2]);
  return wantedNs === 0 ? undefined : wantedNs / NS_PER_MS;
}

import { cString, errno, libc } from "./libc.ts";

const ROOT = "/proc/sys";
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CLOEXEC = 0x80000;

/** Values are numbers; no more is read. */
const VALUE_BYTES = 64;

/** One setting of the kernel and a value. */
export interface Setting {
  /** Where it is below `/proc/sys`, such as `net/ipv4/ip_forward`. */
  readonly path: string;
  /** Its value as text, without a line end. */
  readonly value: string;
}

/** The kernel's settings below `/proc/sys`. */
export interface KernelSettings {
  /** Reads one; `undefined` when this kernel does not have it. */
  read(path: string): string | undefined;
  /** Writes one. Returns 0 or why not. */
  write(setting: Setting): number;
  /** Returns 0 when it could be written, or why not. Changes nothing. */
  probe(path: string): number;
}

/**
 * The real settings, by system calls.
 *
 * The runtime keeps `/proc` from programs that run with less than all of its
 * permissions. The kernel asks for `CAP_NET_ADMIN` only, not for root.
 */
export const PROC_SYS: KernelSettings = {
  read(path) {
    const fd = open(path, O_RDONLY);
    if (fd < 0) return undefined;
    const bytes = new Uint8Array(VALUE_BYTES);
    const length = libc().read_bytes(fd, bytes, bytes.length);
    libc().close(fd);
    if (length < 0) return undefined;
    return new TextDecoder().decode(bytes.subarray(0, length)).trim();
  },
  write({ path, value }) {
    const fd = open(path, O_WRONLY);
    if (fd < 0) return errno();
    const bytes = new TextEncoder().encode(value);
    const written = libc().write_bytes(fd, bytes, bytes.length);
    const code = written < 0 ? errno() : 0;
    libc().close(fd);
    return code;
  },
  probe(path) {
    const fd = open(path, O_WRONLY);
    if (fd < 0) return errno();
    libc().close(fd);
    return 0;
  },
};

function open(path: string, mode: number): number {
  return libc().open(cString(`${ROOT}/${path}`), mode | O_CLOEXEC, 0);
}

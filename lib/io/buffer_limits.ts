import type { Logger } from "../base/mod.ts";
import { errnoName } from "./errno.ts";
import { cString, errno, libc } from "./libc.ts";

/** Limits for socket buffers that the host should have at least, in bytes (operations spec §1.1). */
const WANTED: readonly (readonly [path: string, bytes: number])[] = [
  ["/proc/sys/net/core/rmem_max", 16 * 1024 * 1024],
  ["/proc/sys/net/core/wmem_max", 2 * 1024 * 1024],
];

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CLOEXEC = 0x80000;

/** Longer than any number that the kernel prints. */
const NUMBER_BYTES = 32;

/** Numbers below `/proc/sys`. A refusal is the number of an error. */
export interface KernelNumbers {
  /** Reads one. */
  read(path: string): number | { readonly errno: number };
  /** Writes one. */
  write(path: string, value: number): undefined | { readonly errno: number };
}

/**
 * Raises the host's limits for socket buffers while the program runs.
 *
 * Sockets that hold `CAP_NET_ADMIN` get what they ask for anyway; the limits
 * count where the capability is not in force, as inside some containers. A
 * limit that is high enough stays, a refusal is of no great account.
 */
export class BufferLimits {
  readonly #log: Logger;
  readonly #numbers: KernelNumbers;
  /** What was there before us, and what we wrote. */
  readonly #raised: { path: string; before: number; after: number }[] = [];

  /** Changes nothing yet. */
  constructor(log: Logger, numbers: KernelNumbers = KERNEL_NUMBERS) {
    this.#log = log;
    this.#numbers = numbers;
  }

  /** Raises what is too low. */
  raise(): void {
    for (const [path, wanted] of WANTED) {
      const before = this.#numbers.read(path);
      if (typeof before !== "number") this.#noteRefusal(path, before.errno);
      else if (before < wanted) this.#write(path, before, wanted);
    }
  }

  /** Puts back what nobody else has changed since. */
  restore(): void {
    for (const { path, before, after } of this.#raised.splice(0)) {
      if (this.#numbers.read(path) !== after) continue;
      this.#numbers.write(path, before);
    }
  }

  #write(path: string, before: number, after: number): void {
    const refusal = this.#numbers.write(path, after);
    if (refusal) return this.#noteRefusal(path, refusal.errno);
    this.#raised.push({ path, before, after });
    this.#log.log("info", "Buffer limit raised", { path, before, after });
  }

  #noteRefusal(path: string, code: number): void {
    const reason = errnoName(code);
    this.#log.log("info", "Buffer limit left alone", { path, reason });
  }
}

/** The kernel's own, by system calls: the runtime keeps programs out of `/proc`. */
const KERNEL_NUMBERS: KernelNumbers = {
  read(path) {
    const text = new Uint8Array(NUMBER_BYTES);
    const length = withFile(
      path,
      O_RDONLY,
      (fd) => libc().read(fd, Deno.UnsafePointer.of(text), text.length),
    );
    if (typeof length !== "number") return length;
    return Number(new TextDecoder().decode(text.subarray(0, length)));
  },
  write(path, value) {
    const text = new TextEncoder().encode(`${value}\n`);
    const length = withFile(
      path,
      O_WRONLY,
      (fd) => libc().write(fd, Deno.UnsafePointer.of(text), text.length),
    );
    return typeof length === "number" ? undefined : length;
  },
};

function withFile(
  path: string,
  flags: number,
  use: (fd: number) => number,
): number | { readonly errno: number } {
  const fd = libc().open(cString(path), flags | O_CLOEXEC, 0);
  if (fd < 0) return { errno: errno() };
  const result = use(fd);
  const code = errno();
  libc().close(fd);
  return result < 0 ? { errno: code } : result;
}

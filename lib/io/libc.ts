import { assert } from "../base/mod.ts";
import { KernelRefusedError } from "./errors.ts";

/**
 * The functions of the C library we call.
 *
 * Addresses are `pointer` where they are made once, `buffer` where a call is
 * rare; lengths are 32 bits wide, results `i32`. A number for a 64-bit
 * parameter would cost ten times as much (data-path spec §3).
 */
const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "pointer", "i32", "i32"], result: "i32" },
  // The same, waiting on another thread of the runtime. Leaves no error number.
  epoll_wait_aside: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  eventfd_write: { parameters: ["i32", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  // The same for requests whose argument is a number. Rare, so a slow 64-bit parameter will do.
  ioctl_with_number: {
    name: "ioctl",
    parameters: ["i32", "u32", "usize"],
    result: "i32",
  },
  // Rare, so a slow 64-bit parameter will do.
  madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  // Of glibc alone. Rare, so a slow 64-bit parameter will do.
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  // A macro in front of another name before glibc 2.33.
  mknod: {
    parameters: ["buffer", "u32", "u32"],
    result: "i32",
    optional: true,
  },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
  read: { parameters: ["i32", "pointer", "u32"], result: "i32" },
  // The same into memory that is used once.
  read_bytes: {
    name: "read",
    parameters: ["i32", "buffer", "u32"],
    result: "i32",
  },
  recvfrom: {
    parameters: ["i32", "buffer", "u32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  recvmmsg: {
    parameters: ["i32", "pointer", "u32", "i32", "pointer"],
    result: "i32",
  },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  sendmmsg: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  write: { parameters: ["i32", "pointer", "u32"], result: "i32" },
  // The same from memory that is used once.
  write_bytes: {
    name: "write",
    parameters: ["i32", "buffer", "u32"],
    result: "i32",
  },
  writev: { parameters: ["i32", "pointer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The C library's functions, callable. */
export type Libc = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

let loaded: Libc | undefined;
let errnoCell: Deno.UnsafePointerView | undefined;

/** Returns the C library of this thread, loaded on the first call. */
export function libc(): Libc {
  loaded ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  return loaded;
}

/** Returns the error number of the call that has just failed on this thread. */
export function errno(): number {
  errnoCell ??= findErrnoCell();
  return errnoCell.getInt32();
}

/** Passes a result through, or throws the refusal of `operation` when it is negative. For the control path. */
export function must(operation: string, result: number): number {
  if (result < 0) throw new KernelRefusedError(operation, errno());
  return result;
}

/** Encodes text for a C function. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

function findErrnoCell(): Deno.UnsafePointerView {
  const pointer = libc().__errno_location();
  assert(pointer !== null, "The C library has no error number");
  return new Deno.UnsafePointerView(pointer);
}

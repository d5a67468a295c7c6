/** Error numbers of Linux that the system calls we use can give, on x86-64 and ARM64 alike. */
const NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  3: "ESRCH",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  9: "EBADF",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  14: "EFAULT",
  16: "EBUSY",
  17: "EEXIST",
  19: "ENODEV",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  28: "ENOSPC",
  30: "EROFS",
  34: "ERANGE",
  71: "EPROTO",
  77: "EBADFD",
  85: "ERESTART",
  88: "ENOTSOCK",
  90: "EMSGSIZE",
  92: "ENOPROTOOPT",
  93: "EPROTONOSUPPORT",
  95: "EOPNOTSUPP",
  97: "EAFNOSUPPORT",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  100: "ENETDOWN",
  101: "ENETUNREACH",
  105: "ENOBUFS",
  111: "ECONNREFUSED",
  112: "EHOSTDOWN",
  113: "EHOSTUNREACH",
  115: "EINPROGRESS",
};

/** Not permitted: a capability is missing, or a firewall says no. */
export const EPERM = 1;
/** No such file, table or entry. */
export const ENOENT = 2;
/** No such entry to delete. */
export const ESRCH = 3;
/** A signal came in between. */
export const EINTR = 4;
/** The interface is down. */
export const EIO = 5;
/** The device node has no driver. */
export const ENXIO = 6;
/** Would have to wait. */
export const EAGAIN = 11;
/** The kernel is short of memory. */
export const ENOMEM = 12;
/** Not allowed by mode bits, or IPv6 is switched off on the interface. */
export const EACCES = 13;
/** Somebody else holds it. */
export const EBUSY = 16;
/** It exists already. */
export const EEXIST = 17;
/** No such device. */
export const ENODEV = 19;
/** The kernel does not take such an argument. */
export const EINVAL = 22;
/** The TUN device behind a descriptor has gone. */
export const EBADFD = 77;
/** Something changed meanwhile; try again. */
export const ERESTART = 85;
/** Too long to be sent in one piece. */
export const EMSGSIZE = 90;
/** The kernel was built without this protocol. */
export const EPROTONOSUPPORT = 93;
/** The kernel was built without it. */
export const EOPNOTSUPP = 95;
/** The kernel has no such address family. */
export const EAFNOSUPPORT = 97;
/** The port is taken. */
export const EADDRINUSE = 98;
/** The address is not ours. */
export const EADDRNOTAVAIL = 99;
/** The interface that the way leads over is down. */
export const ENETDOWN = 100;
/** No route leads there. */
export const ENETUNREACH = 101;
/** A queue of the kernel is full. */
export const ENOBUFS = 105;
/** A route says that there is no way there. */
export const EHOSTUNREACH = 113;
/** It has begun; the end of it is reported later. */
export const EINPROGRESS = 115;

/** Returns the symbolic name of an error number, such as `EBUSY`. */
export function errnoName(code: number): string {
  return NAMES[code] ?? `errno ${code}`;
}

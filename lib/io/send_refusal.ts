import {
  EACCES,
  EADDRNOTAVAIL,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETDOWN,
  ENETUNREACH,
  ENOBUFS,
  ENOMEM,
  EPERM,
} from "./errno.ts";

/** Why the kernel did not send a datagram. */
export type SendRefusal =
  /** A firewall of this host says no. */
  | "send-forbidden"
  /** No route leads there, or the address that it was to leave from is not ours. Ordinary for the IPv6 addresses of relays on a host without IPv6. */
  | "send-unroutable"
  /** It does not fit the way there, and must not be cut. */
  | "send-too-long"
  /** A queue of the kernel is full. */
  | "send-queue-full"
  /** Anything else. */
  | "send-error";

/** Names the reason behind an error number. */
export function sendRefusalOf(code: number): SendRefusal {
  switch (code) {
    case EPERM:
    case EACCES:
      return "send-forbidden";
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
      return "send-unroutable";
    case EMSGSIZE:
      return "send-too-long";
    case ENOBUFS:
    case ENOMEM:
      return "send-queue-full";
    default:
      return "send-error";
  }
}

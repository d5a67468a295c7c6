import type { Logger } from "../base/mod.ts";
import { EACCES, EAFNOSUPPORT, errnoName } from "./errno.ts";
import type { NetlinkReply, NetlinkRequest } from "./netlink_message.ts";

/** The kernel as far as rtnetlink shows it. */
export interface RouteKernel {
  /** Carries out a request. Returns 0, or the error number of the refusal. */
  request(request: NetlinkRequest): number;
  /** Lists entries. Returns them, or the error number of the refusal. */
  dump(request: NetlinkRequest): NetlinkReply[] | number;
}

/** Changes of the network that the host may refuse. */
export class NetworkChanges {
  readonly #kernel: RouteKernel;
  readonly #log: Logger;

  /** Asks `kernel`, and tells `log` what it refuses. */
  constructor(kernel: RouteKernel, log: Logger) {
    this.#kernel = kernel;
    this.#log = log;
  }

  /** Makes a change; a refusal is only logged, unless it is `tolerated`. */
  try(action: string, request: NetlinkRequest, tolerated = 0): void {
    const code = this.#kernel.request(request);
    if (code !== 0 && code !== tolerated) this.noteRefused(action, code);
  }

  /** Logs a refusal. */
  noteRefused(action: string, code: number): void {
    // A host without IPv6, or with IPv6 switched off, is so on purpose.
    const isOnPurpose = code === EACCES || code === EAFNOSUPPORT;
    const level = isOnPurpose ? "info" : "warn";
    this.#log.log(level, "Network configuration refused", {
      action,
      reason: errnoName(code),
    });
  }
}

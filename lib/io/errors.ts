import { EPERM, errnoName } from "./errno.ts";

/** Thrown when the kernel refuses a system call and there is no narrower decision to make. */
export class KernelRefusedError extends Error {
  /** The name of the class that was thrown. */
  override readonly name: string = "KernelRefusedError";
  /** What was refused. */
  readonly operation: string;
  /** The error number. */
  readonly errno: number;

  /** Says which operation, such as `bind UDP port 3478`, was refused with which error number. */
  constructor(operation: string, errno: number) {
    super(`Cannot ${operation}: ${errnoName(errno)}`);
    this.operation = operation;
    this.errno = errno;
  }
}

/** Thrown when the process lacks `CAP_NET_ADMIN`. Running as root or with the capability helps. */
export class MissingCapabilityError extends KernelRefusedError {
  /** Always `MissingCapabilityError`. */
  override readonly name = "MissingCapabilityError";
}

/** Thrown when the kernel has no TUN driver, or its node is missing and cannot be created. */
export class TunMissingError extends KernelRefusedError {
  /** Always `TunMissingError`. */
  override readonly name = "TunMissingError";
}

/** Thrown when the mode bits of the TUN node keep us out. Opening it to everybody helps, as distributions do. */
export class TunForbiddenError extends KernelRefusedError {
  /** Always `TunForbiddenError`. */
  override readonly name = "TunForbiddenError";
}

/** Thrown when another process holds the TUN interface. Ending that process helps. */
export class TunBusyError extends KernelRefusedError {
  /** Always `TunBusyError`. */
  override readonly name = "TunBusyError";
}

/** Thrown when an interface of another kind has the name of the TUN interface. Another name helps. */
export class TunNameTakenError extends KernelRefusedError {
  /** Always `TunNameTakenError`. */
  override readonly name = "TunNameTakenError";
}

/** Thrown when the TUN interface was deleted while in use. Starting again helps. */
export class TunGoneError extends KernelRefusedError {
  /** Always `TunGoneError`. */
  override readonly name = "TunGoneError";
}

/** Names a refusal by its error number: a missing capability, or any other reason. */
export function kernelRefusal(
  operation: string,
  errno: number,
): KernelRefusedError {
  return errno === EPERM
    ? new MissingCapabilityError(operation, errno)
    : new KernelRefusedError(operation, errno);
}

/** Thrown when the worker ended by a fault of our own. Starting another may help. */
export class WorkerBrokenError extends Error {
  /** Always `WorkerBrokenError`. */
  override readonly name = "WorkerBrokenError";

  /** Carries the message and the stack of what was thrown in the worker. */
  constructor(message: string, stack: string | undefined) {
    super(`Data worker broke: ${message}`);
    if (stack !== undefined) this.stack = stack;
  }
}

/** Thrown when the worker does not answer in time. */
export class WorkerStalledError extends Error {
  /** Always `WorkerStalledError`. */
  override readonly name = "WorkerStalledError";

  /** Says how long we waited. */
  constructor(limitMs: number) {
    super(`Data worker does not answer: waited ${limitMs} ms`);
  }
}

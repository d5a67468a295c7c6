import type { LogFields, LogLevel } from "../base/mod.ts";
import {
  KernelRefusedError,
  MissingCapabilityError,
  TunBusyError,
  TunForbiddenError,
  TunGoneError,
  TunMissingError,
  TunNameTakenError,
  WorkerBrokenError,
} from "./errors.ts";
import type { IoCounterName } from "./io_counters.ts";
import type { LogThresholds } from "./log_thresholds.ts";
import type { MainPort, SocketQueues } from "./udp_sockets.ts";
import type { UdpOptions } from "./udp_socket.ts";

/** What a worker is told when it starts. The first and only message that does not take the port. */
export interface StartMessage {
  /** Which role to run. */
  readonly role: string;
  /** Key material and whatever else the role is made from. */
  readonly settings: unknown;
  /** Name of the TUN interface, `undefined` for a role without one. */
  readonly tunName: string | undefined;
  /** Whether large packets may cross it; yes unless told. */
  readonly tunOffload: boolean | undefined;
  /** Whether checksums of packets from it are looked at; no unless told. */
  readonly validatesChecksums: boolean | undefined;
  /** The UDP sockets. */
  readonly udp: MainPort & UdpOptions;
  /** Memory that crypto workers serve; `undefined` when there are none. */
  readonly cryptoMemory: WebAssembly.Memory | undefined;
  /** Which log lines to make. */
  readonly logThresholds: LogThresholds;
  /** Descriptor of the eventfd that the main thread writes to after each message. */
  readonly wakeFd: number;
  /** Where all further messages come and go. */
  readonly port: MessagePort;
}

/** From the main thread to the worker. */
export type ToWorker =
  /** For the core. */
  | { readonly kind: "message"; readonly message: unknown }
  /** Make these log lines from now on. */
  | { readonly kind: "log-thresholds"; readonly thresholds: LogThresholds }
  /** Answer with a snapshot under this number; `detailed` also describes each peer. */
  | {
    readonly kind: "snapshot";
    readonly id: number;
    readonly detailed: boolean;
  }
  /** Give the interface its addresses and routes again, which it lost while it was down. */
  | { readonly kind: "restore-interface" }
  /** Take leave, clean up and end. */
  | { readonly kind: "stop" };

/** From the worker to the main thread. */
export type FromWorker =
  /** Sockets and TUN interface are there; the loop runs. */
  | ({ readonly kind: "started" } & LocalPorts)
  /** An event of the core. */
  | { readonly kind: "event"; readonly event: unknown }
  /** One log line. */
  | {
    readonly kind: "log";
    readonly level: LogLevel;
    readonly target: string;
    readonly message: string;
    readonly fields: LogFields;
  }
  /** The answer to a snapshot request. */
  | {
    readonly kind: "snapshot";
    readonly id: number;
    readonly snapshot: DataPlaneSnapshot;
  }
  /** The loop cannot go on. "ended" follows. */
  | { readonly kind: "failed"; readonly failure: Failure }
  /** All is cleaned up. Nothing follows. */
  | { readonly kind: "ended" };

/** The ports of the main sockets, `undefined` for a family that the host does not have. */
export interface LocalPorts {
  /** Port of the IPv4 socket. */
  readonly ipv4Port: number | undefined;
  /** Port of the IPv6 socket. */
  readonly ipv6Port: number | undefined;
}

/** State and counters of a whole data plane, for health checks and metrics. */
export interface DataPlaneSnapshot {
  /** The shell's counters. */
  readonly io: Readonly<Record<IoCounterName, number>>;
  /** How busy the loop is. */
  readonly loop: LoopSnapshot;
  /** What the core says of itself. */
  readonly core: unknown;
  /** What it says of each peer, when asked. */
  readonly details: unknown;
}

/** How busy an event loop is, and what waits for it. */
export interface LoopSnapshot extends SocketQueues {
  /** Share of the last ten seconds in which it worked, or waited for a processor, from 0 to 1. */
  readonly busyShare: number;
}

/** Why a worker ended, as plain data. */
export type Failure =
  | {
    readonly kind: "refused";
    readonly name: string;
    readonly operation: string;
    readonly errno: number;
  }
  | {
    readonly kind: "broken";
    readonly message: string;
    readonly stack: string | undefined;
  };

/** Turns what was thrown into plain data. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof KernelRefusedError) {
    const { name, operation, errno } = thrown;
    return { kind: "refused", name, operation, errno };
  }
  const { message, stack } = thrown instanceof Error
    ? thrown
    : new Error(String(thrown));
  return { kind: "broken", message, stack };
}

/** Turns plain data back into the error that was thrown in the worker. */
export function errorOf(failure: Failure): Error {
  if (failure.kind === "broken") {
    return new WorkerBrokenError(failure.message, failure.stack);
  }
  const { name, operation, errno } = failure;
  const Refusal = REFUSALS[name] ?? KernelRefusedError;
  return new Refusal(operation, errno);
}

const REFUSALS: Readonly<Record<string, typeof KernelRefusedError>> = {
  MissingCapabilityError,
  TunMissingError,
  TunForbiddenError,
  TunBusyError,
  TunNameTakenError,
  TunGoneError,
};

import type { Logger } from "../base/mod.ts";
import type { ShellNews } from "./core.ts";
import { WorkerBrokenError, WorkerStalledError } from "./errors.ts";
import { libc, must } from "./libc.ts";
import type { LogThresholds } from "./log_thresholds.ts";
import { settlesWithin } from "./settles_within.ts";
import type { UdpOptions } from "./udp_socket.ts";
import type { MainPort } from "./udp_sockets.ts";
import {
  type DataPlaneSnapshot,
  errorOf,
  type FromWorker,
  type LocalPorts,
  type StartMessage,
  type ToWorker,
} from "./worker_protocol.ts";

const EFD_CLOEXEC_NONBLOCK = 0x80000 | 0x800;

/** Longest wait for a worker to open its devices. It takes some 50 ms; a loaded machine is slower. */
const START_LIMIT_MS = 10_000;

/** How a data plane is started and what it tells. */
export interface DataPlaneOptions<Settings, Event> {
  /** Name of the role: `gateway`, `client` or `relay`. */
  readonly role: string;
  /** What the role is made from. Crosses to the worker, so plain data. */
  readonly settings: Settings;
  /** Name of the TUN interface; left out for a role without one. */
  readonly tunName?: string;
  /** Whether large packets may cross the TUN interface, if the kernel knows how; yes unless told. */
  readonly tunOffload?: boolean;
  /** Whether checksums of packets from the TUN interface are looked at; no unless told. */
  readonly validatesChecksums?: boolean;
  /** The UDP sockets. */
  readonly udp: MainPort & UdpOptions;
  /** Which log lines the worker makes. */
  readonly logThresholds: LogThresholds;
  /** Where they go. */
  readonly log: (target: string) => Logger;
  /** Called with each event of the core and of its loop, in order. */
  readonly onEvent: (event: Event | ShellNews) => void;
  /** Called once when a running worker fails. It has cleaned up already, or is broken beyond that. */
  readonly onFailure: (error: Error) => void;
  /** Makes the worker; for tests with a core of their own. */
  readonly spawn?: () => Worker;
}

/**
 * The main thread's handle to the worker that owns sockets, TUN interface and core.
 *
 * Messages go by port; an eventfd wakes the loop, which sleeps in the kernel.
 */
export class DataPlane<Message, Event> {
  readonly #options: DataPlaneOptions<unknown, Event>;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #wakeFd: number;
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #snapshots = new Map<number, (it: DataPlaneSnapshot) => void>();
  readonly #loggers = new Map<string, Logger>();
  #snapshotCount = 0;
  #ports: LocalPorts = { ipv4Port: undefined, ipv6Port: undefined };
  #state: "starting" | "running" | "stopping" | "ended" = "starting";
  /** What the worker said it failed by. Told to the caller once it has cleaned up. */
  #failure: Error | undefined;

  private constructor(options: DataPlaneOptions<unknown, Event>) {
    const { port1, port2 } = new MessageChannel();
    this.#options = options;
    this.#port = port1;
    this.#wakeFd = must(
      "create an eventfd",
      libc().eventfd(0, EFD_CLOEXEC_NONBLOCK),
    );
    this.#worker = (options.spawn ?? spawnWorker)();
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failure ??= new WorkerBrokenError(event.message, undefined);
      this.#end();
    };
    port1.onmessage = ({ data }) => this.#take(data as FromWorker);
    const start: StartMessage = {
      role: options.role,
      settings: options.settings,
      tunName: options.tunName,
      tunOffload: options.tunOffload,
      validatesChecksums: options.validatesChecksums,
      udp: options.udp,
      logThresholds: options.logThresholds,
      wakeFd: this.#wakeFd,
      port: port2,
    };
    this.#worker.postMessage(start, [port2]);
  }

  /** Starts a worker. Throws what keeps it from running, such as `TunBusyError` or `MissingCapabilityError`. */
  static async start<Settings, Message, Event>(
    options: DataPlaneOptions<Settings, Event>,
  ): Promise<DataPlane<Message, Event>> {
    const plane = new DataPlane<Message, Event>(options);
    if (!await settlesWithin(plane.#started.promise, START_LIMIT_MS)) {
      plane.#end();
      throw new WorkerStalledError(START_LIMIT_MS);
    }
    return plane;
  }

  /** The ports of the main sockets. */
  get ports(): LocalPorts {
    return this.#ports;
  }

  /** Sends a message to the core. Without effect once the worker is ending. */
  send(message: Message): void {
    if (this.#state === "running") this.#post({ kind: "message", message });
  }

  /** Changes which log lines the worker makes. Without effect once the worker is ending. */
  setLogThresholds(thresholds: LogThresholds): void {
    if (this.#state !== "running") return;
    this.#post({ kind: "log-thresholds", thresholds });
  }

  /** Gives the interface its addresses and routes again, which it lost while it was down. */
  restoreInterface(): void {
    if (this.#state === "running") this.#post({ kind: "restore-interface" });
  }

  /** Asks for state and counters, and for a description of each peer if `detailed`. Throws `WorkerStalledError` when there is no answer in time. */
  async snapshot(
    limitMs: number,
    { detailed = false }: { readonly detailed?: boolean } = {},
  ): Promise<DataPlaneSnapshot> {
    const id = ++this.#snapshotCount;
    const answer = Promise.withResolvers<DataPlaneSnapshot>();
    this.#snapshots.set(id, answer.resolve);
    if (this.#state === "running") {
      this.#post({ kind: "snapshot", id, detailed });
    }
    const isInTime = await settlesWithin(answer.promise, limitMs);
    this.#snapshots.delete(id);
    if (!isInTime) throw new WorkerStalledError(limitMs);
    return await answer.promise;
  }

  /** Lets the core take leave and the worker clean up. Returns whether it did so in time; it is gone either way. */
  async stop(limitMs: number): Promise<boolean> {
    if (this.#state === "running") {
      this.#state = "stopping";
      this.#post({ kind: "stop" });
    }
    const isClean = await settlesWithin(this.#ended.promise, limitMs);
    if (!isClean) this.#end();
    return isClean;
  }

  #take(message: FromWorker): void {
    if (this.#state === "ended") return;
    switch (message.kind) {
      case "started":
        this.#ports = {
          ipv4Port: message.ipv4Port,
          ipv6Port: message.ipv6Port,
        };
        this.#state = "running";
        return this.#started.resolve();
      case "event":
        return this.#options.onEvent(message.event as Event | ShellNews);
      case "log":
        return this.#log(message);
      case "snapshot":
        return this.#snapshots.get(message.id)?.(message.snapshot);
      case "failed":
        this.#failure ??= errorOf(message.failure);
        return;
      case "ended":
        libc().close(this.#wakeFd);
        return this.#end();
    }
  }

  #log({ target, level, message, fields }: FromWorker & { kind: "log" }) {
    let logger = this.#loggers.get(target);
    if (!logger) {
      logger = this.#options.log(target);
      this.#loggers.set(target, logger);
    }
    logger.log(level, message, fields);
  }

  /** Gives the worker up and tells why, if it failed. One that never ended keeps its eventfd: it may still read from it. */
  #end(): void {
    const state = this.#state;
    if (state === "ended") return;
    this.#state = "ended";
    this.#port.close();
    this.#worker.terminate();
    this.#ended.resolve();
    if (this.#failure === undefined) return;
    if (state === "starting") this.#started.reject(this.#failure);
    else this.#options.onFailure(this.#failure);
  }

  #post(message: ToWorker): void {
    this.#port.postMessage(message);
    libc().eventfd_write(this.#wakeFd, 1);
  }
}

function spawnWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
  });
}

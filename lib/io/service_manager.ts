import { utf8 } from "../base/mod.ts";
import { libc } from "./libc.ts";
import { unixSocketName } from "./unix_name.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;

/** What is told to the service manager: fields of the protocol, sd_notify(3). */
export type ServiceState = Readonly<Record<string, string | number>>;

/** Where the service manager listens and how often it wants to hear from us. */
export interface ServiceManagerOptions {
  /** Value of `NOTIFY_SOCKET`: a path, or with `@` in front an abstract name. */
  readonly socket: string | undefined;
  /** Value of `WATCHDOG_USEC`. */
  readonly watchdogUsec: string | undefined;
  /** Value of `WATCHDOG_PID`: whom the watchdog is for. */
  readonly watchdogPid: string | undefined;
  /** Our process id. */
  readonly pid: number;
}

/** Tells the service manager, systemd or one that speaks its protocol, how we are. Without one it does nothing. */
export class ServiceManager {
  /** How often it wants a sign of life, in ms; `undefined` if it does not. */
  readonly watchdogMs: number | undefined;
  readonly #fd: number;

  /** Connects. A manager that cannot be reached is none. */
  constructor(options: ServiceManagerOptions) {
    this.#fd = options.socket ? connect(options.socket) : -1;
    this.watchdogMs = this.isThere ? watchdogMsOf(options) : undefined;
  }

  /** Whether there is one. */
  get isThere(): boolean {
    return this.#fd >= 0;
  }

  /** Tells something, such as `{ READY: 1, STATUS: "…" }`. Returns whether it was taken. Never waits. */
  tell(state: ServiceState): boolean {
    if (!this.isThere) return false;
    const lines = Object.entries(state).map(([name, value]) =>
      // A line break would begin another field.
      `${name}=${String(value).replaceAll(/\s+/g, " ")}`
    );
    const bytes = utf8(lines.join("\n")) as Uint8Array<ArrayBuffer>;
    return libc().send(this.#fd, bytes, bytes.length, 0) === bytes.length;
  }

  /** Closes the socket. */
  close(): void {
    if (this.isThere) libc().close(this.#fd);
  }
}

function connect(path: string): number {
  const name = unixSocketName(path);
  if (!name) return -1;
  const { socket, connect, close } = libc();
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, name, name.length) === 0) return fd;
  close(fd);
  return -1;
}

function watchdogMsOf(
  { watchdogUsec, watchdogPid, pid }: ServiceManagerOptions,
): number | undefined {
  const isForOther = Boolean(watchdogPid) && watchdogPid !== String(pid);
  const usec = Number(watchdogUsec ?? "");
  return isForOther || !Number.isFinite(usec) || usec <= 0
    ? undefined
    : usec / 1_000;
}

import {
  Arena,
  type Epoch,
  type Instant,
  type Logger,
  type RandomSource,
} from "../base/mod.ts";
import { PacketCipher, PooledCipher } from "../crypto/mod.ts";
import { ChecksumAudit } from "./checksum_audit.ts";
import { Clock, SYSTEM_RANDOM } from "./clock.ts";
import { ControlChannel } from "./control_channel.ts";
import type { Core } from "./core.ts";
import { Epoll } from "./epoll.ts";
import { EventLoop, type Tunnel } from "./event_loop.ts";
import { createIoCounters, type IoCounters } from "./io_counters.ts";
import { NativeMemory } from "./native_memory.ts";
import { NetworkConfig } from "./network_config.ts";
import { ReadAhead } from "./read_ahead.ts";
import { ReceiveRing } from "./receive_ring.ts";
import { threadWantedMs } from "./thread_time.ts";
import { TunDevice } from "./tun_device.ts";
import { UdpSockets } from "./udp_sockets.ts";
import { WorkerLog } from "./worker_log.ts";
import { failureOf, type StartMessage } from "./worker_protocol.ts";

/** Size of the packet arena, in bytes: the rings take 1.8 MB, the rest is for the cores. */
const ARENA_BYTES = 6 * 1024 * 1024;

/** What a core is made with beside its own settings. */
export interface RoleContext {
  /** The packet arena. */
  readonly arena: Arena;
  /** Seals and opens packets in it. */
  readonly cipher: PacketCipher;
  /** The port of the main sockets. */
  readonly mainPort: number;
  /** Ties the monotonic clock to the wall clock. */
  readonly epoch: Epoch;
  /** The time of the start. */
  readonly now: Instant;
  /** Real randomness. */
  readonly random: RandomSource;
  /** The root of all log targets. */
  readonly logger: (target: string) => Logger;
}

/** Makes the core of one role from the settings that the main thread sent. */
export type RoleFactory = (
  settings: unknown,
  context: RoleContext,
) => Core<never, unknown>;

/** The roles that a worker can run, by name. */
export type RoleTable = Readonly<Record<string, RoleFactory>>;

/** Makes this worker serve: waits for the start message, then runs one loop until it is told to stop. */
export function serveDataPlane(roles: RoleTable): void {
  globalThis.addEventListener("message", (event) => {
    const { data } = event as MessageEvent<StartMessage>;
    serve(data, roles);
    globalThis.close();
  }, { once: true });
}

function serve(start: StartMessage, roles: RoleTable): void {
  const memory = new NativeMemory(new Arena(ARENA_BYTES));
  const control = new ControlChannel(memory, start.port, start.wakeFd);
  const cleanups: (() => void)[] = [];
  try {
    run(start, roles, memory, control, cleanups);
  } catch (thrown) {
    control.publish({ kind: "failed", failure: failureOf(thrown) });
  }
  cleanUp(cleanups, control);
  control.publish({ kind: "ended" });
}

/** Undoes what was opened, last first. One failure must not keep the rest from being undone. */
function cleanUp(cleanups: (() => void)[], control: ControlChannel): void {
  for (const cleanup of cleanups.reverse()) {
    try {
      cleanup();
    } catch (thrown) {
      control.publish({ kind: "failed", failure: failureOf(thrown) });
    }
  }
}

/** Opens everything, notes how to undo it, and runs the loop. */
function run(
  start: StartMessage,
  roles: RoleTable,
  memory: NativeMemory,
  control: ControlChannel,
  cleanups: (() => void)[],
): void {
  const clock = new Clock();
  const counters = createIoCounters();
  const logs = new WorkerLog(control, start.logThresholds, counters, clock);
  const log = logs.logger("io");

  const epoll = new Epoll(memory);
  cleanups.push(() => epoll.close());
  const tunnel = start.tunName === undefined
    ? undefined
    : openTunnel(start.tunName, start, memory, counters, log, cleanups);
  const cipher = cipherFor(start, memory.arena, counters);
  const pool = cipher.readsAhead ? cipher : undefined;
  const sockets = new UdpSockets(memory, start.udp, counters, log, pool);
  cleanups.push(() => sockets.close());
  const mainSockets = sockets.openMain(start.udp);
  const segments = mainSockets.every((socket) => socket.segments);
  const aggregates = mainSockets.every((socket) => socket.aggregates);
  log.log("info", "UDP sockets opened", { segments, aggregates });

  const core = coreFor(start, roles, cipher, sockets, clock, logs);
  const receiveRing = new ReceiveRing(memory, aggregates);
  const readAhead = pool &&
    new ReadAhead({ core, cipher: pool, ring: receiveRing });
  const loop = new EventLoop(
    {
      core,
      clock,
      wantedMs: threadWantedMs,
      epoll,
      control,
      sockets,
      receiveRing,
      readAhead,
      random: SYSTEM_RANDOM,
      tunnel,
      counters,
      log,
      logs,
    },
    mainSockets,
  );
  control.publish({
    kind: "started",
    ipv4Port: sockets.mainPort(4),
    ipv6Port: sockets.mainPort(6),
  });
  loop.run();
}

function openTunnel(
  name: string,
  { tunOffload = true, validatesChecksums = false }: StartMessage,
  memory: NativeMemory,
  counters: IoCounters,
  log: Logger,
  cleanups: (() => void)[],
): Tunnel {
  const device = new TunDevice(memory, {
    ...{ name, offload: tunOffload, counters, log },
  });
  cleanups.push(() => device.close());
  const network = new NetworkConfig(name, log);
  cleanups.push(() => network.close());
  network.prepare();
  const audit = validatesChecksums
    ? new ChecksumAudit(device.bytes, log)
    : undefined;
  return { device, network, audit };
}

function cipherFor(
  { cryptoMemory }: StartMessage,
  arena: Arena,
  counters: IoCounters,
): PacketCipher {
  return cryptoMemory === undefined
    ? new PacketCipher(arena)
    : PooledCipher.create({ arena, memory: cryptoMemory, counters });
}

function coreFor(
  start: StartMessage,
  roles: RoleTable,
  cipher: PacketCipher,
  sockets: UdpSockets,
  clock: Clock,
  logs: WorkerLog,
): Core<never, unknown> {
  const factory = roles[start.role];
  if (factory === undefined) throw new Error(`No such role: ${start.role}`);
  const epoch = clock.epoch();
  return factory(start.settings, {
    arena: cipher.arena,
    cipher,
    mainPort: sockets.mainPort(4) ?? sockets.mainPort(6) ?? 0,
    epoch,
    now: epoch.instant,
    random: SYSTEM_RANDOM,
    logger: (target) => logs.logger(target),
  });
}

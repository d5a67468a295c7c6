import {
  assert,
  AssertionError,
  type Datagram,
  elapsedMs,
  type Instant,
  instant,
  type Logger,
  type PacketSink,
  type RandomSource,
  randomU32,
  unreachable,
} from "../base/mod.ts";
import { BusyMeter, type WantedMs } from "./busy_meter.ts";
import type { ChecksumAudit } from "./checksum_audit.ts";
import type { Clock } from "./clock.ts";
import type { ControlChannel } from "./control_channel.ts";
import {
  type Core,
  isShellRequest,
  type ShellNews,
  type ShellRequest,
} from "./core.ts";
import { type Epoll, waitMs } from "./epoll.ts";
import { EAGAIN, EINTR } from "./errno.ts";
import { KernelRefusedError } from "./errors.ts";
import { FairShare } from "./fair_share.ts";
import { flowOfDatagram, flowOfPacket } from "./flow_key.ts";
import type { IoCounters } from "./io_counters.ts";
import { socketLosses } from "./kernel_losses.ts";
import { errno } from "./libc.ts";
import type { InterfaceConfig, NetworkConfig } from "./network_config.ts";
import type { ReadAhead } from "./read_ahead.ts";
import type { ReceiveRing } from "./receive_ring.ts";
import type { TunDevice } from "./tun_device.ts";
import type { TunFrame } from "./tun_frame.ts";
import type { UdpSocket } from "./udp_socket.ts";
import type { UdpSockets } from "./udp_sockets.ts";
import type { WorkerLog } from "./worker_log.ts";
import type { DataPlaneSnapshot, ToWorker } from "./worker_protocol.ts";

/** After so many packets of the TUN device something else gets its turn. The last read may make 256 more. */
const PACKETS_PER_TURN = 128;

/** Messages of the main thread taken in one turn. */
const MESSAGES_PER_TURN = 64;

/** Under load timers are looked at this often, in ms; otherwise before every sleep. */
const TIMER_INTERVAL_MS = 1;

/** The TUN interface, and how its addresses and routes are set. */
export interface Tunnel {
  /** Inner packets. */
  readonly device: TunDevice;
  /** Addresses, routes and rules. */
  readonly network: NetworkConfig;
  /** Looks at the checksums of inner packets, if anybody wants to know. */
  readonly audit: ChecksumAudit | undefined;
}

/** What an event loop is made of. */
export interface EventLoopParts<Message, Event> {
  /** Decides everything. */
  readonly core: Core<Message, Event>;
  /** The time. */
  readonly clock: Clock;
  /** How long this thread has had or wanted a processor. */
  readonly wantedMs: WantedMs;
  /** Tells what is ready. */
  readonly epoll: Epoll;
  /** The connection to the main thread. */
  readonly control: ControlChannel;
  /** Sends datagrams. */
  readonly sockets: UdpSockets;
  /** Receives datagrams. */
  readonly receiveRing: ReceiveRing;
  /** Lets other threads decrypt what has been received; `undefined` when there are none. */
  readonly readAhead: ReadAhead | undefined;
  /** `undefined` for a role without tunnel. */
  readonly tunnel: Tunnel | undefined;
  /** Makes what strangers must not foresee. */
  readonly random: RandomSource;
  /** Where drops and traffic are counted. */
  readonly counters: IoCounters;
  /** Where log lines go. */
  readonly log: Logger;
  /** Decides which log lines there are. */
  readonly logs: WorkerLog;
}

/**
 * Moves bytes and time between the kernel and the core. Decides nothing.
 *
 * One turn: due timers, then the main thread's messages, then packets of the
 * TUN device, then one batch of each ready socket; after each the core is
 * drained and all output leaves before anything else is read (data-plane spec
 * §14.4). What one batch gives is written to the TUN device together.
 */
export class EventLoop<Message, Event> {
  readonly #parts: EventLoopParts<Message, Event>;
  readonly #packets: PacketSink;
  /** Watched sockets by descriptor. */
  readonly #sockets = new Map<number, Watched>();
  /** What the TUN device brings is shared by destination. */
  readonly #packetShare: FairShare | undefined;
  /** All shares there are. */
  #shares: FairShare[] = [];
  readonly #meter: BusyMeter;
  /** How the interface shall be. */
  #configuration: InterfaceConfig | undefined;
  #timersRanAt: Instant = instant(-Infinity);
  /** Whether the last turn found input, so that there may be more. */
  #busy = false;
  #stopping = false;

  /** Watches what is open already: the main sockets and the tunnel. */
  constructor(
    parts: EventLoopParts<Message, Event>,
    mainSockets: readonly UdpSocket[],
  ) {
    this.#parts = parts;
    this.#meter = new BusyMeter(parts.clock.now(), parts.wantedMs);
    this.#packets = parts.tunnel?.device ?? new NoTunnel(parts.sockets.bytes);
    parts.epoll.add(parts.control.wakeFd);
    if (parts.tunnel) parts.epoll.add(parts.tunnel.device.fd);
    mainSockets.forEach((socket) => this.#watchMain(socket));
    const { network } = parts.tunnel ?? {};
    this.#packetShare = network && this.#share(() => network.isLosing());
  }

  /**
   * Runs until the main thread says stop, then lets the core take leave.
   *
   * Throws what the kernel refuses, after the core has taken leave, too; and
   * what the core throws, which then is in no state to speak.
   */
  run(): void {
    try {
      this.#drain();
      while (!this.#stopping) this.#turn();
    } catch (thrown) {
      if (thrown instanceof KernelRefusedError) this.#takeLeave();
      throw thrown;
    }
    this.#takeLeave();
  }

  #takeLeave(): void {
    const { clock, core } = this.#parts;
    core.stop(clock.now());
    this.#drain();
  }

  #turn(): void {
    const { clock, core, epoll } = this.#parts;
    const now = clock.now();
    if (!this.#busy || now - this.#timersRanAt >= TIMER_INTERVAL_MS) {
      this.#runTimers(now);
    }
    if (this.#busy) {
      const ready = epoll.wait(0);
      this.#busy = ready > 0;
      if (ready > 0) this.#takeInput(ready, clock.now());
    } else this.#sleep(waitMs(core.pollTimeout(), now));
  }

  #sleep(forMs: number): void {
    const { clock, epoll } = this.#parts;
    const from = clock.now();
    const ready = epoll.wait(forMs);
    const to = clock.now();
    this.#meter.noteSleep(from, to);
    this.#noteIdle(elapsedMs(from, to));
    this.#busy = ready > 0;
    if (ready > 0) this.#takeInput(ready, to);
  }

  /** Reads the clock between two inputs: a batch may take some ms, and timers do not wait for all of them. */
  #catchUp(): Instant {
    const now = this.#parts.clock.now();
    if (now - this.#timersRanAt >= TIMER_INTERVAL_MS) this.#runTimers(now);
    return now;
  }

  #runTimers(now: Instant): void {
    this.#timersRanAt = now;
    const { core } = this.#parts;
    if (core.pollTimeout() > now) return;
    core.handleTimeout(now);
    this.#drain();
  }

  #takeInput(ready: number, now: Instant): void {
    const { control, epoll, tunnel } = this.#parts;
    let hasPackets = false;
    for (let i = 0; i < ready; i++) {
      const fd = epoll.readyFd(i);
      if (fd === control.wakeFd) this.#takeMessages(now);
      else if (fd === tunnel?.device.fd) hasPackets = true;
    }
    if (hasPackets && tunnel) this.#readPackets(tunnel, now);
    for (let i = 0; i < ready; i++) {
      const at = this.#catchUp();
      const watched = this.#sockets.get(epoll.readyFd(i));
      if (watched) this.#receive(watched, at);
    }
  }

  #takeMessages(now: Instant): void {
    const { control } = this.#parts;
    control.acknowledge();
    for (let i = 0; i < MESSAGES_PER_TURN; i++) {
      const message = control.receive();
      if (message === undefined) return;
      this.#takeMessage(message, now);
    }
    control.remind();
  }

  #takeMessage(message: ToWorker, now: Instant): void {
    const { core, control } = this.#parts;
    switch (message.kind) {
      case "message":
        core.handleMessage(message.message as Message, now);
        return this.#drain();
      case "log-thresholds":
        return this.#parts.logs.setThresholds(message.thresholds);
      case "snapshot":
        return control.publish({
          kind: "snapshot",
          id: message.id,
          snapshot: this.#snapshot(message.detailed, now),
        });
      case "restore-interface":
        return this.#configuration && this.#configure(this.#configuration);
      case "stop":
        this.#stopping = true;
        return;
      default:
        return unreachable(message);
    }
  }

  #snapshot(detailed: boolean, now: Instant): DataPlaneSnapshot {
    const { core, counters, sockets } = this.#parts;
    return {
      io: counters.snapshot(),
      loop: { busyShare: this.#meter.share(now), ...sockets.queues() },
      core: core.snapshot(),
      details: detailed ? core.describe?.(now) : undefined,
    };
  }

  #readPackets({ device, audit }: Tunnel, now: Instant): void {
    const { core, sockets } = this.#parts;
    const { bytes, frame } = device;
    const share = this.#packetShare;
    this.#advance(share, now);
    for (let taken = 0; taken < PACKETS_PER_TURN; taken += frame.count) {
      const verdict = device.read();
      if (verdict === "empty") {
        share?.noteEmpty();
        break;
      }
      if (verdict === "skip") continue;
      if (share?.isOverloaded && !this.#admitsFrame(frame, share)) continue;
      while (frame.next()) {
        const { packetAt, packetEnd } = frame;
        audit?.inspect(packetAt, packetEnd);
        core.handlePacket(bytes, packetAt, packetEnd, now, sockets, device);
      }
    }
    this.#drain();
  }

  #receive({ socket, share }: Watched, now: Instant): void {
    const { core, counters, receiveRing, sockets } = this.#parts;
    this.#advance(share, now);
    const count = receiveRing.receive(socket.fd);
    if (count < receiveRing.capacity) share?.noteEmpty();
    if (count < 0) return this.#noteReceiveError(errno());

    const isOverloaded = share?.isOverloaded ?? false;
    const readAhead = isOverloaded ? undefined : this.#parts.readAhead;
    let received = 0;
    for (let i = 0; i < count; i++) {
      const verdict = receiveRing.select(i, socket.port);
      if (verdict !== "ok") counters.increment(verdict);
      else {
        do {
          received++;
          readAhead?.pass(i, count, socket, now);
          const { selected } = receiveRing;
          if (isOverloaded && !this.#admits(selected, share)) continue;
          core.handleDatagram(selected, now, this.#packets, sockets);
        } while (receiveRing.next());
      }
    }
    readAhead?.end();
    counters.add("datagrams-received", received);
    this.#drain();
  }

  /** Whoever shares has to know how much time is left. */
  #noteIdle(idleMs: number): void {
    for (const share of this.#shares) {
      if (share.isOverloaded) share.noteIdle(idleMs);
    }
  }

  #advance(share: FairShare | undefined, now: Instant): void {
    if (share?.advance(now)) {
      this.#parts.log.log("info", "Overload, heavy flows are cut to a share");
    }
  }

  #admits(datagram: Datagram, share: FairShare | undefined): boolean {
    if (share === undefined) return true;
    const flow = flowOfDatagram(datagram, share.seed);
    if (share.admit(flow, 1, datagram.end - datagram.start)) return true;
    this.#parts.counters.increment("datagram-over-share");
    return false;
  }

  #admitsFrame(frame: TunFrame, share: FairShare): boolean {
    const { bytes } = this.#packets;
    const flow = flowOfPacket(bytes, frame.at, share.seed);
    if (share.admit(flow, frame.count, frame.byteLength)) return true;
    this.#parts.counters.add("tun-read-over-share", frame.count);
    return false;
  }

  /** A socket reports here what became of what it sent, too. Nothing of that is fatal. */
  #noteReceiveError(code: number): void {
    if (code === EAGAIN || code === EINTR) return;
    this.#parts.counters.increment("receive-error");
  }

  /** Carries out all that the core wants, and sends all that it wrote. Events first: a datagram may leave from a port just opened. */
  #drain(): void {
    const { core, control, sockets, tunnel } = this.#parts;
    tunnel?.device.flush();
    for (let e = core.pollEvent(); e; e = core.pollEvent()) {
      if (isShellRequest(e)) this.#carryOut(e);
      else control.publish({ kind: "event", event: e });
    }
    for (let t = core.pollTransmit(); t; t = core.pollTransmit()) {
      sockets.transmit(t);
    }
    sockets.flush();
  }

  #carryOut(request: ShellRequest): void {
    const { core, sockets, tunnel } = this.#parts;
    switch (request.kind) {
      case "configure-interface":
        return this.#configure(request);
      case "rebind-sockets": {
        const { closed, opened } = sockets.rebindMain();
        for (const { fd } of closed) this.#sockets.delete(fd);
        this.#shares = this.#shares.filter((it) => it === this.#packetShare);
        opened.forEach((socket) => this.#watchMain(socket));
        tunnel?.network.refreshLinkRoutes();
        return;
      }
      case "open-port": {
        const opened = sockets.openPort(request.port);
        opened.forEach((socket) => this.#watch(socket));
        if (opened.length === 0) core.handlePortUnavailable?.(request.port);
        return;
      }
      case "close-port":
        for (const { fd } of sockets.closePort(request.port)) {
          this.#sockets.delete(fd);
        }
        return;
      default:
        return unreachable(request);
    }
  }

  #configure(wanted: InterfaceConfig): void {
    const { log, tunnel } = this.#parts;
    assert(tunnel !== undefined, "A role without tunnel configures one");
    this.#configuration = wanted;
    const { ipv4, ipv6, unrouted } = tunnel.network.apply(wanted);
    log.log("info", "Interface configured", { ipv4, ipv6 });
    this.#tell({
      kind: "interface-configured",
      ipv4: ipv4 ? wanted.ipv4 : undefined,
      ipv6: ipv6 ? wanted.ipv6 : undefined,
      unrouted,
    });
  }

  #tell(event: ShellNews): void {
    this.#parts.control.publish({ kind: "event", event });
  }

  #watchMain(socket: UdpSocket): void {
    this.#watch(socket, this.#share(socketLosses(socket.fd)));
  }

  #watch(socket: UdpSocket, share?: FairShare): void {
    this.#parts.epoll.add(socket.fd);
    this.#sockets.set(socket.fd, { socket, share });
  }

  #share(isLosing: () => boolean): FairShare {
    const { clock, random } = this.#parts;
    const share = new FairShare(clock.now(), randomU32(random), isLosing);
    this.#shares.push(share);
    return share;
  }
}

/** A socket that is read. */
interface Watched {
  readonly socket: UdpSocket;
  /** How its senders share it; `undefined` for the port of one allocation. */
  readonly share: FairShare | undefined;
}

/** Takes packets for a tunnel that does not exist. */
class NoTunnel implements PacketSink {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  reserve(): number {
    throw new AssertionError("A role without tunnel wrote a packet");
  }

  commit(): void {}
}

import {
  assert,
  type DatagramSink,
  type Ecn,
  type IpAddress,
  type IpFamily,
  type Logger,
  MAX_DATAGRAM_BYTES,
  type SocketAddress,
  type Transmit,
} from "../base/mod.ts";
import { EADDRINUSE, EAFNOSUPPORT } from "./errno.ts";
import { KernelRefusedError, MissingCapabilityError } from "./errors.ts";
import type { IoCounters } from "./io_counters.ts";
import type { NativeMemory } from "./native_memory.ts";
import { SendRing } from "./send_ring.ts";
import { socketQueue } from "./socket_queue.ts";
import {
  closeUdpSocket,
  openUdpSocket,
  type UdpOptions,
  type UdpSocket,
} from "./udp_socket.ts";

/** The sockets of one port, as far as the kernel gave them. */
interface Port {
  readonly ipv4: UdpSocket | undefined;
  readonly ipv6: UdpSocket | undefined;
}

/** Which port the node's main sockets shall have. */
export interface MainPort {
  /** The wanted port. */
  readonly port: number;
  /** Whether any other port will do when that one is taken (p2p spec §7). */
  readonly orAny: boolean;
}

/** What waits in the main sockets. */
export interface SocketQueues {
  /** Memory of the datagrams that wait to be read, in bytes, with what the kernel adds to each. */
  readonly waitingBytes: number;
  /** Datagrams that found no room, since the sockets were opened. */
  readonly socketDrops: number;
}

const FAMILIES: readonly IpFamily[] = [4, 6];

const CLOSED: Port = { ipv4: undefined, ipv6: undefined };

/** All UDP sockets of a node: the main pair, and for a relay one pair to each allocation. Sends for all of them. */
export class UdpSockets implements DatagramSink {
  /** The arena that `reserve` points into. */
  readonly bytes: Uint8Array;
  readonly #options: UdpOptions;
  readonly #counters: IoCounters;
  readonly #log: Logger;
  readonly #ring: SendRing;
  readonly #ports = new Map<number, Port>();
  #main: Port = CLOSED;
  #wanted: MainPort | undefined;

  /** Allocates the send ring in the arena of `memory`. Opens nothing. */
  constructor(
    memory: NativeMemory,
    options: UdpOptions,
    counters: IoCounters,
    log: Logger,
  ) {
    this.bytes = memory.arena.bytes;
    this.#options = options;
    this.#counters = counters;
    this.#log = log;
    this.#ring = new SendRing(memory, counters, log);
  }

  /** Opens the main sockets. One family may fail; throws when both do, or when the mark is refused. */
  openMain(wanted: MainPort): readonly UdpSocket[] {
    this.#wanted = wanted;
    const sockets: UdpSocket[] = [];
    const refusals: KernelRefusedError[] = [];
    for (const family of FAMILIES) {
      const socket = this.#openMainSocket(family, wanted);
      if (socket instanceof KernelRefusedError) refusals.push(socket);
      else sockets.push(socket);
    }
    const [refusal] = refusals;
    if (sockets.length === 0 && refusal) throw refusal;
    this.#main = portOf(sockets);
    if (sockets.every(({ segments }) => segments)) this.#ring.allowSegments();
    return sockets;
  }

  /** Closes the main sockets, after sending what waits, and opens others: on the wanted port again if it is still free. Throws when neither family is to be had. */
  rebindMain(): {
    readonly closed: readonly UdpSocket[];
    readonly opened: readonly UdpSocket[];
  } {
    assert(this.#wanted !== undefined, "Rebound sockets that were never open");
    this.flush();
    const closed = socketsOf(this.#main);
    this.#main = CLOSED;
    closed.forEach(closeUdpSocket);
    return { closed, opened: this.openMain(this.#wanted) };
  }

  /** The port of the main socket of a family, `undefined` when that family is not to be had. */
  mainPort(family: IpFamily): number | undefined {
    return (family === 4 ? this.#main.ipv4 : this.#main.ipv6)?.port;
  }

  /** Looks into the receive queues of the main sockets. */
  queues(): SocketQueues {
    const queues = socketsOf(this.#main).map(({ fd }) => socketQueue(fd));
    return {
      waitingBytes: queues.reduce((sum, it) => sum + it.waitingBytes, 0),
      socketDrops: queues.reduce((sum, it) => sum + it.drops, 0),
    };
  }

  /** Opens the sockets of a further port, one for each family of the main port. None when one of them is not to be had. */
  openPort(port: number): readonly UdpSocket[] {
    assert(!this.#ports.has(port), "Opened a UDP port twice");
    const sockets: UdpSocket[] = [];
    for (const { family } of socketsOf(this.#main)) {
      const socket = this.#open(family, port);
      if (!(socket instanceof KernelRefusedError)) sockets.push(socket);
      else {
        sockets.forEach(closeUdpSocket);
        this.#counters.increment("port-refused");
        return [];
      }
    }
    this.#ports.set(port, portOf(sockets));
    return sockets;
  }

  /** Closes the sockets of a further port, after sending what waits, and returns what they were. */
  closePort(port: number): readonly UdpSocket[] {
    this.flush();
    const sockets = socketsOf(this.#ports.get(port) ?? CLOSED);
    this.#ports.delete(port);
    sockets.forEach(closeUdpSocket);
    return sockets;
  }

  /** Returns the address of room for one datagram. */
  reserve(): number {
    return this.#ring.reserve();
  }

  /** Queues the `length` bytes at the last reserved address; `localPort` 0 is the main port. */
  commit(
    length: number,
    source: IpAddress | null,
    localPort: number,
    destination: SocketAddress,
    ecn: Ecn,
  ): void {
    const socket = this.#socketFor(localPort, destination.ip.family);
    if (socket === undefined) this.#counters.increment("send-without-socket");
    else this.#ring.commit(socket.fd, length, source, destination, ecn);
  }

  /** Queues a control-path datagram, Not-ECT (data-plane spec §13.3). */
  transmit(transmit: Transmit): void {
    const { payload, source, localPort, destination } = transmit;
    assert(payload.length <= MAX_DATAGRAM_BYTES, "A transmit is too long");
    this.bytes.set(payload, this.reserve());
    this.commit(payload.length, source, localPort, destination, 0);
  }

  /** Sends all that waits. */
  flush(): void {
    this.#ring.flush();
  }

  /** Sends what waits and closes all sockets. */
  close(): void {
    this.flush();
    for (const port of [this.#main, ...this.#ports.values()]) {
      socketsOf(port).forEach(closeUdpSocket);
    }
    this.#main = CLOSED;
    this.#ports.clear();
  }

  #socketFor(localPort: number, family: IpFamily): UdpSocket | undefined {
    const main = family === 4 ? this.#main.ipv4 : this.#main.ipv6;
    if (localPort === 0 || localPort === main?.port) return main;
    const port = this.#ports.get(localPort);
    return family === 4 ? port?.ipv4 : port?.ipv6;
  }

  #openMainSocket(
    family: IpFamily,
    wanted: MainPort,
  ): UdpSocket | KernelRefusedError {
    const socket = this.#open(family, wanted.port);
    if (!(socket instanceof KernelRefusedError)) return socket;
    if (!wanted.orAny || socket.errno !== EADDRINUSE) {
      this.#logRefusal(family, socket);
      return socket;
    }
    const other = this.#open(family, 0);
    if (other instanceof KernelRefusedError) this.#logRefusal(family, other);
    return other;
  }

  /** Opens a socket, or returns why it is not to be had. A missing capability ends the start instead. */
  #open(family: IpFamily, port: number): UdpSocket | KernelRefusedError {
    try {
      return openUdpSocket(family, port, this.#options);
    } catch (cause) {
      if (
        cause instanceof KernelRefusedError &&
        !(cause instanceof MissingCapabilityError)
      ) {
        return cause;
      }
      throw cause;
    }
  }

  #logRefusal(family: IpFamily, cause: KernelRefusedError): void {
    // A host without IPv6 is so on purpose.
    const isOnPurpose = cause.errno === EAFNOSUPPORT;
    this.#log.log(
      isOnPurpose ? "info" : "warn",
      "Address family not available",
      {
        family,
        reason: cause.message,
      },
    );
  }
}

function portOf(sockets: readonly UdpSocket[]): Port {
  return {
    ipv4: sockets.find(({ family }) => family === 4),
    ipv6: sockets.find(({ family }) => family === 6),
  };
}

function socketsOf(port: Port): UdpSocket[] {
  return [port.ipv4, port.ipv6].filter((socket) => socket !== undefined);
}

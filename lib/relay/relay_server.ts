import {
  Counters,
  type Datagram,
  type DatagramSink,
  type Epoch,
  type Instant,
  type IpAddress,
  type Logger,
  type RandomSource,
  type Transmit,
  unixAt,
} from "../base/mod.ts";
import { StunView } from "../wire/mod.ts";
import { AllocationTable, type RelayServerEvent } from "./allocation_table.ts";
import { ClientTable } from "./client_table.ts";
import { MAX_CLIENTS, RELAY_PORT } from "./constants.ts";
import { RELAY_COUNTS, type RelayCount } from "./counts.ts";
import { Forwarder } from "./forwarder.ts";
import { Responder } from "./responder.ts";
import { TurnService } from "./turn_service.ts";

/** What a relay is made of. */
export interface RelayServerOptions {
  /** Shared with the portal, which makes credentials from it. */
  readonly stampSecret: string;
  /** Address that clients and peers reach us at over IPv4, if they do. */
  readonly publicIpv4?: IpAddress | undefined;
  /** Address that clients and peers reach us at over IPv6, if they do. */
  readonly publicIpv6?: IpAddress | undefined;
  /** Port that clients talk to; 3478 unless a test needs another. */
  readonly port?: number;
  /** First port for allocations. */
  readonly lowestPort: number;
  /** Last port for allocations. */
  readonly highestPort: number;
  /** Client sockets that a nonce is kept for at most; more than there are ports. */
  readonly maxClients?: number;
  /** For the expiry of credentials. */
  readonly epoch: Epoch;
  /** Source of nonces and ports. */
  readonly random: RandomSource;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/** Counters and sizes of a relay. */
export interface RelaySnapshot {
  /** What it did, and why it did not. */
  readonly counters: Readonly<Record<RelayCount, number>>;
  /** Allocations at present. */
  readonly allocations: number;
  /** Channels at present, those in cool-down included. */
  readonly channels: number;
  /** Sockets that hold a nonce. */
  readonly clients: number;
  /** Answers that were lost because too many waited. */
  readonly answersLost: number;
}

/** A STUN and TURN server (p2p spec §8). */
export class RelayServer {
  readonly #port: number;
  readonly #epoch: Epoch;
  readonly #log: Logger;
  readonly #counters = new Counters<RelayCount>(RELAY_COUNTS);
  readonly #clients: ClientTable;
  readonly #allocations: AllocationTable;
  readonly #responder: Responder;
  readonly #service: TurnService;
  readonly #forwarder: Forwarder;
  readonly #stun = new StunView();

  /** Creates a relay without allocations. */
  constructor(options: RelayServerOptions) {
    const { publicIpv4, publicIpv6, random, lowestPort, highestPort } = options;
    const counters = this.#counters;
    const clients = new ClientTable(options.maxClients ?? MAX_CLIENTS, random);
    const allocations = new AllocationTable(
      clients,
      lowestPort,
      highestPort,
      random,
    );
    this.#port = options.port ?? RELAY_PORT;
    this.#epoch = options.epoch;
    this.#log = options.log.child("relay");
    this.#clients = clients;
    this.#allocations = allocations;
    this.#responder = new Responder(counters);
    this.#service = new TurnService({
      stampSecret: options.stampSecret,
      publicIpv4,
      publicIpv6,
      lowestPort,
      highestPort,
      clients,
      allocations,
      responder: this.#responder,
      counters,
      log: this.#log,
    });
    this.#forwarder = new Forwarder(clients, allocations, counters);
  }

  /** Takes a datagram from a client, at the main port, or from a peer, at the port of an allocation. */
  handleDatagram(datagram: Datagram, now: Instant, out: DatagramSink): void {
    const { bytes, start, end } = datagram;
    if (datagram.sourcePort === 0) {
      return this.#counters.increment("source-port-zero");
    }
    if (datagram.localPort !== this.#port) {
      return this.#forwarder.fromPeer(datagram, now, out);
    }
    const firstByte = start < end ? bytes[start]! : NO_FORMAT;
    if (firstByte <= LAST_STUN_BYTE) return this.#handleStun(datagram, now);
    if (firstByte >= FIRST_CHANNEL_BYTE && firstByte <= LAST_CHANNEL_BYTE) {
      return this.#forwarder.fromClient(datagram, now, out);
    }
    this.#counters.increment("unknown-format");
  }

  /** Ends the allocation on a port that the shell cannot open, and gives the port to nobody else. */
  handlePortUnavailable(port: number): void {
    this.#log.log("info", "Cannot use a port for allocations", { port });
    this.#allocations.excludePort(port);
  }

  /** Ends all allocations. */
  stop(): void {
    this.#allocations.clear();
  }

  /** Advances to `now`. Safe to call early, late or twice. */
  handleTimeout(now: Instant): void {
    this.#allocations.expire(now);
  }

  /** When to call `handleTimeout` next. Allocates nothing. */
  pollTimeout(): Instant {
    return this.#allocations.dueAt;
  }

  /** Returns the next answer to send. */
  pollTransmit(): Transmit | undefined {
    return this.#responder.pollTransmit();
  }

  /** Returns the next port to open or close. */
  pollEvent(): RelayServerEvent | undefined {
    return this.#allocations.pollEvent();
  }

  /** Returns counters and sizes. */
  snapshot(): RelaySnapshot {
    return {
      counters: this.#counters.snapshot(),
      allocations: this.#allocations.size,
      channels: this.#allocations.channelCount,
      clients: this.#clients.size,
      answersLost: this.#responder.lost,
    };
  }

  #handleStun(datagram: Datagram, now: Instant): void {
    const stun = this.#stun;
    const { bytes, start, end } = datagram;
    const isSound = stun.attach(bytes, start, end);
    if (!isSound && stun.refusal !== "attribute-out-of-bounds") {
      return this.#counters.increment("malformed-stun");
    }
    if (stun.class !== "request") {
      return this.#counters.increment("not-a-request");
    }
    this.#allocations.expire(now);
    const source = datagram.source();
    const request = { stun, source, localIp: specified(datagram.local().ip) };
    if (!isSound) return this.#responder.refuse(request, 400);
    this.#service.handleRequest(request, now, unixAt(this.#epoch, now));
  }
}

/** First bytes of what clients send (p2p spec §8.2). */
const LAST_STUN_BYTE = 0x03;
const FIRST_CHANNEL_BYTE = 0x40;
const LAST_CHANNEL_BYTE = 0x4f;
/** Stands for the first byte of an empty datagram. */
const NO_FORMAT = 0xff;

/** Returns `ip` unless it is the wildcard, from which nothing can be sent. */
function specified(ip: IpAddress): IpAddress | null {
  return ip.bytes.every((byte) => byte === 0) ? null : ip;
}

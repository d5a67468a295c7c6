import {
  Arena,
  type Ecn,
  type Instant,
  type IpAddress,
  NO_LOG,
  type RandomSource,
  type SocketAddress,
  unixMs,
} from "../../lib/base/mod.ts";
import type { RelayConfig } from "../../lib/connection/mod.ts";
import { RelayServer } from "../../lib/relay/mod.ts";
import { formatRelayUsername, relayPassword } from "../../lib/stun/mod.ts";
import { receivedDatagram } from "./received_datagram.ts";
import { SimDatagramSink } from "./sim_sink.ts";
import type { SimDatagram, SimHost } from "./world.ts";

/** Where clients talk to a relay. */
const RELAY_PORT = 3478;

/** When credentials of the simulation expire, in Unix seconds: far off. */
const EXPIRES_AT = 2_145_916_800;

const STAMP_SECRET = "5eed".repeat(16);

/** A `RelayServer` on a host of the simulated network. */
export class SimRelay implements SimHost {
  readonly name: string;
  addresses: readonly IpAddress[];
  readonly server: RelayServer;
  readonly #egressIp: IpAddress | undefined;
  readonly #arena = new Arena(8 * 2048);
  readonly #receiveAt: number;
  readonly #datagrams: SimDatagramSink;
  readonly #outbox: SimDatagram[] = [];

  constructor(options: {
    readonly name: string;
    readonly addresses: readonly IpAddress[];
    readonly random: RandomSource;
    readonly now: Instant;
    /** What the ports of allocations send from over IPv4, if not the address that is lent: a host with several addresses. */
    readonly egressIp?: IpAddress;
  }) {
    const { name, addresses, random, now } = options;
    this.name = name;
    this.#egressIp = options.egressIp;
    this.addresses = addresses;
    this.server = new RelayServer({
      stampSecret: STAMP_SECRET,
      publicIpv4: addresses.find(({ family }) => family === 4),
      publicIpv6: addresses.find(({ family }) => family === 6),
      lowestPort: 49_152,
      highestPort: 65_535,
      epoch: { instant: now, unix: unixMs(1_700_000_000_000) },
      random,
      log: NO_LOG,
    });
    this.#receiveAt = this.#arena.allocate(2048);
    this.#datagrams = new SimDatagramSink(
      this.#arena.bytes,
      this.#arena.allocate(2048),
      ({ payload, source, localPort, destination, ecn }) =>
        this.#queue(source, localPort, destination, payload, ecn),
    );
  }

  /** Makes what the portal would tell a node about this relay. */
  configFor(salt: string): RelayConfig {
    const username = { expiresAtUnixSeconds: EXPIRES_AT, salt };
    return {
      id: this.name,
      ipv4: this.#socket(4),
      ipv6: this.#socket(6),
      username: formatRelayUsername(username),
      password: relayPassword(STAMP_SECRET, username),
    };
  }

  handleDatagram(datagram: SimDatagram, now: Instant): void {
    const { bytes } = this.#arena;
    this.server.handleDatagram(
      receivedDatagram(datagram, bytes, this.#receiveAt),
      now,
      this.#datagrams,
    );
  }

  handleTimeout(now: Instant): void {
    this.server.handleTimeout(now);
  }

  pollTimeout(): Instant {
    return this.server.pollTimeout();
  }

  pollDatagram(): SimDatagram | undefined {
    while (this.server.pollEvent()) { /* All ports are open here. */ }
    const transmit = this.server.pollTransmit();
    if (transmit) {
      const { source, localPort, destination, payload } = transmit;
      this.#queue(source, localPort, destination, payload, 0);
    }
    return this.#outbox.shift();
  }

  #socket(family: 4 | 6): SocketAddress | undefined {
    const ip = this.addresses.find((ip) => ip.family === family);
    return ip && { ip, port: RELAY_PORT };
  }

  #queue(
    pinned: IpAddress | null,
    localPort: number,
    destination: SocketAddress,
    payload: Uint8Array,
    ecn: Ecn,
  ): void {
    const { family } = destination.ip;
    const egress = localPort === 0 || family === 6 ? undefined : this.#egressIp;
    const ip = pinned ?? egress ??
      this.addresses.find((ip) => ip.family === family);
    if (!ip) return;
    const source = { ip, port: localPort === 0 ? RELAY_PORT : localPort };
    const isPinned = pinned !== null;
    this.#outbox.push({ source, destination, payload, ecn, isPinned });
  }
}

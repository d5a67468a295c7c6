import {
  type Cidr,
  type Datagram,
  type DatagramSink,
  type Ecn,
  type Instant,
  type IpAddress,
  NEVER,
  type PacketSink,
  parseCidr,
  parseIp,
  parseSocketAddress,
  Queue,
  type SocketAddress,
  type Transmit,
} from "../../lib/base/mod.ts";
import type { Core, ShellRequest } from "../../lib/io/mod.ts";

/** What a pass-through core is made from, all as text. */
export interface PassThroughSettings {
  /** Own IPv4 address in the tunnel. */
  readonly ipv4: string;
  /** Own IPv6 address in the tunnel. */
  readonly ipv6: string;
  /** What is routed into the tunnel. */
  readonly routes: readonly string[];
  /** Where packets go as they are. */
  readonly peer: string;
}

/** Changes the routes, or breaks the core. */
export type PassThroughMessage =
  | { readonly kind: "configure"; readonly settings: PassThroughSettings }
  | { readonly kind: "break" };

/** Carries packets between TUN interface and UDP socket unencrypted: a tunnel of nothing but the shell. */
export class PassThroughCore implements Core<PassThroughMessage, string> {
  readonly #peer: SocketAddress;
  readonly #events = new Queue<string | ShellRequest>(16);
  readonly #transmits = new Queue<Transmit>(16);

  constructor(settings: PassThroughSettings) {
    this.#peer = must(parseSocketAddress(settings.peer));
    this.#configure(settings);
  }

  handleMessage(message: PassThroughMessage): void {
    if (message.kind === "break") throw new Error("Broken on request");
    this.#configure(message.settings);
    this.#events.push("configured");
  }

  handleDatagram(datagram: Datagram, _: Instant, packets: PacketSink): void {
    const { bytes, start, end } = datagram;
    bytes.copyWithin(packets.reserve(), start, end);
    packets.commit(end - start);
  }

  handlePacket(
    bytes: Uint8Array,
    start: number,
    end: number,
    _: Instant,
    datagrams: DatagramSink,
  ): void {
    const ecn = (bytes[start + 1]! & 3) as Ecn;
    bytes.copyWithin(datagrams.reserve(), start, end);
    datagrams.commit(end - start, null, 0, this.#peer, ecn);
  }

  stop(): void {
    this.#events.push("stopped");
    this.#transmits.push({
      source: null,
      localPort: 0,
      destination: this.#peer,
      payload: Uint8Array.of(0),
    });
  }

  handleTimeout(): void {}

  pollTimeout(): Instant {
    return NEVER;
  }

  pollTransmit(): Transmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): string | ShellRequest | undefined {
    return this.#events.shift();
  }

  snapshot(): unknown {
    return { passes: true };
  }

  #configure({ ipv4, ipv6, routes }: PassThroughSettings): void {
    this.#events.push({
      kind: "configure-interface",
      ipv4: must<IpAddress>(parseIp(ipv4)),
      ipv6: must<IpAddress>(parseIp(ipv6)),
      routes: routes.map((route) => must<Cidr>(parseCidr(route))),
    });
  }
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("Malformed settings of a test");
  return value;
}

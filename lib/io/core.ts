import type {
  Datagram,
  DatagramSink,
  Instant,
  IpAddress,
  PacketSink,
  Transmit,
} from "../base/mod.ts";
import type { InterfaceConfig } from "./network_config.ts";

/** A role of this program as the event loop sees it: a core without I/O. */
export interface Core<Message, Event> {
  /** Takes a message from the main thread, such as a parsed one of the portal. */
  handleMessage(message: Message, now: Instant): void;
  /** Takes a datagram. Inner packets go to `packets`, replies and relayed data to `datagrams`. The bytes behind it may be the next datagram's. */
  handleDatagram(
    datagram: Datagram,
    now: Instant,
    packets: PacketSink,
    datagrams: DatagramSink,
  ): void;
  /** Begins to decrypt a datagram of the batch that `handleDatagram` is being given. Returns `false` when there is no room for more. For roles that decrypt. */
  openAhead?(datagram: Datagram, now: Instant): boolean;
  /** Takes the packet `[start, end)` that the host sent into the tunnel, and may change it. The bytes behind it may be the next packet's. What the host is answered at once goes to `packets`. */
  handlePacket(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
    datagrams: DatagramSink,
    packets: PacketSink,
  ): void;
  /** Hears that a port it asked for could not be opened. For roles that open ports. */
  handlePortUnavailable?(port: number): void;
  /** Takes leave of all peers. What it still polls is sent; nothing else is called. */
  stop(now: Instant): void;
  /** Advances to `now`. Called early, late or twice. */
  handleTimeout(now: Instant): void;
  /** Returns when `handleTimeout` is due. */
  pollTimeout(): Instant;
  /** Returns the next control datagram to send. */
  pollTransmit(): Transmit | undefined;
  /** Returns the next event. Those of `ShellRequest` are carried out by the loop, all others cross to the main thread. */
  pollEvent(): Event | ShellRequest | undefined;
  /** Returns counters and state as plain data. */
  snapshot(): unknown;
  /** Describes each peer as plain data, for people. For roles that are asked. */
  describe?(now: Instant): unknown;
}

/** What a core asks of the loop itself. */
export type ShellRequest =
  /** Make the TUN interface so. Ends the loop when the kernel refuses. */
  | ({ readonly kind: "configure-interface" } & InterfaceConfig)
  /** Close the main UDP sockets and open others, which know our present addresses. */
  | { readonly kind: "rebind-sockets" }
  /** Open the UDP sockets of a further port. */
  | { readonly kind: "open-port"; readonly port: number }
  /** Close them. */
  | { readonly kind: "close-port"; readonly port: number };

/** What the loop itself tells the main thread, among the events of the core. */
export type ShellNews =
  /** The TUN interface has these addresses; a family that the host refused is `undefined`. */
  {
    readonly kind: "interface-configured";
    readonly ipv4: IpAddress | undefined;
    readonly ipv6: IpAddress | undefined;
    /** The networks that are not routed into it, each with the reason. */
    readonly unrouted: readonly string[];
  };

/** Tells what the loop carries out itself from what it passes on. */
export function isShellRequest(event: unknown): event is ShellRequest {
  const { kind } = event as { readonly kind?: unknown };
  return kind === "configure-interface" || kind === "rebind-sockets" ||
    kind === "open-port" || kind === "close-port";
}

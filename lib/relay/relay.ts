import type {
  Datagram,
  DatagramSink,
  Instant,
  PacketSink,
  Transmit,
} from "../base/mod.ts";
import type { RelayServerEvent } from "./allocation_table.ts";
import {
  RelayServer,
  type RelayServerOptions,
  type RelaySnapshot,
} from "./relay_server.ts";

/** What the portal tells a relay (p2p spec §8.11). */
export type RelayMessage = { readonly kind: "init" };

/** A relay as a role: the same shape as gateway and client, for the same shell. */
export class Relay {
  readonly #server: RelayServer;
  #hasPortal = false;

  /** Serves at once; the portal only has to know that it does. */
  constructor(options: RelayServerOptions) {
    this.#server = new RelayServer(options);
  }

  /** Takes a message from the portal. */
  handleMessage(message: RelayMessage, _now: Instant): void {
    this.#hasPortal = message.kind === "init";
  }

  /** Takes a datagram at the main port or the port of an allocation. */
  handleDatagram(
    datagram: Datagram,
    now: Instant,
    _packets: PacketSink,
    datagrams: DatagramSink,
  ): void {
    this.#server.handleDatagram(datagram, now, datagrams);
  }

  /** Does nothing: a relay has no TUN device. */
  handlePacket(
    _bytes: Uint8Array,
    _start: number,
    _end: number,
    _now: Instant,
    _datagrams: DatagramSink,
  ): void {}

  /** Ends the allocation on a port that the shell cannot open. */
  handlePortUnavailable(port: number): void {
    this.#server.handlePortUnavailable(port);
  }

  /** Ends all allocations. Their ports wait in `pollEvent` to be closed. */
  stop(_now: Instant): void {
    this.#server.stop();
  }

  /** Advances to `now`. */
  handleTimeout(now: Instant): void {
    this.#server.handleTimeout(now);
  }

  /** When to call `handleTimeout` next. */
  pollTimeout(): Instant {
    return this.#server.pollTimeout();
  }

  /** Returns the next answer to send. */
  pollTransmit(): Transmit | undefined {
    return this.#server.pollTransmit();
  }

  /** Returns the next port to open or close. */
  pollEvent(): RelayServerEvent | undefined {
    return this.#server.pollEvent();
  }

  /** Returns counters and sizes, and whether the portal has greeted us. */
  snapshot(): RelaySnapshot & { readonly hasPortal: boolean } {
    return { ...this.#server.snapshot(), hasPortal: this.#hasPortal };
  }
}

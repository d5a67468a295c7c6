import {
  type Datagram,
  type Epoch,
  type IngestTokenClaims,
  type Instant,
  ipFromBytes,
  readU16,
  type SocketAddress,
  unixAt,
} from "../base/mod.ts";
import { type IpPacketView, PROTOCOL_TCP } from "../wire/mod.ts";
import type {
  FlowClosed,
  FlowIdentity,
  FlowOpened,
  OuterPath,
} from "./report.ts";

/** The authorization that a packet passes under. One object for as long as the grant lasts. */
export interface FlowOwner {
  /** The client. */
  readonly clientId: string;
  /** The resource that policy found for the packet. */
  readonly resourceId: string;
  /** What the authorization's token says. */
  readonly claims: IngestTokenClaims;
}

/** One flow, from its first packet until its end is reported. */
export class Flow {
  /** Whose it is. */
  readonly owner: FlowOwner;
  /** IP protocol number. */
  readonly protocol: number;
  /** Both ports as one number, the client's in the upper half. */
  readonly ports: number;
  /** The client's end after translation. */
  readonly source: SocketAddress;
  /** The resource's end after translation. */
  readonly destination: SocketAddress;
  /** The name that it belongs to. */
  readonly domain: string | undefined;
  /** The ways it came, oldest first. */
  readonly outers: OuterPath[] = [];
  /** When it started. */
  readonly startedAt: Instant;
  /** When it ended, `undefined` while it goes on. */
  endedAt: Instant | undefined;
  /** When its last packet passed. */
  lastPacketAt: Instant;
  /** Whether the client sent anything but SYN. */
  sawOtherThanSyn = false;
  /** Whether the client is done. */
  sourceFinished = false;
  /** Whether the resource is done. */
  destinationFinished = false;
  /** The table's: the next flow with the same hash. */
  nextInChain: Flow | undefined;
  /** The table's: its hash. */
  hash = 0;
  /** The table's: the neighbours in the idle order. */
  older: Flow | undefined;
  /** The table's. */
  newer: Flow | undefined;
  /** The table's: when it took its place in the idle order. */
  orderedAt: Instant;
  #rxPackets = 0;
  #txPackets = 0;
  #rxBytes = 0;
  #txBytes = 0;

  /** Creates the flow of an outbound packet, which is not counted yet. */
  constructor(
    packet: IpPacketView,
    owner: FlowOwner,
    domain: string | undefined,
    now: Instant,
  ) {
    const { bytes, transportAt, addressLength, sourceAt, destinationAt } =
      packet;
    this.owner = owner;
    this.protocol = packet.protocol;
    this.ports = portsOf(packet, false);
    this.source = {
      ip: ipFromBytes(bytes.slice(sourceAt, sourceAt + addressLength)),
      port: readU16(bytes, transportAt),
    };
    this.destination = {
      ip: ipFromBytes(
        bytes.slice(destinationAt, destinationAt + addressLength),
      ),
      port: readU16(bytes, transportAt + 2),
    };
    this.domain = domain;
    this.startedAt = now;
    this.lastPacketAt = now;
    this.orderedAt = now;
  }

  /** Tells whether the datagram came the way that is current. */
  isCurrentPath(datagram: Datagram): boolean {
    const path = this.outers[this.outers.length - 1];
    return path !== undefined && datagram.isFrom(path.remote) &&
      datagram.isTo(path.local);
  }

  /** Makes the way of the datagram the current one. */
  addPath(datagram: Datagram, epoch: Epoch, now: Instant): void {
    this.outers.push({
      remote: datagram.source(),
      local: datagram.local(),
      activatedAt: unixAt(epoch, now),
    });
  }

  /** Counts a packet of the client. */
  countOutbound(payloadLength: number, now: Instant): void {
    this.lastPacketAt = now;
    this.#txPackets++;
    this.#txBytes += payloadLength;
  }

  /** Counts a packet of the resource. */
  countInbound(payloadLength: number, now: Instant): void {
    this.lastPacketAt = now;
    this.#rxPackets++;
    this.#rxBytes += payloadLength;
  }

  /** Makes the report that the flow started. */
  openReport(epoch: Epoch): FlowOpened {
    return { kind: "open", ...this.#identity(epoch, 1) };
  }

  /** Makes the report that the flow ended. */
  closeReport(epoch: Epoch): FlowClosed {
    const { endedAt = this.lastPacketAt, lastPacketAt, outers } = this;
    return {
      kind: "close",
      ...this.#identity(epoch, outers.length),
      endedAt: unixAt(epoch, endedAt),
      lastPacketAt: unixAt(epoch, lastPacketAt),
      rxPackets: this.#rxPackets,
      txPackets: this.#txPackets,
      rxBytes: this.#rxBytes,
      txBytes: this.#txBytes,
    };
  }

  #identity(epoch: Epoch, paths: number): FlowIdentity {
    return {
      claims: this.owner.claims,
      protocol: this.protocol === PROTOCOL_TCP ? "tcp" : "udp",
      source: this.source,
      destination: this.destination,
      domain: this.domain,
      outers: this.outers.slice(0, paths),
      startedAt: unixAt(epoch, this.startedAt),
    };
  }
}

/** Returns both ports of a TCP or UDP packet as one number, the client's in the upper half. */
export function portsOf(packet: IpPacketView, inbound: boolean): number {
  const { bytes, transportAt } = packet;
  const from = readU16(bytes, transportAt);
  const to = readU16(bytes, transportAt + 2);
  return inbound ? (to << 16) | from : (from << 16) | to;
}

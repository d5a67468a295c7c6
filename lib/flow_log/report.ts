import type { IngestTokenClaims, SocketAddress, UnixMs } from "../base/mod.ts";

/** Transports that have flows. */
export type FlowProtocol = "tcp" | "udp";

/** A way that a flow's packets came to us. */
export interface OuterPath {
  /** The client's end as we see it: the client, a NAT or a relay. */
  readonly remote: SocketAddress;
  /** Our end. */
  readonly local: SocketAddress;
  /** When the first packet came this way. */
  readonly activatedAt: UnixMs;
}

/** What is known of a flow when it starts. The initiator's side is the source, after any translation. */
export interface FlowIdentity {
  /** Whose it is and by what right. */
  readonly claims: IngestTokenClaims;
  /** Transport. */
  readonly protocol: FlowProtocol;
  /** The client's tunnel address and the port that the resource sees. */
  readonly source: SocketAddress;
  /** The resource's real address. */
  readonly destination: SocketAddress;
  /** The name, if the client used one. It said so itself: not to be trusted. */
  readonly domain: string | undefined;
  /** At least one, oldest first. */
  readonly outers: readonly OuterPath[];
  /** When the first packet passed. */
  readonly startedAt: UnixMs;
}

/** A flow started. */
export interface FlowOpened extends FlowIdentity {
  /** Which report it is. */
  readonly kind: "open";
}

/** A flow ended. */
export interface FlowClosed extends FlowIdentity {
  /** Which report it is. */
  readonly kind: "close";
  /** When it ended. */
  readonly endedAt: UnixMs;
  /** When its last packet passed. */
  readonly lastPacketAt: UnixMs;
  /** Packets from the resource. */
  readonly rxPackets: number;
  /** Packets from the client. */
  readonly txPackets: number;
  /** Bytes from the resource, without headers. */
  readonly rxBytes: number;
  /** Bytes from the client, without headers. */
  readonly txBytes: number;
}

/** What is told of a flow: once when it starts and once when it ends. Plain data. */
export type FlowReport = FlowOpened | FlowClosed;

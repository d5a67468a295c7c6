import type { RelaySnapshot, TrafficSnapshot } from "../connection/mod.ts";
import type { PeerSnapshot } from "../gateway/mod.ts";
import type { LinkState } from "../io/mod.ts";
import type { DropCount } from "./drop_counts.ts";
import type { Readiness } from "./readiness.ts";

/** The connection to the portal at a moment. */
export interface PortalStatus {
  /** Whether the portal has let us join and the connection stands. */
  readonly joined: boolean;
  /** Since when that is so, in ms of Unix time. */
  readonly since: number;
  /** How often we joined, the first time included. */
  readonly joins: number;
  /** Why the last connection or attempt failed; `null` while none did. */
  readonly lastFailure: string | null;
}

/** The TUN interface at a moment. */
export interface InterfaceStatus extends LinkState {
  /** Its name. */
  readonly name: string;
  /** The addresses that the portal gave us, as far as the host takes them. */
  readonly addresses: readonly string[];
}

/** How busy the gateway is. */
export interface LoadStatus {
  /** Share of the last ten seconds in which the data worker worked or waited for a processor, from 0 to 1. Above 0.8 for long: add a gateway. */
  readonly saturation: number;
  /** Processor time of the whole process over the last seconds, in processors. */
  readonly cpuShare: number;
  /** Memory in use, in bytes. */
  readonly residentBytes: number;
  /** Memory of the datagrams that wait to be read, in bytes. */
  readonly socketQueueBytes: number;
  /** Names that clients wait for. */
  readonly questions: number;
  /** Flow reports that wait for the main thread. */
  readonly flowReports: number;
}

/** How far a drain is. */
export interface DrainStatus {
  /** When it began, in ms of Unix time. */
  readonly since: number;
  /** When the last client is sent away, in ms of Unix time. */
  readonly until: number;
  /** Clients that are left. */
  readonly clientsLeft: number;
}

/** A gateway at a moment: what `GET /status` answers. Plain data without secrets. */
export interface GatewayStatus {
  /** Version of the program. */
  readonly version: string;
  /** The moment, in ms of Unix time. */
  readonly now: number;
  /** How long the process runs, in ms. */
  readonly uptimeMs: number;
  /** Whether clients can be served. */
  readonly readiness: Readiness;
  /** The portal. */
  readonly portal: PortalStatus;
  /** The interface. */
  readonly interface: InterfaceStatus;
  /** The relays. */
  readonly relays: readonly RelaySnapshot[];
  /** How busy it is. */
  readonly load: LoadStatus;
  /** What passed in all connections since the start. */
  readonly traffic: TrafficSnapshot;
  /** What was dropped since the start, the most frequent reason first; no reasons that never happened. */
  readonly drops: readonly DropCount[];
  /** The clients. */
  readonly peers: readonly PeerSnapshot[];
  /** The drain under way, if there is one. */
  readonly drain: DrainStatus | null;
}

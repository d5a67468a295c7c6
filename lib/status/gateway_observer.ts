import {
  elapsedMs,
  formatIp,
  Histogram,
  type Instant,
  type IpAddress,
  type UnixMs,
} from "../base/mod.ts";
import type { GatewaySnapshot, PeerSnapshot } from "../gateway/mod.ts";
import type { DataPlaneSnapshot, LinkState, ProcessUsage } from "../io/mod.ts";
import { CpuMeter } from "./cpu_meter.ts";
import { dropCounts } from "./drop_counts.ts";
import type {
  DrainStatus,
  GatewayStatus,
  InterfaceStatus,
  PortalStatus,
} from "./gateway_status.ts";
import type { MetricInputs } from "./metric_inputs.ts";
import { judgeReadiness, type Readiness } from "./readiness.ts";

/** A snapshot of this age is still good, in ms: so many questions a second cost the data worker no more than five. */
const SNAPSHOT_AGE_MS = 200;

/** Bounds of the buckets that durations are counted in, in ms. */
const DURATION_BOUNDS_MS: readonly number[] = [
  ...[1, 2.5, 5, 10, 25, 50, 100, 250, 500],
  ...[1_000, 2_500, 5_000, 10_000],
];

/** What an observer looks at. */
export interface GatewayObserverOptions {
  /** Version of the program. */
  readonly version: string;
  /** Name of the TUN interface. */
  readonly interfaceName: string;
  /** Asks the data worker; rejects when it does not answer in time. */
  readonly snapshot: (detailed: boolean) => Promise<DataPlaneSnapshot>;
  /** Looks at the TUN interface. */
  readonly link: () => LinkState;
  /** Asks what the process has used. */
  readonly usage: () => ProcessUsage;
  /** Reads the monotonic clock. */
  readonly now: () => Instant;
  /** Reads the wall clock. */
  readonly unixNow: () => UnixMs;
}

/** Keeps what the main thread knows of a gateway, and puts it together with what the data worker says. */
export class GatewayObserver {
  readonly #options: GatewayObserverOptions;
  readonly #startedAt: UnixMs;
  readonly #connectionSetups = new Histogram(DURATION_BOUNDS_MS);
  readonly #lookups = new Histogram(DURATION_BOUNDS_MS);
  readonly #cpu: CpuMeter;
  #portal: PortalStatus;
  /** The addresses of the interface; `undefined` while it lacks those that it shall have. */
  #addresses: readonly string[] | undefined;
  /** The networks that are not routed into it, each with the reason. */
  #unrouted: readonly string[] = [];
  #drain: Omit<DrainStatus, "clientsLeft"> | undefined;
  #latest:
    | { readonly at: Instant; readonly plane: DataPlaneSnapshot }
    | undefined;
  #pending: Promise<DataPlaneSnapshot | undefined> | undefined;

  /** Starts with a gateway that has neither portal nor addresses. */
  constructor(options: GatewayObserverOptions) {
    this.#options = options;
    this.#startedAt = options.unixNow();
    this.#cpu = new CpuMeter(options.now());
    this.#portal = {
      joined: false,
      since: this.#startedAt,
      joins: 0,
      lastFailure: null,
    };
  }

  /** Notes that the portal let us join. */
  noteJoined(): void {
    const { joins, lastFailure } = this.#portal;
    const since = this.#options.unixNow();
    this.#portal = { joined: true, since, joins: joins + 1, lastFailure };
  }

  /** Notes that the portal is lost, or was not reached. */
  noteDisconnected(failure: string | null): void {
    const { joined, joins, since, lastFailure } = this.#portal;
    this.#portal = {
      joined: false,
      since: joined ? this.#options.unixNow() : since,
      joins,
      lastFailure: failure ?? lastFailure,
    };
  }

  /** Notes which addresses the interface has, and the networks that are not routed into it. */
  noteInterface(
    addresses: readonly IpAddress[],
    unrouted: readonly string[] = [],
  ): void {
    this.#addresses = addresses.map(formatIp);
    this.#unrouted = unrouted;
  }

  /** Notes that the interface lost its addresses. */
  noteInterfaceLost(): void {
    this.#addresses = undefined;
  }

  /** Notes how long it took until packets of a client could pass. */
  noteConnection(tookMs: number): void {
    this.#connectionSetups.observe(tookMs);
  }

  /** Notes how long a name took to look up. */
  noteLookup(tookMs: number): void {
    this.#lookups.observe(tookMs);
  }

  /** Notes that a drain began, or that it ends at another time. */
  noteDrain(until: UnixMs): Omit<DrainStatus, "clientsLeft"> {
    const since = this.#drain?.since ?? this.#options.unixNow();
    this.#drain = { since, until };
    return this.#drain;
  }

  /** Tells whether the data worker answers. */
  async isAlive(): Promise<boolean> {
    return await this.#snapshot() !== undefined;
  }

  /** Tells whether clients can be served. */
  async readiness(): Promise<Readiness> {
    return this.#judge(await this.#snapshot(), this.#options.link());
  }

  /** Tells everything, each client included. */
  async status(): Promise<GatewayStatus> {
    const { snapshot, version } = this.#options;
    const plane = await snapshot(true).catch(() => undefined);
    const core = plane?.core as GatewaySnapshot | undefined;
    const link = this.#options.link();
    const { cpuShare, residentBytes } = this.#usage();
    const now = this.#options.unixNow();
    return {
      version,
      now,
      uptimeMs: now - this.#startedAt,
      readiness: this.#judge(plane, link),
      portal: this.#portal,
      interface: this.#interface(link),
      relays: core?.node.relays ?? [],
      load: {
        saturation: plane?.loop.busyShare ?? 1,
        cpuShare,
        residentBytes,
        socketQueueBytes: plane?.loop.waitingBytes ?? 0,
        questions: core?.questions ?? 0,
        flowReports: core?.flows.waiting ?? 0,
      },
      traffic: core?.node.traffic ?? NO_TRAFFIC,
      drops: plane && core
        ? dropCounts(plane, core, link.drops)
          .filter(({ count }) => count > 0)
          .sort((a, b) => b.count - a.count)
        : [],
      peers: (plane?.details ?? []) as PeerSnapshot[],
      drain: this.#drain
        ? { ...this.#drain, clientsLeft: core?.clients ?? 0 }
        : null,
    };
  }

  /** Gathers what metrics are made from. */
  async metricInputs(): Promise<MetricInputs> {
    const plane = await this.#snapshot();
    const link = this.#options.link();
    return {
      ...this.#usage(),
      version: this.#options.version,
      startedAt: this.#startedAt,
      readiness: this.#judge(plane, link),
      portal: this.#portal,
      interface: this.#interface(link),
      isDraining: this.#drain !== undefined,
      connectionSetups: this.#connectionSetups.snapshot(),
      lookups: this.#lookups.snapshot(),
      data: plane && { plane, core: plane.core as GatewaySnapshot },
    };
  }

  #judge(plane: DataPlaneSnapshot | undefined, link: LinkState): Readiness {
    const core = plane?.core as GatewaySnapshot | undefined;
    return judgeReadiness({
      isWorkerAlive: plane !== undefined,
      isJoined: this.#portal.joined,
      link: link.state,
      isConfigured: this.#addresses !== undefined,
      unrouted: this.#unrouted,
      relays: core?.node.relays ?? [],
      isDraining: this.#drain !== undefined,
    });
  }

  #interface(link: LinkState): InterfaceStatus {
    const name = this.#options.interfaceName;
    return { name, ...link, addresses: this.#addresses ?? [] };
  }

  #usage(): ProcessUsage & { readonly cpuShare: number } {
    const usage = this.#options.usage();
    const now = this.#options.now();
    const cpuShare = this.#cpu.share(usage.processorMs, now);
    return { ...usage, cpuShare };
  }

  /** Asks the data worker, once for all who ask at about the same time. */
  async #snapshot(): Promise<DataPlaneSnapshot | undefined> {
    const { now } = this.#options;
    const latest = this.#latest;
    if (latest && elapsedMs(latest.at, now()) < SNAPSHOT_AGE_MS) {
      return latest.plane;
    }
    this.#pending ??= this.#ask().finally(() => this.#pending = undefined);
    return await this.#pending;
  }

  async #ask(): Promise<DataPlaneSnapshot | undefined> {
    const { now, snapshot } = this.#options;
    try {
      const plane = await snapshot(false);
      this.#latest = { at: now(), plane };
      return plane;
    } catch {
      this.#latest = undefined;
      return undefined;
    }
  }
}

const NO_TRAFFIC = {
  packetsReceived: 0,
  bytesReceived: 0,
  packetsSent: 0,
  bytesSent: 0,
} as const;

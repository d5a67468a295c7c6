import { Histogram, instant, unixMs } from "../../lib/base/mod.ts";
import type { DataPlaneSnapshot } from "../../lib/io/mod.ts";
import { createIoCounters } from "../../lib/io/io_counters.ts";
import {
  GatewayObserver,
  type GatewayObserverOptions,
} from "../../lib/status/mod.ts";
import {
  ALICE,
  cidrResource,
  GatewayHarness,
  ipOf,
} from "../support/gateway_harness.ts";

/** Wall-clock time of all tests, in ms. */
export const NOW = 1_787_000_000_000;

/** A gateway with one client, seen by an observer whose clock the test moves. */
export class ObservedGateway {
  readonly world = GatewayHarness.initialized();
  readonly observer: GatewayObserver;
  /** How often the data worker was asked. */
  questions = 0;
  /** Whether it answers. */
  isAlive = true;
  now = 0;
  processorMs = 0;

  constructor(options: Partial<GatewayObserverOptions> = {}) {
    this.world.grant(ALICE, cidrResource("r1", "10.0.0.0/8"));
    this.observer = new GatewayObserver({
      version: "1.2.3",
      interfaceName: "tun-test",
      snapshot: (detailed) => this.#snapshot(detailed),
      link: () => ({ state: "up", drops: 4 }),
      usage: () => ({ processorMs: this.processorMs, residentBytes: 5e7 }),
      now: () => instant(this.now),
      unixNow: () => unixMs(NOW + this.now),
      ...options,
    });
  }

  /** Lets the portal and the interface come up. */
  comeUp(): void {
    this.observer.noteJoined();
    this.observer.noteInterface([ipOf("100.64.0.9")]);
  }

  #snapshot(detailed: boolean): Promise<DataPlaneSnapshot> {
    this.questions++;
    if (!this.isAlive) return Promise.reject(new Error("stalled"));
    const { gateway } = this.world;
    const core = gateway.snapshot();
    const handshakes = new Histogram([10, 100]);
    [5, 50, 500].forEach((ms) => handshakes.observe(ms));
    const node = {
      ...core.node,
      connections: 3,
      routes: { ...core.node.routes, PeerToPeer: 1, RelayToPeer: 1 },
      relays: [RELAY],
      handshakes: handshakes.snapshot(),
    };
    return Promise.resolve({
      io: createIoCounters().snapshot(),
      loop: { busyShare: 0.25, waitingBytes: 1_500, socketDrops: 2 },
      core: { ...core, node },
      details: detailed ? gateway.describe(this.world.now) : undefined,
    });
  }
}

const RELAY = {
  id: "r1",
  addresses: ["198.51.100.7:3478"],
  state: "allocated",
  allocated: ["198.51.100.7:50000"],
  roundTripMs: 12.5,
} as const;

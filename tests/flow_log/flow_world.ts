import assert from "node:assert/strict";
import {
  after,
  type Epoch,
  type Instant,
  instant,
  unixMs,
} from "../../lib/base/mod.ts";
import {
  type FlowOwner,
  type FlowReport,
  FlowTracker,
} from "../../lib/flow_log/mod.ts";
import { IpPacketView } from "../../lib/wire/mod.ts";
import { datagramOf } from "../support/datagram.ts";
import { CLAIMS } from "../support/ingest_token.ts";
import { tcpPacket, udpPacket } from "../support/ip_packet.ts";

/** TCP flags. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;

/** Wall-clock time at instant 0. */
export const EPOCH: Epoch = {
  instant: instant(0),
  unix: unixMs(1_787_000_000_000),
};

/** A packet of a test. The client's side is the source, whichever way it goes. */
export interface TestPacket {
  readonly protocol?: "tcp" | "udp";
  readonly flags?: number;
  readonly payload?: number;
  readonly clientIp?: string;
  readonly clientPort?: number;
  readonly resourceIp?: string;
  readonly resourcePort?: number;
}

/** The authorization of most tests. */
export const OWNER: FlowOwner = {
  clientId: CLAIMS.initiatorDeviceId,
  resourceId: CLAIMS.resourceId,
  claims: CLAIMS,
};

/** The outer path of most tests. */
export const HOME = "192.0.2.9:5000";
const LOCAL = "198.51.100.1:52625";

/** A tracker, and everything a test does to it in one line each. */
export class FlowWorld {
  now: Instant = instant(0);
  readonly tracker: FlowTracker;
  readonly #view = new IpPacketView();

  constructor({ always = true, seed = 7 } = {}) {
    this.tracker = new FlowTracker({ epoch: EPOCH, seed, always });
  }

  /** A packet of the client passes. */
  tx(
    packet: TestPacket = {},
    { owner = OWNER, from = HOME, to = LOCAL, domain }: {
      readonly owner?: FlowOwner;
      readonly from?: string;
      readonly to?: string;
      readonly domain?: string;
    } = {},
  ): void {
    const datagram = datagramOf(from, to, new Uint8Array(0));
    const view = this.#attach(bytesOf(packet, false));
    this.tracker.handleOutbound(view, owner, domain, datagram, this.now);
  }

  /** A packet of the resource is sent to the client. */
  rx(packet: TestPacket = {}, owner: FlowOwner = OWNER): void {
    this.tracker.seeInbound(this.#attach(bytesOf(packet, true)));
    this.tracker.countInbound(owner, this.now);
  }

  /** Lets time pass; the tracker is called whenever it asked for it. Returns all reports of that time. */
  advance(ms: number): FlowReport[] {
    const target = after(this.now, ms);
    const reports: FlowReport[] = [];
    while (this.tracker.pollTimeout() <= target) {
      const dueAt = this.tracker.pollTimeout();
      if (dueAt > this.now) this.now = dueAt;
      this.tracker.handleTimeout(this.now);
      reports.push(...this.takeBatch());
    }
    this.now = target;
    return reports;
  }

  /** Takes the reports that can be had without further waiting. */
  takeBatch(): FlowReport[] {
    return [...this.tracker.pollReports() ?? []];
  }

  /** Ends everything and returns what is reported then. */
  stop(): FlowReport[] {
    this.tracker.stop(this.now);
    const reports: FlowReport[] = [];
    for (;;) {
      const batch = this.takeBatch();
      if (batch.length === 0) return reports;
      reports.push(...batch);
    }
  }

  #attach(bytes: Uint8Array): IpPacketView {
    assert.equal(this.#view.attach(bytes, 0, bytes.length), "ok");
    return this.#view;
  }
}

/** Builds the packet that passes in one direction. */
export function bytesOf(
  {
    protocol = "tcp",
    flags = SYN,
    payload = 0,
    clientIp = "100.64.0.1",
    clientPort = 40_000,
    resourceIp = "10.20.0.5",
    resourcePort = 443,
  }: TestPacket,
  inbound: boolean,
): Uint8Array {
  const fields = inbound
    ? {
      source: resourceIp,
      sourcePort: resourcePort,
      destination: clientIp,
      destinationPort: clientPort,
    }
    : {
      source: clientIp,
      sourcePort: clientPort,
      destination: resourceIp,
      destinationPort: resourcePort,
    };
  const body = new Uint8Array(payload);
  return protocol === "tcp"
    ? tcpPacket({ ...fields, flags, payload: body })
    : udpPacket({ ...fields, payload: body });
}

/** Says what a report tells: its kind and, at the end, packets and bytes. */
export function gist(report: FlowReport): string {
  if (report.kind === "open") return `open ${report.protocol}`;
  const { rxPackets, txPackets, rxBytes, txBytes } = report;
  return `close ${report.protocol} rx ${rxPackets}/${rxBytes} tx ${txPackets}/${txBytes}`;
}

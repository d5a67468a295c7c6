import {
  after,
  Counters,
  type Datagram,
  earlier,
  type Epoch,
  type Instant,
  NEVER,
  Queue,
} from "../base/mod.ts";
import {
  type IpPacketView,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  tcpFlags,
  transportPayloadLength,
} from "../wire/mod.ts";
import {
  BATCH_INTERVAL_MS,
  CONTINUE_AFTER_MS,
  HOUSEKEEPING_INTERVAL_MS,
  IDLE_LIMIT_MS,
  MAX_CLOSES_PER_RUN,
  MAX_FLOWS,
  MAX_FLOWS_OF_CLIENT,
  MAX_OUTER_PATHS,
  REPORTS_PER_BATCH,
} from "./constants.ts";
import { Flow, type FlowOwner } from "./flow.ts";
import { FlowTable, isOwnedBy, nextWithSameEnds } from "./flow_table.ts";
import type { FlowReport } from "./report.ts";
import { startsFlow } from "./segment.ts";

/** Why a packet that should have opened a flow did not. */
export type FlowRefusal = (typeof FLOW_REFUSALS)[number];

/** All refusals, for their counters. */
export const FLOW_REFUSALS = [
  "too-many-flows",
  "too-many-flows-of-client",
] as const;

/** What a tracker is made with. */
export interface FlowTrackerOptions {
  /** Maps the monotonic clock to the times in reports. */
  readonly epoch: Epoch;
  /** A random 32-bit number. */
  readonly seed: number;
  /** Whether flows are tracked also when the portal does not ask for it. */
  readonly always: boolean;
}

/** State and counters of a tracker. Plain data. */
export interface FlowSnapshot {
  /** Whether flows are opened. */
  readonly enabled: boolean;
  /** Flows that go on. */
  readonly open: number;
  /** Reports that wait to be handed out. */
  readonly waiting: number;
  /** Packets that should have opened a flow and did not, by reason. */
  readonly refused: Readonly<Record<FlowRefusal, number>>;
}

/**
 * Watches the packets that pass and reports the flows that they make up (data-plane spec §15).
 *
 * See the module page for the order of calls.
 */
export class FlowTracker {
  readonly #options: FlowTrackerOptions;
  readonly #table: FlowTable;
  readonly #refused = new Counters<FlowRefusal>(FLOW_REFUSALS);
  /** How many flows each client has in memory. */
  readonly #counts = new Map<string, number>();
  /** Flows whose start is not reported yet. */
  readonly #opened = new Queue<Flow>(MAX_FLOWS);
  /** Flows that are over and not reported yet. Nothing else refers to them. */
  readonly #ended = new Queue<Flow>(MAX_FLOWS);
  /** Flows with a FIN from both sides, until housekeeping ends them. */
  readonly #finished = new Queue<Flow>(MAX_FLOWS);
  #enabled: boolean;
  #housekeepAt: Instant = NEVER;
  #reportAt: Instant = NEVER;
  #reportedAt = -Infinity as Instant;
  #mayReport = false;
  #stoppedAt: Instant | undefined;
  /** Of the inbound packet that was seen last: the first flow with its addresses, and what to count. */
  #seen: Flow | undefined;
  #seenFlags = 0;
  #seenLength = 0;

  /** Creates a tracker of no flows. */
  constructor(options: FlowTrackerOptions) {
    this.#options = options;
    this.#table = new FlowTable(options.seed);
    this.#enabled = options.always;
  }

  /** Applies what the portal wants. Flows that are open go on and are counted to their end either way. */
  configure(uploadIntervalSecs: number): void {
    this.#enabled = this.#options.always || uploadIntervalSecs > 0;
  }

  /**
   * Counts a packet of a client that is about to be forwarded, after its translation.
   *
   * `owner` is the authorization that it passes under, `domain` the name that
   * its destination stands for, `datagram` what it came in.
   */
  handleOutbound(
    packet: IpPacketView,
    owner: FlowOwner,
    domain: string | undefined,
    datagram: Datagram,
    now: Instant,
  ): void {
    if (!this.#enabled && this.#table.size === 0) return;
    if (!hasFlows(packet.protocol)) return;
    const flow = this.#table.find(packet, owner);
    if (flow === undefined) {
      if (startsFlow(packet)) this.#open(packet, owner, domain, datagram, now);
      return;
    }
    if (mustSplit(flow, packet, datagram)) {
      this.#end(flow, now, now);
      this.#reopen(packet, owner, domain, datagram, now);
      return;
    }
    if (!flow.isCurrentPath(datagram)) {
      flow.addPath(datagram, this.#options.epoch, now);
    }
    this.#countOutbound(flow, packet, now);
  }

  /** Looks at a packet of a resource before its translation. If it is sent, `countInbound` follows. */
  seeInbound(packet: IpPacketView): void {
    this.#seen = undefined;
    if (this.#table.size === 0 || !hasFlows(packet.protocol)) return;
    const flow = this.#table.first(packet, true);
    if (flow === undefined) return;
    this.#seen = flow;
    this.#seenLength = transportPayloadLength(packet);
    this.#seenFlags = packet.protocol === PROTOCOL_TCP ? tcpFlags(packet) : 0;
  }

  /** Whether the last packet of a resource may belong to a flow. */
  get hasSeenInbound(): boolean {
    return this.#seen !== undefined;
  }

  /** Counts the packet of the last `seeInbound`, which was sent to `owner`'s client. It never opens a flow. */
  countInbound(owner: FlowOwner, now: Instant): void {
    const flow = this.#ownedAmongSeen(owner);
    this.#seen = undefined;
    if (flow === undefined) return;
    flow.countInbound(this.#seenLength, now);
    this.#table.touch(flow, now);
    if ((this.#seenFlags & TCP_RST) !== 0) this.#end(flow, now, now);
    else if ((this.#seenFlags & TCP_FIN) !== 0) {
      flow.destinationFinished = true;
      this.#noteFinish(flow);
    }
  }

  /** Ends all flows. Their reports can be polled at once, and no flow opens any more. */
  stop(now: Instant): void {
    this.#enabled = false;
    this.#stoppedAt = now;
    this.#mayReport = true;
    this.#housekeepAt = NEVER;
    this.#reportAt = NEVER;
  }

  /** Advances to `now`. Safe to call early, late or twice. */
  handleTimeout(now: Instant): void {
    if (now >= this.#housekeepAt) this.#housekeep(now);
    if (now < this.#reportAt) return;
    this.#mayReport = true;
    this.#reportedAt = now;
    this.#reportAt = NEVER;
  }

  /** Returns when `handleTimeout` is due. */
  pollTimeout(): Instant {
    return earlier(this.#housekeepAt, this.#reportAt);
  }

  /** Returns the next batch of reports, in which a flow's start comes before its end. */
  pollReports(): readonly FlowReport[] | undefined {
    if (!this.#mayReport) return undefined;
    const reports: FlowReport[] = [];
    while (reports.length < REPORTS_PER_BATCH) {
      const report = this.#nextReport();
      if (report === undefined) break;
      reports.push(report);
    }
    if (this.#stoppedAt === undefined) {
      this.#mayReport = false;
      if (this.#waiting > 0) this.#armReport(this.#reportedAt);
    }
    return reports.length > 0 ? reports : undefined;
  }

  /** Returns state and counters. */
  snapshot(): FlowSnapshot {
    return {
      enabled: this.#enabled,
      open: this.#table.size,
      waiting: this.#waiting,
      refused: this.#refused.snapshot(),
    };
  }

  get #waiting(): number {
    return this.#opened.length + this.#ended.length;
  }

  #countOutbound(flow: Flow, packet: IpPacketView, now: Instant): void {
    flow.countOutbound(transportPayloadLength(packet), now);
    this.#table.touch(flow, now);
    if (packet.protocol === PROTOCOL_UDP) return;
    const flags = tcpFlags(packet);
    if ((flags & TCP_SYN) === 0) flow.sawOtherThanSyn = true;
    if ((flags & TCP_RST) !== 0) this.#end(flow, now, now);
    else if ((flags & TCP_FIN) !== 0) {
      flow.sourceFinished = true;
      this.#noteFinish(flow);
    }
  }

  /** Opens a flow and counts its first packet, if there is room. */
  #open(
    packet: IpPacketView,
    owner: FlowOwner,
    domain: string | undefined,
    datagram: Datagram,
    now: Instant,
  ): void {
    if (!this.#enabled) return;
    const { clientId } = owner;
    const count = this.#counts.get(clientId) ?? 0;
    if (this.#table.size + this.#ended.length >= MAX_FLOWS) {
      return this.#refused.increment("too-many-flows");
    }
    if (count >= MAX_FLOWS_OF_CLIENT) {
      return this.#refused.increment("too-many-flows-of-client");
    }
    this.#counts.set(clientId, count + 1);
    const flow = new Flow(packet, owner, domain, now);
    flow.addPath(datagram, this.#options.epoch, now);
    this.#table.add(flow, packet, now);
    this.#opened.push(flow);
    this.#armReport(now);
    if (this.#housekeepAt === NEVER) {
      this.#housekeepAt = after(now, HOUSEKEEPING_INTERVAL_MS);
    }
    this.#countOutbound(flow, packet, now);
  }

  /**
   * Goes on with what a flow carried in another one.
   *
   * A bare ACK opens it here, unlike elsewhere: a client that downloads sends
   * nothing else. FIN and RST do not, since nothing follows them.
   */
  #reopen(
    packet: IpPacketView,
    owner: FlowOwner,
    domain: string | undefined,
    datagram: Datagram,
    now: Instant,
  ): void {
    const isOver = packet.protocol === PROTOCOL_TCP &&
      (tcpFlags(packet) & (TCP_FIN | TCP_RST)) !== 0;
    if (!isOver) this.#open(packet, owner, domain, datagram, now);
  }

  #end(flow: Flow, endedAt: Instant, now: Instant): void {
    flow.endedAt = endedAt;
    this.#table.remove(flow);
    this.#ended.push(flow);
    this.#armReport(now);
  }

  /** The first report of a quiet time goes out at once; those that follow it share the next batch. */
  #armReport(now: Instant): void {
    if (this.#stoppedAt !== undefined || this.#reportAt !== NEVER) return;
    this.#reportAt = later(now, after(this.#reportedAt, BATCH_INTERVAL_MS));
  }

  #noteFinish(flow: Flow): void {
    if (flow.sourceFinished && flow.destinationFinished) {
      this.#finished.push(flow);
    }
  }

  #ownedAmongSeen(owner: FlowOwner): Flow | undefined {
    let flow = this.#seen;
    while (flow !== undefined && !isOwnedBy(flow, owner)) {
      flow = nextWithSameEnds(flow);
    }
    return flow;
  }

  #housekeep(now: Instant): void {
    let budget = MAX_CLOSES_PER_RUN;
    for (; budget > 0 && this.#finished.length > 0; budget--) {
      const flow = this.#finished.shift();
      if (flow === undefined || flow.endedAt !== undefined) continue;
      this.#end(flow, flow.lastPacketAt, now);
    }
    let flow = this.#table.oldest;
    for (; budget > 0 && flow && isIdle(flow, now); budget--) {
      this.#end(flow, now, now);
      flow = this.#table.oldest;
    }
    const delayMs = budget > 0 ? HOUSEKEEPING_INTERVAL_MS : CONTINUE_AFTER_MS;
    this.#housekeepAt = this.#table.size > 0 ? after(now, delayMs) : NEVER;
  }

  #nextReport(): FlowReport | undefined {
    const { epoch } = this.#options;
    const opened = this.#opened.shift();
    if (opened !== undefined) return opened.openReport(epoch);
    const { oldest } = this.#table;
    const stoppedAt = this.#stoppedAt;
    if (stoppedAt !== undefined && oldest && this.#ended.length === 0) {
      this.#end(oldest, stoppedAt, stoppedAt);
    }
    const ended = this.#ended.shift();
    if (ended === undefined) return undefined;
    this.#forget(ended.owner.clientId);
    return ended.closeReport(epoch);
  }

  #forget(clientId: string): void {
    const count = this.#counts.get(clientId) ?? 0;
    if (count > 1) this.#counts.set(clientId, count - 1);
    else this.#counts.delete(clientId);
  }
}

function hasFlows(protocol: number): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP;
}

/** Tells whether a packet of a client belongs to a flow of its own, although there is one with its addresses and ports. */
function mustSplit(
  flow: Flow,
  packet: IpPacketView,
  datagram: Datagram,
): boolean {
  if (
    flow.outers.length === MAX_OUTER_PATHS && !flow.isCurrentPath(datagram)
  ) {
    return true;
  }
  return flow.sawOtherThanSyn && packet.protocol === PROTOCOL_TCP &&
    (tcpFlags(packet) & (TCP_SYN | TCP_FIN | TCP_RST)) === TCP_SYN;
}

function isIdle(flow: Flow, now: Instant): boolean {
  return now - flow.lastPacketAt > IDLE_LIMIT_MS;
}

function later(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}

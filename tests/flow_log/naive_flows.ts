import { ACK, FIN, HOME, RST, SYN, type TestPacket } from "./flow_world.ts";

/** A flow of the model. */
export interface NaiveFlow {
  readonly key: string;
  readonly start: number;
  readonly paths: string[];
  last: number;
  end: number | undefined;
  tx: [packets: number, bytes: number];
  rx: [packets: number, bytes: number];
  nonSyn: boolean;
  finTx: boolean;
  finRx: boolean;
}

/** The table of data-plane spec §15.3, row by row over a list, with housekeeping at whole seconds after a flow opened. */
export class NaiveFlows {
  readonly flows: NaiveFlow[] = [];

  tx(packet: TestPacket, now: number, from = HOME): void {
    const { flags = SYN, payload = 0 } = packet;
    const isTcp = packet.protocol !== "udp";
    const flow = this.#open(packet);
    const ends = isTcp && (flags & (FIN | RST)) !== 0;
    const bareAck = isTcp && (flags & SYN) === 0 && (flags & ACK) !== 0 &&
      payload === 0;
    if (!flow) {
      if (!ends && !bareAck) this.#start(packet, now, from);
      return;
    }
    if (flow.paths.at(-1) !== from) {
      if (flow.paths.length === 16) {
        flow.end = now;
        if (!ends) this.#start(packet, now, from);
        return;
      }
    }
    if (isTcp && (flags & SYN) !== 0 && !ends && flow.nonSyn) {
      flow.end = now;
      return this.#start(packet, now, from);
    }
    if (flow.paths.at(-1) !== from) flow.paths.push(from);
    this.#count(flow, flow.tx, packet, now);
    if (isTcp && (flags & SYN) === 0) flow.nonSyn = true;
    if (isTcp && (flags & RST) !== 0) flow.end = now;
    else if (isTcp && (flags & FIN) !== 0) flow.finTx = true;
  }

  rx(packet: TestPacket, now: number): void {
    const { flags = SYN } = packet;
    const flow = this.#open(packet);
    if (!flow) return;
    this.#count(flow, flow.rx, packet, now);
    if (packet.protocol === "udp") return;
    if ((flags & RST) !== 0) flow.end = now;
    else if ((flags & FIN) !== 0) flow.finRx = true;
  }

  housekeep(now: number): void {
    for (const flow of this.flows) {
      if (flow.end !== undefined) continue;
      if (flow.finTx && flow.finRx) flow.end = flow.last;
      else if (now - flow.last > 120_000) flow.end = now;
    }
  }

  #open(packet: TestPacket): NaiveFlow | undefined {
    const key = keyOf(packet);
    return this.flows.find((it) => it.end === undefined && it.key === key);
  }

  #start(packet: TestPacket, now: number, from: string): void {
    const flow: NaiveFlow = {
      key: keyOf(packet),
      start: now,
      paths: [from],
      last: now,
      end: undefined,
      tx: [0, 0],
      rx: [0, 0],
      nonSyn: packet.protocol !== "udp" && ((packet.flags ?? SYN) & SYN) === 0,
      finTx: false,
      finRx: false,
    };
    this.#count(flow, flow.tx, packet, now);
    this.flows.push(flow);
  }

  #count(
    flow: NaiveFlow,
    side: [number, number],
    packet: TestPacket,
    now: number,
  ): void {
    flow.last = now;
    side[0]++;
    side[1] += packet.payload ?? 0;
  }
}

function keyOf(packet: TestPacket): string {
  const { protocol = "tcp", clientPort, resourceIp } = packet;
  return `${protocol} ${clientPort} ${resourceIp}`;
}

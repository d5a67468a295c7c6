import assert from "node:assert/strict";
import {
  formatSocketAddress,
  type Instant,
  instant,
  type IpAddress,
  NO_LOG,
  randomUnit,
  type SocketAddress,
  type Transmit,
  unixMs,
} from "../../lib/base/mod.ts";
import { RelayServer } from "../../lib/relay/mod.ts";
import { Allocation } from "../../lib/turn/mod.ts";
import { StunView, writeChannelDataHeader } from "../../lib/wire/mod.ts";
import { addressOf, datagramOf } from "../support/datagram.ts";
import { SeededRandom } from "../support/random.ts";
import {
  ipOf,
  passwordOf,
  RELAY4,
  RELAY6,
  SECRET,
  UNIX_NOW,
  usernameOf,
} from "./lab.ts";

const RELAY_SOCKETS = [`${RELAY4}:3478`, `[${RELAY6}]:3478`];

/** What links do to datagrams. */
export interface LinkOptions {
  readonly seed: number;
  /** Share of the datagrams that are lost. */
  readonly loss: number;
  /** Longest one-way delay in ms; each datagram has its own, so that they overtake each other. */
  readonly delayMs: number;
}

interface InFlight {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly payload: Uint8Array;
}

/** A node that uses the relay. It runs what the layer above an `Allocation` does. */
export class SimulatedNode {
  readonly allocation: Allocation;
  readonly received: string[] = [];
  failures = 0;
  /** Whether nothing gets through to or from the node. */
  isCutOff = false;
  /** Where the network sees it. */
  address4: string;
  readonly address6: string;

  constructor(name: number, now: Instant, seed: number) {
    this.address4 = `203.0.113.${name}:52625`;
    this.address6 = `[2001:db8:${name}::1]:52625`;
    const username = usernameOf(`node-${name}`);
    this.allocation = new Allocation({
      id: "relay",
      ipv4: addressOf(RELAY_SOCKETS[0]!),
      ipv6: addressOf(RELAY_SOCKETS[1]!),
      username,
      password: passwordOf(username),
      now,
      random: new SeededRandom(seed),
      log: NO_LOG,
    });
  }

  owns(address: string): boolean {
    return address === this.address4 || address === this.address6;
  }
}

/** Nodes, one relay and lossy links between them, under a virtual clock. */
export class SimulatedNetwork {
  readonly relay: RelayServer;
  readonly nodes: SimulatedNode[] = [];
  readonly #links: LinkOptions;
  readonly #random: SeededRandom;
  readonly #openPorts = new Set<number>();
  #inFlight: InFlight[] = [];
  #now = 0;

  constructor(links: LinkOptions) {
    this.#links = links;
    this.#random = new SeededRandom(links.seed);
    this.relay = new RelayServer({
      stampSecret: SECRET,
      publicIpv4: ipOf(RELAY4),
      publicIpv6: ipOf(RELAY6),
      lowestPort: 49_152,
      highestPort: 65_535,
      epoch: { instant: this.now, unix: unixMs(UNIX_NOW * 1_000) },
      random: new SeededRandom(links.seed + 1),
      log: NO_LOG,
    });
  }

  get now(): Instant {
    return instant(this.#now);
  }

  addNode(): SimulatedNode {
    const name = this.nodes.length + 1;
    const node = new SimulatedNode(
      name,
      this.now,
      this.#links.seed + 10 * name,
    );
    this.nodes.push(node);
    this.#drain();
    return node;
  }

  /** Sends text through the node's relay, as the data path would: a channel is bound if there is none. */
  send(node: SimulatedNode, peer: SocketAddress, text: string): void {
    const { allocation } = node;
    const channel = allocation.channelTo(peer, this.now);
    const socket = allocation.activeSocket;
    if (channel === 0 || !socket) {
      allocation.bindChannel(peer, this.now);
    } else {
      const data = new TextEncoder().encode(text);
      const payload = new Uint8Array(4 + data.length);
      writeChannelDataHeader(payload, 0, channel, data.length);
      payload.set(data, 4);
      allocation.noteChannelDataSent(this.now);
      const from = socket.ip.family === 4 ? node.address4 : node.address6;
      this.#post(from, formatSocketAddress(socket), payload);
    }
    this.#drain();
  }

  /** Lets time pass, deadline by deadline. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let at = this.#nextAt(); at <= until; at = this.#nextAt()) {
      this.#now = Math.max(this.#now, at);
      this.#deliverDue();
      this.relay.handleTimeout(this.now);
      for (const { allocation } of this.nodes) {
        allocation.handleTimeout(this.now);
      }
      this.#drain();
    }
    this.#now = until;
  }

  #nextAt(): number {
    const deadlines = this.nodes.map(({ allocation }) =>
      allocation.pollTimeout()
    );
    const arrivals = this.#inFlight.map(({ at }) => at);
    return Math.min(this.relay.pollTimeout(), ...deadlines, ...arrivals);
  }

  #deliverDue(): void {
    const due = this.#inFlight.filter(({ at }) => at <= this.#now);
    this.#inFlight = this.#inFlight.filter(({ at }) => at > this.#now);
    for (const { from, to, payload } of due) this.#deliver(from, to, payload);
  }

  #deliver(from: string, to: string, payload: Uint8Array): void {
    const node = this.nodes.find((candidate) => candidate.owns(to));
    if (node?.isCutOff) return;
    if (node) return this.#deliverToNode(node, from, to, payload);
    const { port } = addressOf(to);
    if (port !== 3478 && !this.#openPorts.has(port)) return;
    const sink = {
      bytes: new Uint8Array(2_000),
      reserve: () => 0,
      commit: (
        length: number,
        _source: IpAddress | null,
        localPort: number,
        peer: SocketAddress,
      ) => this.#postFromRelay(localPort, peer, sink.bytes.slice(0, length)),
    };
    this.relay.handleDatagram(datagramOf(from, to, payload), this.now, sink);
  }

  #deliverToNode(
    node: SimulatedNode,
    from: string,
    to: string,
    payload: Uint8Array,
  ): void {
    if ((payload[0] ?? 0xff) <= 3) {
      const view = new StunView();
      assert.equal(view.attach(payload, 0, payload.length), true);
      node.allocation.handleDatagram(
        addressOf(from),
        addressOf(to),
        view,
        this.now,
      );
      return;
    }
    const channel = payload[0]! * 256 + payload[1]!;
    const peer = node.allocation.peerOf(channel, this.now);
    if (!peer) return;
    const text = new TextDecoder().decode(payload.slice(4));
    node.received.push(`${formatSocketAddress(peer)} ${text}`);
  }

  #drain(): void {
    for (const node of this.nodes) {
      const { allocation } = node;
      for (
        let t = allocation.pollTransmit();
        t;
        t = allocation.pollTransmit()
      ) {
        this.#postFromNode(node, t);
      }
      for (let e = allocation.pollEvent(); e; e = allocation.pollEvent()) {
        if (e.kind === "failed") node.failures++;
      }
    }
    for (let t = this.relay.pollTransmit(); t; t = this.relay.pollTransmit()) {
      this.#postFromRelay(t.localPort, t.destination, t.payload);
    }
    for (let e = this.relay.pollEvent(); e; e = this.relay.pollEvent()) {
      if (e.kind === "open-port") this.#openPorts.add(e.port);
      else this.#openPorts.delete(e.port);
    }
  }

  #postFromNode(node: SimulatedNode, { destination, payload }: Transmit): void {
    const from = destination.ip.family === 4 ? node.address4 : node.address6;
    if (node.isCutOff) return;
    this.#post(from, formatSocketAddress(destination), payload);
  }

  #postFromRelay(
    localPort: number,
    to: SocketAddress,
    payload: Uint8Array,
  ): void {
    const port = localPort === 0 ? 3478 : localPort;
    const ip = ipOf(to.ip.family === 4 ? RELAY4 : RELAY6);
    this.#post(
      formatSocketAddress({ ip, port }),
      formatSocketAddress(to),
      payload,
    );
  }

  #post(from: string, to: string, payload: Uint8Array): void {
    if (randomUnit(this.#random) < this.#links.loss) return;
    const at = this.#now + 1 +
      Math.floor(randomUnit(this.#random) * this.#links.delayMs);
    this.#inFlight.push({ at, from, to, payload });
  }
}

import type { ResetVerdict } from "../../lib/connection/mod.ts";
import {
  type Datagram,
  type DatagramSink,
  type Ecn,
  type Instant,
  NEVER,
  type PacketSink,
  type Transmit,
} from "../../lib/base/mod.ts";
import type {
  ConnectionSnapshot,
  NodeEvent,
  NodeSnapshot,
  RelayReadiness,
  SendVerdict,
} from "../../lib/connection/mod.ts";
import type { GatewayNode } from "../../lib/gateway/mod.ts";

/** A packet that the gateway handed to the node. */
export interface SentPacket {
  readonly peer: string;
  readonly packet: Uint8Array;
  readonly ecn: Ecn;
}

/** What is called on a node other than for packets, as text. */
export type NodeCall = string;

/** Stands in for `Node`: delivers what the test says and records what it is asked for. */
export class FakeGatewayNode implements GatewayNode {
  readonly received = { peer: "", start: 0, end: 0, ecn: 0 as Ecn };
  /** Calls in order, such as `close c1 goodbye`. */
  readonly calls: NodeCall[] = [];
  /** The peers of `upsertConnection`. */
  readonly peers: Parameters<GatewayNode["upsertConnection"]>[0][] = [];
  readonly sent: SentPacket[] = [];
  /** In-tunnel messages that the gateway handed to the node. */
  readonly controls: { readonly peer: string; readonly packet: Uint8Array }[] =
    [];
  /** Whether a connection can be made. */
  relayReadiness: RelayReadiness = "usable";
  /** What the next calls of `upsertConnection` return. */
  upsertOutcome: ReturnType<GatewayNode["upsertConnection"]> = "created";
  /** What the next calls of `sendPacket` return. */
  sendVerdict: SendVerdict = "sent";
  /** Candidates that each upsert makes the node signal. */
  localCandidates: readonly string[] = [];
  /** When the node wants to be called. */
  dueAt: Instant = NEVER;
  readonly #events: NodeEvent[] = [];
  #incoming: { peer: string; packet: Uint8Array; ecn: Ecn } | undefined;

  /** Makes the next datagram decrypt to `packet` of `peer`. */
  deliver(peer: string, packet: Uint8Array, ecn: Ecn = 0): void {
    this.#incoming = { peer, packet, ecn };
  }

  /** Makes `pollEvent` return `event`. */
  announce(event: NodeEvent): void {
    this.#events.push(event);
  }

  /** The static public key; `reset` puts the private one in its place. */
  publicKey: Uint8Array = new Uint8Array(32);

  reset(staticPrivateKey: Uint8Array): ResetVerdict {
    this.publicKey = staticPrivateKey;
    this.calls.push("reset");
    return "connections-dropped";
  }

  verifyRelays(): void {
    this.calls.push("verify relays");
  }

  updateRelays(
    { removed, upserted }: Parameters<GatewayNode["updateRelays"]>[0],
  ): void {
    const ids = upserted.map(({ id }) => id).join(",");
    this.calls.push(`relays -${removed.join(",")} +${ids}`);
  }

  upsertConnection(
    peer: Parameters<GatewayNode["upsertConnection"]>[0],
  ): ReturnType<GatewayNode["upsertConnection"]> {
    this.peers.push(peer);
    this.calls.push(`upsert ${peer.id}`);
    if (this.localCandidates.length > 0) {
      this.announce({
        kind: "candidates",
        peer: peer.id,
        added: this.localCandidates,
        removed: [],
      });
    }
    return this.upsertOutcome;
  }

  closeConnection(id: string, { goodbye }: { goodbye: boolean }): void {
    this.calls.push(`close ${id}${goodbye ? " goodbye" : ""}`);
  }

  addRemoteCandidate(id: string, line: string): void {
    this.calls.push(`add ${id} ${line}`);
  }

  removeRemoteCandidate(id: string, line: string): void {
    this.calls.push(`remove ${id} ${line}`);
  }

  handleDatagram(
    _datagram: Datagram,
    _now: Instant,
    packets: PacketSink,
  ): ReturnType<GatewayNode["handleDatagram"]> {
    const incoming = this.#incoming;
    if (incoming === undefined) return "consumed";
    const start = packets.reserve();
    packets.bytes.set(incoming.packet, start);
    this.received.peer = incoming.peer;
    this.received.start = start;
    this.received.end = start + incoming.packet.length;
    this.received.ecn = incoming.ecn;
    return "packet";
  }

  sendPacket(
    id: string,
    start: number,
    end: number,
    _now: Instant,
    out: DatagramSink,
    ecn: Ecn,
  ): SendVerdict {
    if (this.sendVerdict === "sent") {
      this.sent.push({ peer: id, packet: out.bytes.slice(start, end), ecn });
    }
    return this.sendVerdict;
  }

  sendControl(peer: string, packet: Uint8Array): void {
    this.controls.push({ peer, packet });
  }

  stop(): void {
    this.calls.push("stop");
  }

  handleTimeout(now: Instant): void {
    this.calls.push(`timeout ${now}`);
  }

  pollTimeout(): Instant {
    return this.dueAt;
  }

  /** What `lastActivityOf` returns for each peer. */
  readonly activity = new Map<string, Instant>();

  lastActivityOf(peer: string): Instant | undefined {
    return this.activity.get(peer);
  }

  /** What `describeConnections` returns. */
  connections: readonly ConnectionSnapshot[] = [];

  describeConnections(): ConnectionSnapshot[] {
    return [...this.connections];
  }

  snapshot(): NodeSnapshot {
    return {
      connections: this.peers.length,
      routes: {
        PeerToPeer: 0,
        PeerToRelay: 0,
        RelayToPeer: 0,
        RelayToRelay: 0,
      },
      relays: [],
      traffic: {
        packetsReceived: 0,
        bytesReceived: 0,
        packetsSent: 0,
        bytesSent: 0,
      },
      handshakes: { bounds: [], counts: [0], sum: 0 },
      datagrams: {} as NodeSnapshot["datagrams"],
      inputs: {} as NodeSnapshot["inputs"],
    };
  }

  pollTransmit(): Transmit | undefined {
    return undefined;
  }

  pollEvent(): NodeEvent | undefined {
    return this.#events.shift();
  }
}

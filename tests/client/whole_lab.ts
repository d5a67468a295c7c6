import {
  Arena,
  type DatagramSink,
  type Instant,
  type IpAddress,
  NO_LOG,
  type PacketSink,
  parseIp,
  toBase64,
  type Transmit,
  unixMs,
} from "../../lib/base/mod.ts";
import { Client, type ClientEvent } from "../../lib/client/mod.ts";
import { Control } from "../../lib/control/mod.ts";
import { Node } from "../../lib/connection/mod.ts";
import { PacketCipher, x25519PublicKey } from "../../lib/crypto/mod.ts";
import { Gateway, type GatewayEvent } from "../../lib/gateway/mod.ts";
import {
  encodeClientRequest,
  encodeGatewayRequest,
  parseClientMessage,
  parseGatewayMessage,
} from "../../lib/portal/mod.ts";
import { policyOf } from "../control/lab.ts";
import { receivedDatagram } from "../sim/received_datagram.ts";
import { SimRelay } from "../sim/sim_relay.ts";
import { SimDatagramSink, SimPacketSink } from "../sim/sim_sink.ts";
import { type SimDatagram, type SimHost, World } from "../sim/world.ts";

const PORTAL_DELAY_MS = 20;
const NODE_PORT = 52_625;
const EPOCH_UNIX = unixMs(1_787_011_200_000);
const RELAY_STAMP_SECRET = "5eed".repeat(16);

type Role = "client" | "gateway";

type ClientInput = Parameters<Client["handleMessage"]>[0];
type GatewayInput = Parameters<Gateway["handleMessage"]>[0];

/** What gateway or client can be told. */
export type HostInput = ClientInput | GatewayInput;

/** What gateway and client have in common. */
interface RoleCore {
  handleDatagram(
    datagram: ReturnType<typeof receivedDatagram>,
    now: Instant,
    packets: PacketSink,
    datagrams: DatagramSink,
  ): void;
  handlePacket(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
    datagrams: DatagramSink,
    packets: PacketSink,
  ): void;
  handleTimeout(now: Instant): void;
  pollTimeout(): Instant;
  pollTransmit(): Transmit | undefined;
  pollEvent(): ClientEvent | GatewayEvent | undefined;
  stop(now: Instant): void;
}

/** A gateway or client as the portal and the network see it. */
export class RoleHost implements SimHost {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
  readonly role: Role;
  readonly core: RoleCore;
  /** Public key as a login parameter. */
  readonly publicKey: string;
  /** Packets that reached the TUN device. */
  readonly delivered: Uint8Array[] = [];
  /** Events other than requests to the portal. */
  readonly events: (ClientEvent | GatewayEvent)[] = [];
  /** Tells the core something that does not come from the portal. */
  readonly tell: (input: HostInput, now: Instant) => void;
  /** Takes an event, and says whether it is dealt with. */
  takeEvent: (event: ClientEvent | GatewayEvent) => boolean = () => false;
  /** Takes an event for the portal. */
  toPortal: (event: string, payload: unknown) => void = () => {};
  /** Takes an event of the portal. */
  readonly fromPortal: (event: string, payload: unknown, now: Instant) => void;
  readonly #arena = new Arena(131_072);
  readonly #receiveAt = this.#arena.allocate(2_048);
  readonly #packetAt = this.#arena.allocate(2_048);
  readonly #outbox: SimDatagram[] = [];
  readonly #packets = new SimPacketSink(
    this.#arena.bytes,
    this.#arena.allocate(2_048),
    (packet) => this.delivered.push(packet),
  );
  readonly #datagrams = new SimDatagramSink(
    this.#arena.bytes,
    this.#arena.allocate(2_048),
    ({ source, destination, payload }) =>
      this.#queue({ source, localPort: 0, destination, payload }),
  );

  constructor(role: Role, name: string, address: string, world: World) {
    this.role = role;
    this.name = name;
    this.addresses = [parseIp(address)!];
    const staticPrivateKey = new Uint8Array(32);
    world.random.fill(staticPrivateKey);
    this.publicKey = toBase64(x25519PublicKey(staticPrivateKey));
    const arena = this.#arena;
    const epoch = { instant: world.now, unix: EPOCH_UNIX };
    const log = NO_LOG;
    const node = new Node({
      role: role === "client" ? "controlling" : "controlled",
      staticPrivateKey,
      epoch,
      now: world.now,
      random: world.random,
      cipher: new PacketCipher(arena),
      log,
    });
    if (role === "client") {
      const client = new Client({ node, arena, usesInternet: true, log });
      this.core = client;
      this.tell = (input, now) =>
        client.handleMessage(input as ClientInput, now);
      this.fromPortal = (event, payload, now) => {
        const message = parseClientMessage(event, payload);
        if (message.ok) client.handleMessage(message.value, now);
      };
    } else {
      const gateway = new Gateway({
        node,
        arena,
        epoch,
        random: world.random,
        log,
      });
      this.core = gateway;
      this.tell = (input, now) =>
        gateway.handleMessage(input as GatewayInput, now);
      this.fromPortal = (event, payload, now) => {
        const message = parseGatewayMessage(event, payload);
        if (message.ok) gateway.handleMessage(message.value, now);
      };
    }
  }

  /** Hands a packet over as the TUN device would. */
  send(packet: Uint8Array, now: Instant): void {
    this.#arena.bytes.set(packet, this.#packetAt);
    const end = this.#packetAt + packet.length;
    this.core.handlePacket(
      this.#arena.bytes,
      this.#packetAt,
      end,
      now,
      this.#datagrams,
      this.#packets,
    );
  }

  handleDatagram(datagram: SimDatagram, now: Instant): void {
    const { bytes } = this.#arena;
    const received = receivedDatagram(datagram, bytes, this.#receiveAt);
    this.core.handleDatagram(
      received,
      now,
      this.#packets,
      this.#datagrams,
    );
  }

  handleTimeout(now: Instant): void {
    this.core.handleTimeout(now);
  }

  pollTimeout(): Instant {
    return this.core.pollTimeout();
  }

  pollDatagram(): SimDatagram | undefined {
    for (let e = this.core.pollEvent(); e; e = this.core.pollEvent()) {
      this.#publish(e);
    }
    for (let t = this.core.pollTransmit(); t; t = this.core.pollTransmit()) {
      this.#queue(t);
    }
    return this.#outbox.shift();
  }

  #publish(event: ClientEvent | GatewayEvent): void {
    if (event.kind !== "portal-request") {
      if (!this.takeEvent(event)) this.events.push(event);
      return;
    }
    const { request } = event;
    const outgoing = this.role === "client"
      ? encodeClientRequest(
        request as Parameters<typeof encodeClientRequest>[0],
      )
      : encodeGatewayRequest(
        request as Parameters<typeof encodeGatewayRequest>[0],
      );
    this.toPortal(outgoing.event, outgoing.payload);
  }

  #queue({ source, destination, payload }: Transmit): void {
    const ip = source ?? this.addresses[0]!;
    if (ip.family !== destination.ip.family) return;
    this.#outbox.push({
      source: { ip, port: NODE_PORT },
      destination,
      payload,
      ecn: 0,
      isPinned: source !== null,
    });
  }
}

/** Portal, one relay, gateways and clients, all of them this project's own cores, on a virtual network. */
export class WholeLab {
  readonly world: World;
  readonly control: Control;
  readonly relay: SimRelay;
  readonly #hosts = new Map<number, RoleHost>();
  #nextSocket = 0;
  #nextRef = 0;

  constructor(file: unknown, seed = 1) {
    const world = new World({ seed });
    this.world = world;
    this.control = new Control({
      policy: policyOf(file),
      epoch: { instant: world.now, unix: EPOCH_UNIX },
      random: world.random,
      log: NO_LOG,
    });
    const addresses = [parseIp("203.0.113.100")!];
    const { random, now } = world;
    this.relay = world.add(
      new SimRelay({ name: "relay", addresses, random, now }),
    );
    const socket = this.#connect(
      "/relay/websocket",
      { ipv4: "203.0.113.100", port: "3478" },
      ".relay-1",
    );
    this.#toControl(socket, "relay", "phx_join", {
      stamp_secret: RELAY_STAMP_SECRET,
    });
  }

  /** Adds a gateway or client on this address, which logs in with this token. */
  add(role: Role, token: string, address: string): RoleHost {
    const name = `${role} ${address}`;
    const host = this.world.add(new RoleHost(role, name, address, this.world));
    const socket = this.#connect(`/${role}/v2/websocket`, {
      external_id: name,
      public_key: host.publicKey,
    }, token);
    this.#hosts.set(socket, host);
    host.toPortal = (event, payload) =>
      this.world.schedule(
        PORTAL_DELAY_MS,
        () => this.#toControl(socket, role, event, payload),
      );
    this.#toControl(socket, role, "phx_join", null);
    return host;
  }

  /** Ends a host's socket to the portal. */
  disconnect(host: RoleHost): void {
    for (const [socket, other] of this.#hosts) {
      if (other === host) this.control.handleClosed(socket, this.world.now);
    }
  }

  /** Puts an edited policy in force. */
  reload(file: unknown): void {
    this.control.handlePolicy(policyOf(file), this.world.now);
    this.#drain();
  }

  #connect(
    path: string,
    query: Record<string, string>,
    token: string,
  ): number {
    const socket = this.#nextSocket++;
    const answer = this.control.handleConnect(socket, {
      path,
      query: new URLSearchParams(query),
      headers: {
        "x-authorization": `Bearer ${token}`,
        "user-agent": "Lab/1 gateway/1.6.0 headless-client/1.6.0",
      },
      remoteIp: parseIp("203.0.113.1")!,
    }, this.world.now);
    if (answer.kind !== "accept") throw new Error(JSON.stringify(answer));
    return socket;
  }

  #toControl(
    socket: number,
    topic: string,
    event: string,
    payload: unknown,
  ): void {
    const frame = { topic, event, payload, ref: this.#nextRef++ };
    this.control.handleText(socket, JSON.stringify(frame), this.world.now);
    this.#drain();
  }

  #drain(): void {
    for (let o = this.control.pollOutput(); o; o = this.control.pollOutput()) {
      const host = this.#hosts.get(o.socket);
      if (o.kind !== "text" || !host) continue;
      const { event, payload } = JSON.parse(o.text);
      if (event === "phx_reply") continue;
      this.world.schedule(PORTAL_DELAY_MS, () => {
        host.fromPortal(event, payload, this.world.now);
      });
    }
  }
}

/** Returns the path of each established connection of a host. */
export function pathsOf(host: RoleHost): string[] {
  return host.events.flatMap((event) =>
    event.kind === "connection-established" ? [event.path] : []
  );
}

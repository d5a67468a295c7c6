import { utf8 } from "../../lib/base/mod.ts";
import type {
  NodeEvent,
  PeerConfig,
  UpsertVerdict,
} from "../../lib/connection/mod.ts";
import { base32LowerNoPad, sha256 } from "../../lib/crypto/mod.ts";
import type { SimNode } from "./sim_node.ts";
import type { SimRelay } from "./sim_relay.ts";
import type { World } from "./world.ts";

/** How long a message takes from one node through the portal to another. */
const PORTAL_DELAY_MS = 50;

/** Introduces nodes to each other and to relays, and carries candidate lines between them. */
export class SimPortal {
  /** While down, nothing is carried. */
  isDown = false;
  /** Whether connections that are authorized from here on do without ICE. */
  useIceless = false;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Tells a node which relays there are. */
  announceRelays(node: SimNode, relays: readonly SimRelay[]): void {
    const upserted = relays.map((relay) => relay.configFor(node.name));
    node.node.updateRelays({ removed: [], upserted }, this.#world.now);
  }

  /** Authorizes a client at a gateway: the gateway first, then the client. Returns what each made of it. */
  authorize(
    client: SimNode,
    gateway: SimNode,
    salt = "",
  ): { gateway: UpsertVerdict; client: UpsertVerdict } {
    this.#carry(client, gateway);
    this.#carry(gateway, client);
    const { now } = this.#world;
    const { useIceless } = this;
    const forGateway = peerConfig(client, gateway, "receiver", salt);
    const atGateway = gateway.node.upsertConnection(
      { ...forGateway, useIceless },
      now,
    );
    const forClient = peerConfig(client, gateway, "initiator", salt);
    const atClient = client.node.upsertConnection(
      { ...forClient, useIceless },
      now,
    );
    return { gateway: atGateway, client: atClient };
  }

  #carry(from: SimNode, to: SimNode): void {
    const next = from.onEvent;
    from.onEvent = (event) => {
      next(event);
      if (event.kind === "candidates" && event.peer === to.name) {
        this.#deliver(from, to, event);
      }
    };
  }

  #deliver(
    from: SimNode,
    to: SimNode,
    { added, removed }: NodeEvent & { kind: "candidates" },
  ): void {
    if (this.isDown) return;
    this.#world.schedule(PORTAL_DELAY_MS, () => {
      const { now } = this.#world;
      for (const line of added) {
        to.node.addRemoteCandidate(from.name, line, now);
      }
      for (const line of removed) {
        to.node.removeRemoteCandidate(from.name, line, now);
      }
    });
  }
}

/** Makes what the portal tells one of two nodes about the other, p2p spec §1.3. */
export function peerConfig(
  client: SimNode,
  gateway: SimNode,
  side: "initiator" | "receiver",
  salt = "",
): PeerConfig {
  const seed = utf8(`${client.name}:${gateway.name}:${salt}`);
  const text = base32LowerNoPad(sha256(seed));
  const initiator = {
    username: text.slice(0, 4),
    password: text.slice(4, 26),
  };
  const receiver = {
    username: text.slice(26, 30),
    password: text.slice(30, 52),
  };
  const isInitiator = side === "initiator";
  const peer = isInitiator ? gateway : client;
  return {
    id: peer.name,
    publicKey: peer.node.publicKey,
    presharedKey: sha256(utf8(`psk:${client.name}:${gateway.name}:${salt}`)),
    localCredentials: isInitiator ? initiator : receiver,
    remoteCredentials: isInitiator ? receiver : initiator,
    useIceless: false,
  };
}

import assert from "node:assert/strict";
import {
  type Datagram,
  type DatagramSink,
  equalSocketAddresses,
  type PacketSink,
  type SocketAddress,
} from "../../lib/base/mod.ts";
import type { SimNode } from "../sim/sim_node.ts";
import { Site } from "../sim/site.ts";
import { CUT_LINK, hasAddress, type SimDatagram } from "../sim/world.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { packetNumber } from "./support.ts";

for (const useIceless of [false, true]) {
  const mode = useIceless ? "without ICE" : "with ICE";

  Deno.test(`${mode}, sending and receiving a packet over a direct path allocates less than a byte`, () => {
    const site = new Site({ useIceless });
    site.connect();
    site.world.advance(1_000);
    assert.equal(site.client.node.snapshot().routes.PeerToPeer, 1);

    const bytes = heapBytesPerCall(flow(site));

    assert.ok(bytes < 1, `${bytes} bytes per packet`);
  });

  Deno.test(`${mode}, sending and receiving a packet as ChannelData allocates less than a byte`, () => {
    const site = new Site({ relays: 2, seed: 6, useIceless });
    const { world, portal, client, gateway, relays: [relayA, relayB] } = site;
    assert.ok(relayA && relayB);
    world.setLink(client, gateway, CUT_LINK);
    world.setLink(client, relayB, CUT_LINK);
    world.setLink(gateway, relayA, CUT_LINK);
    portal.announceRelays(client, [relayA]);
    portal.announceRelays(gateway, [relayB]);
    world.advance(1_000);
    portal.authorize(client, gateway);
    world.advance(3_000);
    assert.equal(client.node.snapshot().routes.RelayToRelay, 1);

    const bytes = heapBytesPerCall(flow(site));

    assert.ok(bytes < 1, `${bytes} bytes per packet`);
  });
}

/** Returns an action that brings one packet from the client to the gateway, as a shell would. Polling comes once per batch and is not part of it. */
function flow(site: Site): () => void {
  const { client, gateway, world } = site;
  const sample = sampleOf(site);
  const packet = packetNumber(1);
  const packetAt = client.arena.allocate(2048);
  const packetEnd = packetAt + packet.length;
  client.arena.bytes.set(packet, packetAt);
  const sink = new MeasuredSink(client);
  const datagram = new ReusedDatagram(gateway, sample.source);
  const inner: PacketSink = {
    bytes: gateway.arena.bytes,
    reserve: constant(gateway.arena.allocate(2048)),
    commit: () => {},
  };
  const { now } = world;
  return () => {
    const sent = client.node.sendPacket(
      "gateway",
      packetAt,
      packetEnd,
      now,
      sink,
      2,
    );
    datagram.take(sink, sample.payload);
    const received = gateway.node.handleDatagram(datagram, now, inner);
    if (sent !== "sent" || received !== "packet") {
      throw new Error(`${sent}, ${received}`);
    }
  };
}

/** Returns a data message as the gateway gets it. */
function sampleOf({ world, client, gateway }: Site): SimDatagram {
  let sample: SimDatagram | undefined;
  world.dropIf = (datagram) => {
    const { destination, payload } = datagram;
    const at = payload[0] === 0x40 ? 4 : 0;
    if (hasAddress(gateway, destination.ip) && payload[at] === 4) {
      sample = datagram;
    }
    return false;
  };
  client.send("gateway", packetNumber(1), world.now);
  world.advance(200);
  if (!sample) throw new Error("Nothing arrived");
  return sample;
}

function constant(value: number): () => number {
  return () => value;
}

/** Remembers where the last datagram lies. */
class MeasuredSink implements DatagramSink {
  readonly bytes: Uint8Array;
  readonly at: number;
  length = 0;

  constructor({ arena }: SimNode) {
    this.bytes = arena.bytes;
    this.at = arena.allocate(2048);
  }

  reserve(): number {
    return this.at;
  }

  commit(length: number): void {
    this.length = length;
  }
}

/** One datagram object for all datagrams. */
class ReusedDatagram implements Datagram {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly sourcePort: number;
  readonly localPort = 52_625;
  readonly ecn = 2;
  end = 0;
  readonly #source: SocketAddress;

  constructor({ arena }: SimNode, source: SocketAddress) {
    this.bytes = arena.bytes;
    this.start = arena.allocate(2048);
    this.sourcePort = source.port;
    this.#source = source;
  }

  /** Copies what was sent, with the framing of `sample`: a relay changes the channel number. */
  take({ bytes, at, length }: MeasuredSink, sample: Uint8Array): void {
    for (let i = 0; i < length; i++) {
      this.bytes[this.start + i] = bytes[at + i]!;
    }
    if (sample[0] === 0x40) {
      this.bytes[this.start] = sample[0];
      this.bytes[this.start + 1] = sample[1]!;
    }
    this.end = this.start + length;
  }

  isFrom(address: SocketAddress): boolean {
    return equalSocketAddresses(this.#source, address);
  }

  isTo(): never {
    throw new Error("Not on the way of a data message");
  }

  copySourceIp(): never {
    throw new Error("Not on the way of a data message");
  }

  source(): never {
    throw new Error("Not on the way of a data message");
  }

  local(): never {
    throw new Error("Not on the way of a data message");
  }
}

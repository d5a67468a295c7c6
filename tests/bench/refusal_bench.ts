/**
 * What does a datagram cost a gateway that refuses it, once it is received?
 *
 * All of them are what strangers can send, most of it without knowing
 * anything. The gateway has one client, connected by ICE. A receiver that
 * spends 1 µs on each has spent a tenth of a core at 100 000 a second.
 *
 *     deno bench --allow-read --allow-env tests/bench/refusal_bench.ts
 */
import assert from "node:assert/strict";
import { connectedSite } from "../connection/support.ts";
import { receivedDatagram } from "../sim/received_datagram.ts";
import { peerConfig } from "../sim/sim_portal.ts";
import {
  forgedCheck,
  forgedData,
  forgedInitiation,
  misshapenInitiation,
  randomDatagram,
} from "../support/bad_datagrams.ts";
import { addressOf } from "../support/datagram.ts";

const site = connectedSite();
const { client, gateway, world } = site;
const { node, arena } = gateway;
const room = arena.allocate(2_048);
const packets = { bytes: arena.bytes, reserve: () => room, commit: () => {} };
const { localCredentials, remoteCredentials } = peerConfig(
  client,
  gateway,
  "receiver",
);
const username = `${localCredentials.username}:${remoteCredentials.username}`;
const { now } = world;

refuse("random bytes", "unknown-format", randomDatagram());
refuse("data, unknown index", "unknown-index", forgedData(0x0102_0304));
refuse("check, unknown user", "unknown-username", forgedCheck("abcd:efgh"));
refuse("check, wrong integrity", "wrong-integrity", forgedCheck(username));
refuse("initiation, wrong mac1", "wrong-mac1", misshapenInitiation());
const initiation = forgedInitiation(node.publicKey);
const overload = store(initiation);
for (let i = 0; i < 6_000; i++) node.handleDatagram(overload, now, packets);
refuse("initiation, right mac1", "too-many-cookies", initiation);

function refuse(name: string, verdict: string, payload: Uint8Array): void {
  assert.equal(receive(payload), verdict, name);
  const datagram = store(payload);
  const action = () => {
    node.handleDatagram(datagram, now, packets);
    node.pollTransmit();
  };
  Deno.bench(name, { group: "refused" }, action);
}

function receive(payload: Uint8Array): string {
  const verdict = node.handleDatagram(store(payload), now, packets);
  node.pollTransmit();
  return verdict;
}

function store(payload: Uint8Array) {
  const at = arena.allocate(256);
  return receivedDatagram(
    {
      source: addressOf("198.18.0.1:4000"),
      destination: addressOf("203.0.113.2:52625"),
      payload,
      ecn: 0,
      isPinned: false,
    },
    arena.bytes,
    at,
  );
}

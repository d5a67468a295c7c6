import assert from "node:assert/strict";
import type { SocketAddress } from "../../lib/base/mod.ts";
import { canExchange, connectedSite } from "../connection/support.ts";
import type { Site } from "../sim/site.ts";
import type { SimDatagram, SimHost } from "../sim/world.ts";
import { addressOf } from "../support/datagram.ts";
import { Tape } from "./choices.ts";
import type { FuzzTarget } from "./engine.ts";
import { Mutator } from "./mutator.ts";

/** Datagrams between two looks at the tables, and the virtual time that they take. */
const BATCH = 50;
const BATCH_MS = 20;

/** Time for retransmissions to mend what replays have upset. */
const RECOVERY_MS = 30_000;

/** What a host may send for each datagram that it receives, on average, beside what it sends anyway. */
const MOST_SENT_PER_RECEIVED = 3;
const MOST_SENT_ANYWAY = 500;

/** Bytes of a tape. A datagram takes about ten. */
const TAPE_BYTES = 6_000;

/** Channels that the two nodes of a site may have on its relay. */
const MOST_CHANNELS = 2 * 64;

type Counts = Readonly<Record<string, number>>;

/** Whom the datagrams hit. */
export type Victim = "gateway" | "client" | "relay";

/** Where strangers send from. The relay's own port is among them, a spoofed relay too. */
const STRANGERS: readonly SocketAddress[] = Array.from(
  { length: 200 },
  (_, i) =>
    i % 2 === 0
      ? addressOf(`198.51.100.${i}:${i % 3 === 0 ? 3478 : 1_000 + i}`)
      : addressOf(`[2001:db8:f::${i}]:${1_000 + i}`),
);

/** Connected nodes and their relay under random, mutated, truncated and replayed datagrams. */
export const SITE_TARGETS: readonly FuzzTarget[] = [
  siteTarget("gateway"),
  siteTarget("client"),
  siteTarget("relay"),
];

function siteTarget(victim: Victim): FuzzTarget {
  return {
    name: victim === "relay" ? "relay/server" : `connection/${victim}`,
    runs: 12,
    generate: (choices) => choices.bytes(choices.below(TAPE_BYTES)),
    check: (input) => {
      attack(victim, new Tape(input));
    },
  };
}

/**
 * Throws the datagrams of a tape at one host of a connected site.
 *
 * Fails if the connection breaks, if a table grows or if more is sent than
 * received. Returns what the host counted.
 */
export function attack(victim: Victim, tape: Tape): Counts {
  const site = connectedSite({ useIceless: tape.below(2) === 1 });
  const { world } = site;
  world.advance(5_000);
  assert.ok(canExchange(site), "There is no connection to break");
  const host = hostOf(site, victim);
  const genuine = world.sent.filter(({ destination }) =>
    hasIp(host, destination)
  );
  const mutator = new Mutator(tape, genuine.map(({ payload }) => payload));
  const kinds = [...Map.groupBy(genuine, kindOf).values()];

  let received = 0;
  let sent = 0;
  while (!tape.isAtEnd) {
    host.handleDatagram(nextDatagram(tape, mutator, kinds), world.now);
    if (++received % BATCH !== 0) continue;
    world.sent.length = 0;
    world.advance(BATCH_MS);
    sent += world.sent.filter(({ source }) => hasIp(host, source)).length;
    checkTables(site, victim);
  }

  const allowed = MOST_SENT_PER_RECEIVED * received + MOST_SENT_ANYWAY;
  assert.ok(sent < allowed, `${sent} sent for ${received}`);
  world.advance(RECOVERY_MS);
  assert.ok(canExchange(site), "The connection is broken");
  return checkTables(site, victim);
}

function nextDatagram(
  tape: Tape,
  mutator: Mutator,
  kinds: readonly (readonly SimDatagram[])[],
): SimDatagram {
  const { source, destination, payload } = tape.pick(tape.pick(kinds));
  const stranger = tape.pick(STRANGERS);
  const isStranger = tape.below(4) === 0 &&
    stranger.ip.family === destination.ip.family;
  return {
    source: isStranger ? stranger : source,
    destination,
    payload: mutator.next(payload),
    ecn: tape.pick([0, 0, 1, 2, 3]),
    isPinned: false,
  };
}

function checkTables(site: Site, victim: Victim): Counts {
  const relay = site.relays[0]!.server.snapshot();
  assert.ok(relay.channels <= MOST_CHANNELS, `${relay.channels} channels`);
  if (victim === "relay") {
    const { allocations, clients, counters } = relay;
    assert.equal(allocations, 2);
    assert.ok(clients <= STRANGERS.length + 2, `${clients} clients`);
    return counters;
  }
  const { connections, relays, datagrams } = site[victim].node.snapshot();
  assert.equal(connections, 1);
  assert.equal(relays.length, 1);
  return datagrams;
}

function hostOf(site: Site, victim: Victim): SimHost {
  return victim === "relay" ? site.relays[0]! : site[victim];
}

function hasIp(host: SimHost, { ip }: SocketAddress): boolean {
  return host.addresses.some(({ bytes }) => bytes.join() === ip.bytes.join());
}

/** Kinds are equally likely, however many of each there were: by first bytes, and by what a channel carries. */
function kindOf({ payload, destination }: SimDatagram): string {
  const head = payload[0]! >>> 4 === 4
    ? ["channel", ...payload.slice(4, 6)]
    : [...payload.slice(0, 2)];
  return `${head.join()} to ${destination.port}`;
}

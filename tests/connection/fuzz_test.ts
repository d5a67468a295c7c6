import assert from "node:assert/strict";
import type { SocketAddress } from "../../lib/base/mod.ts";
import type { Site } from "../sim/site.ts";
import type { SimDatagram, SimHost } from "../sim/world.ts";
import { addressOf } from "../support/datagram.ts";
import { Mutator } from "../support/mutator.ts";
import { canExchange, connectedSite } from "./support.ts";

/*
 * Whole nodes and a whole relay under random, mutated, truncated and replayed
 * datagrams. To repeat a failure, put its seed here in place of `undefined`.
 */
const SEED_TO_REPEAT: number | undefined = undefined;

const DATAGRAMS = 12_000;

/** Datagrams between two looks at the tables, and the virtual time that they take. */
const BATCH = 50;
const BATCH_MS = 20;

/** Time for retransmissions to mend what replays have upset. */
const RECOVERY_MS = 30_000;

/** Different counters that must have moved, or the datagrams did not get deep enough. */
const LEAST_OUTCOMES = 9;

/** What a host may have sent for each datagram that it received, on average. */
const MOST_SENT_PER_RECEIVED = 3;

Deno.test("datagrams of any kind neither break nor fill a gateway", () => {
  fuzz(({ gateway }) => gateway, ({ gateway, relays: [relay] }) => {
    const { connections, relays, datagrams } = gateway.node.snapshot();
    assert.equal(connections, 1);
    assert.equal(relays.length, 1);
    assert.ok(relay!.server.snapshot().channels <= 2 * 64);
    return datagrams;
  });
});

Deno.test("datagrams of any kind neither break nor fill a client", () => {
  fuzz(({ client }) => client, ({ client, relays: [relay] }) => {
    const { connections, datagrams } = client.node.snapshot();
    assert.equal(connections, 1);
    assert.ok(relay!.server.snapshot().channels <= 2 * 64);
    return datagrams;
  });
});

Deno.test("datagrams of any kind neither break nor fill a relay", () => {
  fuzz(({ relays: [relay] }) => relay!, ({ relays: [relay] }) => {
    const { allocations, channels, clients, counters } = relay!.server
      .snapshot();
    assert.equal(allocations, 2);
    assert.ok(channels <= 2 * 64, `${channels} channels`);
    assert.ok(clients <= SOURCES.length + 2, `${clients} clients`);
    return counters;
  });
});

/** Where strangers send from. The relay's own port is among them, a spoofed relay too. */
const SOURCES: readonly SocketAddress[] = Array.from(
  { length: 200 },
  (_, i) =>
    i % 2 === 0
      ? addressOf(`198.51.100.${i}:${i % 3 === 0 ? 3478 : 1_000 + i}`)
      : addressOf(`[2001:db8:f::${i}]:${1_000 + i}`),
);

function fuzz(
  targetOf: (site: Site) => SimHost,
  check: (site: Site) => Readonly<Record<string, number>>,
): void {
  const seed = SEED_TO_REPEAT ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  console.log(`Fuzz seed: ${seed}`);
  const site = connectedSite();
  const { world } = site;
  world.advance(5_000);
  assert.ok(canExchange(site));
  const target = targetOf(site);
  const genuine = world.sent.filter(({ destination }) =>
    target.addresses.some((ip) =>
      ip.bytes.join() === destination.ip.bytes.join()
    )
  );
  const payloads = genuine.map(({ payload }) => payload);
  const mutator = new Mutator(seed, payloads);
  const kinds = [...Map.groupBy(genuine, kindOf).values()];

  let sent = 0;
  for (let i = 0; i < DATAGRAMS; i++) {
    const { source, destination, payload } = mutator.pick(mutator.pick(kinds));
    const stranger = mutator.pick(SOURCES);
    const isStranger = mutator.below(4) === 0 &&
      stranger.ip.family === destination.ip.family;
    target.handleDatagram({
      source: isStranger ? stranger : source,
      destination,
      payload: mutator.next(payload),
      ecn: 0,
      isPinned: false,
    }, world.now);
    if (i % BATCH !== 0) continue;
    sent += sentBy(site, target);
    world.sent.length = 0;
    world.advance(BATCH_MS);
    check(site);
  }

  assert.ok(sent < MOST_SENT_PER_RECEIVED * DATAGRAMS, `${sent} sent`);
  world.advance(RECOVERY_MS);
  assert.ok(canExchange(site), "The connection is broken");
  const outcomes = Object.values(check(site)).filter((count) => count > 0);
  assert.ok(outcomes.length >= LEAST_OUTCOMES, `${outcomes.length} outcomes`);
}

/** Kinds are equally likely, however many of each there were: by first bytes, and by what a channel carries. */
function kindOf({ payload, destination }: SimDatagram): string {
  const head = payload[0]! >>> 4 === 4
    ? ["channel", ...payload.slice(4, 6)]
    : [...payload.slice(0, 2)];
  return `${head.join()} to ${destination.port}`;
}

function sentBy({ world }: Site, host: SimHost): number {
  return world.sent.filter(({ source }) =>
    host.addresses.some((ip) => ip.bytes.join() === source.ip.bytes.join())
  ).length;
}

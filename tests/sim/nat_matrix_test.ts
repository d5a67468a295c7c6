import assert from "node:assert/strict";
import fc from "fast-check";
import type { IpFamily } from "../../lib/base/mod.ts";
import { canExchange } from "../connection/support.ts";
import {
  ADDRESS_RESTRICTED,
  type Dependence,
  FULL_CONE,
  type NatBehaviour,
  PORT_RESTRICTED,
  SYMMETRIC,
} from "./nat.ts";
import {
  findsDirectPath,
  findsDirectPathByProbes,
  type Place,
} from "./nat_theory.ts";
import { SimRelay } from "./sim_relay.ts";
import { ip, isEstablished, Site, type SiteOptions } from "./site.ts";
import { CUT_LINK } from "./world.ts";

/** How connections are made. */
const MODES: readonly {
  readonly name: string;
  readonly useIceless: boolean;
}[] = [
  { name: "ICE", useIceless: false },
  { name: "ICE-less", useIceless: true },
];

const PLACES: Readonly<Record<string, Place>> = {
  "no NAT": undefined,
  "full cone": FULL_CONE,
  "address-restricted": ADDRESS_RESTRICTED,
  "port-restricted": PORT_RESTRICTED,
  "symmetric": SYMMETRIC,
};

const FAMILIES: Readonly<Record<string, readonly IpFamily[]>> = {
  "IPv4": [4],
  "IPv6": [6],
  "dual-stack": [4, 6],
};

/** How long until both ends are established, in ms. Links take 10 ms, the portal 50. */
const ESTABLISHED_MS = 2_000;

/** How long checks go on before the path is taken to be final, in ms. */
const SETTLED_MS = 5_000;

/** Written out, to hold the theory to what is well known: which pairs meet directly over IPv4. */
const DIRECT_IPV4: Readonly<Record<string, readonly boolean[]>> = {
  "no NAT": [true, true, true, true, true],
  "full cone": [true, true, true, true, true],
  "address-restricted": [true, true, true, true, true],
  "port-restricted": [true, true, true, true, false],
  "symmetric": [true, true, true, false, false],
};

Deno.test("the theory of direct paths agrees with what is well known", () => {
  for (const [name, expected] of Object.entries(DIRECT_IPV4)) {
    const found = Object.values(PLACES).map((other) =>
      findsDirectPath(PLACES[name], other)
    );
    assert.deepEqual(found, expected, name);
  }
});

for (const { name: mode, useIceless } of MODES) {
  for (const [familyName, families] of Object.entries(FAMILIES)) {
    Deno.test(`over ${familyName} by ${mode}, each pair of NATs has a path, direct exactly where theory says`, () => {
      for (const [clientName, clientNat] of Object.entries(PLACES)) {
        for (const [gatewayName, gatewayNat] of Object.entries(PLACES)) {
          for (const relays of [1, 2]) {
            assertPath(
              { clientNat, gatewayNat, families, relays, useIceless },
              families.includes(6) || findsDirectPath(clientNat, gatewayNat),
              `${clientName} / ${gatewayName}, ${relays} relays`,
            );
          }
        }
      }
    });
  }

  Deno.test(`any mapping and filtering behaviour leads to a path by ${mode}, direct exactly where theory says`, () => {
    fc.assert(
      fc.property(
        places(),
        places(),
        fc.nat(),
        (clientNat, gatewayNat, seed) => {
          assertPath(
            {
              clientNat,
              gatewayNat,
              families: [4],
              seed,
              relays: 2,
              useIceless,
            },
            useIceless
              ? findsDirectPathByProbes(clientNat, gatewayNat)
              : findsDirectPath(clientNat, gatewayNat),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  Deno.test(`an IPv6-only client meets an IPv4-only gateway over a relay of both families by ${mode}`, () => {
    const site = new Site({ families: [4], useIceless });
    const relay = site.addRelay("dual", 150, [4, 6]);
    const client = site.addNode("v6 only", "controlling", 3, { families: [6] });
    site.portal.announceRelays(client, [relay]);
    site.portal.announceRelays(site.gateway, [relay]);
    site.world.advance(1_000);

    site.portal.authorize(client, site.gateway);
    site.world.advance(ESTABLISHED_MS);

    assert.ok(isEstablished(client) && isEstablished(site.gateway));
    assert.equal(client.node.snapshot().routes.PeerToPeer, 0);
  });

  Deno.test(`two hosts behind one NAT meet directly by ${mode}: inside, or by its hairpin where they are isolated`, () => {
    const cases = [
      { isolatesHosts: false, hairpinning: false, isDirect: true },
      { isolatesHosts: true, hairpinning: true, isDirect: true },
      { isolatesHosts: true, hairpinning: false, isDirect: false },
    ];
    for (const { isolatesHosts, hairpinning, isDirect } of cases) {
      const site = new Site({ families: [4], useIceless });
      const nat = { ...PORT_RESTRICTED, hairpinning };
      const router = site.addRouter("office", 210, nat, { isolatesHosts });
      const client = site.addNode("client in", "controlling", 3, {
        behind: router,
      });
      const gateway = site.addNode("gateway in", "controlled", 4, {
        behind: router,
      });
      for (const node of [client, gateway]) {
        site.portal.announceRelays(node, site.relays);
      }
      site.world.advance(1_000);

      site.portal.authorize(client, gateway);
      site.world.advance(SETTLED_MS);

      assert.ok(isEstablished(client) && isEstablished(gateway));
      const { PeerToPeer } = client.node.snapshot().routes;
      const label = JSON.stringify({ isolatesHosts, hairpinning });
      assert.equal(PeerToPeer === 1, isDirect, label);
    }
  });

  Deno.test(`several clients behind one NAT reach the same gateway, each by a path of its own, by ${mode}`, () => {
    for (const nat of [PORT_RESTRICTED, SYMMETRIC]) {
      const site = new Site({
        families: [4],
        useIceless,
        gatewayNat: FULL_CONE,
      });
      const router = site.addRouter("café", 210, {
        ...nat,
        ports: "preserved",
      });
      const clients = [11, 12, 13].map((host) =>
        site.addNode(`client-${host}`, "controlling", host, { behind: router })
      );
      for (const node of [...clients, site.gateway]) {
        site.portal.announceRelays(node, site.relays);
      }
      site.world.advance(1_000);

      for (const client of clients) site.portal.authorize(client, site.gateway);
      site.world.advance(SETTLED_MS);

      assert.ok(clients.every(isEstablished));
      assert.equal(site.gateway.node.snapshot().routes.PeerToPeer, 3);
    }
  });

  Deno.test(`a path over a relay that sends from another address than it lends carries packets by ${mode}`, () => {
    const site = new Site({
      families: [4],
      relays: 0,
      useIceless,
      clientNat: FULL_CONE,
      gatewayNat: PORT_RESTRICTED,
    });
    const { random, now } = site.world;
    const egressIp = ip("203.0.113.151");
    const relay = site.world.add(
      new SimRelay({
        name: "relay",
        addresses: [ip("203.0.113.150"), egressIp],
        random,
        now,
        egressIp,
      }),
    );
    for (const node of [site.client, site.gateway]) {
      site.portal.announceRelays(node, [relay]);
    }
    site.world.advance(1_000);

    site.world.setLink(
      { name: "client's router" },
      { name: "gateway's router" },
      CUT_LINK,
    );
    site.portal.authorize(site.client, site.gateway);
    site.world.advance(ESTABLISHED_MS);

    assert.ok(isEstablished(site.client) && isEstablished(site.gateway));
    assert.ok(canExchange(site));
  });

  Deno.test(`a silent connection keeps the mappings of its NATs by ${mode}`, () => {
    const nat = { ...PORT_RESTRICTED, mappingMs: 30_000 };
    const site = new Site({
      families: [4],
      useIceless,
      clientNat: nat,
      gatewayNat: nat,
    });
    site.connect();
    site.world.advance(SETTLED_MS);

    site.world.advance(600_000);

    assert.equal(site.client.node.snapshot().routes.PeerToPeer, 1);
    assert.ok(canExchange(site));
    assert.equal(site.client.node.snapshot().routes.PeerToPeer, 1);
  });
}

function assertPath(options: SiteOptions, isDirect: boolean, label = ""): void {
  const site = new Site(options);
  const tookMs = site.connect(ESTABLISHED_MS);
  assert.ok(tookMs !== undefined, `${label}: not established`);
  site.world.advance(SETTLED_MS);

  const clientRoutes = site.client.node.snapshot().routes;
  const gatewayRoutes = site.gateway.node.snapshot().routes;

  assert.ok(canExchange(site), `${label}: packets do not pass`);
  assert.deepEqual(
    [clientRoutes.PeerToPeer === 1, gatewayRoutes.PeerToPeer === 1],
    [isDirect, isDirect],
    `${label}: ${JSON.stringify([clientRoutes, gatewayRoutes])}`,
  );
}

/** Any combination of behaviours, also those that nobody builds. */
function places(): fc.Arbitrary<Place> {
  const dependence = fc.constantFrom<Dependence>(
    "endpoint-independent",
    "address-dependent",
    "address-and-port-dependent",
  );
  const nats: fc.Arbitrary<NatBehaviour> = fc.record({
    mapping: dependence,
    filtering: dependence,
    ports: fc.constantFrom<"preserved" | "random">("preserved", "random"),
    hairpinning: fc.constant(false),
    mappingMs: fc.constant(120_000),
  });
  return fc.option(nats, { nil: undefined });
}

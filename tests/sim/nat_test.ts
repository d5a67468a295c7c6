import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatSocketAddress,
  instant,
  parseSocketAddress,
} from "../../lib/base/mod.ts";
import { SeededRandom } from "../support/random.ts";
import {
  ADDRESS_RESTRICTED,
  type Dependence,
  FULL_CONE,
  Nat,
  type NatBehaviour,
  PORT_RESTRICTED,
  SYMMETRIC,
} from "./nat.ts";
import { ip } from "./site.ts";
import type { SimDatagram } from "./world.ts";

const OUTSIDE = "203.0.113.7";
const INSIDE = "10.0.0.1:5000";
const PEER = "192.0.2.1:1000";
const SAME_HOST = "192.0.2.1:2000";
const OTHER_HOST = "192.0.2.2:1000";
const START = instant(1_000_000);

const NAMED: readonly (readonly [NatBehaviour, string, string[], boolean])[] = [
  [FULL_CONE, "full cone", [PEER, SAME_HOST, OTHER_HOST], true],
  [ADDRESS_RESTRICTED, "address-restricted", [PEER, SAME_HOST], true],
  [PORT_RESTRICTED, "port-restricted", [PEER], true],
  [SYMMETRIC, "symmetric", [PEER], false],
];

for (const [behaviour, name, admitted, isStable] of NAMED) {
  Deno.test(`${name} NAT lets in ${admitted.length} of peer, its host and a stranger, and maps ${isStable ? "once" : "anew for each peer"}`, () => {
    const lab = new NatLab(behaviour);

    const seen = lab.send(INSIDE, PEER);

    const sources = [PEER, SAME_HOST, OTHER_HOST];
    assert.deepEqual(
      sources.filter((source) => lab.receive(source, seen) === INSIDE),
      admitted,
    );
    assert.equal(lab.send(INSIDE, PEER), seen);
    assert.equal(lab.send(INSIDE, SAME_HOST) === seen, isStable);
    assert.equal(lab.send(INSIDE, OTHER_HOST) === seen, isStable);
  });
}

Deno.test("an address-dependent mapping is the same for all ports of a host", () => {
  const lab = new NatLab({ ...SYMMETRIC, mapping: "address-dependent" });

  const seen = lab.send(INSIDE, PEER);

  assert.equal(lab.send(INSIDE, SAME_HOST), seen);
  assert.notEqual(lab.send(INSIDE, OTHER_HOST), seen);
});

Deno.test("nothing enters where nothing has left", () => {
  const lab = new NatLab({ ...FULL_CONE, ports: "preserved" });

  assert.equal(lab.receive(PEER, `${OUTSIDE}:5000`), undefined);
  assert.equal(lab.receive(PEER, "[2001:db8::1]:5000"), undefined);
});

Deno.test("a preserved port is the inside one, for whichever host comes first", () => {
  const lab = new NatLab({ ...FULL_CONE, ports: "preserved" });

  assert.equal(lab.send(INSIDE, PEER), `${OUTSIDE}:5000`);
  const second = lab.send("10.0.0.2:5000", PEER);

  assert.notEqual(second, `${OUTSIDE}:5000`);
  assert.equal(lab.receive(PEER, second), "10.0.0.2:5000");
  assert.equal(lab.receive(PEER, `${OUTSIDE}:5000`), INSIDE);
});

Deno.test("a mapping lives as long as the inside uses it; the outside does not extend it", () => {
  const lab = new NatLab({ ...PORT_RESTRICTED, mappingMs: 30_000 });
  const seen = lab.send(INSIDE, PEER);

  lab.advance(29_999);
  assert.equal(lab.send(INSIDE, PEER), seen);
  lab.advance(29_999);
  assert.equal(lab.receive(PEER, seen), INSIDE);
  lab.advance(1);
  assert.equal(lab.receive(PEER, seen), undefined);
  assert.notEqual(lab.send(INSIDE, PEER), seen);
});

Deno.test("IPv6 is filtered, not translated", () => {
  for (const [behaviour, name, admitted] of NAMED) {
    const lab = new NatLab(behaviour);
    const toV6 = (text: string) => `[2001:db8::${text.replace(":", "]:")}`;
    const inside = toV6("1:5000");

    assert.equal(lab.send(inside, toV6("a:1000")), inside, name);

    const sources = ["a:1000", "a:2000", "b:1000"].map(toV6);
    assert.equal(
      sources.filter((source) => lab.receive(source, inside) === inside).length,
      admitted.length,
      name,
    );
  }
});

Deno.test("whatever is sent, no two mappings share an outside port, and answers come back to who sent", () => {
  const dependence = fc.constantFrom<Dependence>(
    "endpoint-independent",
    "address-dependent",
    "address-and-port-dependent",
  );
  const behaviours = fc.record({
    mapping: dependence,
    filtering: dependence,
    ports: fc.constantFrom<"preserved" | "random">("preserved", "random"),
  });
  const step = fc.record({
    host: fc.integer({ min: 1, max: 3 }),
    port: fc.constantFrom(5_000, 5_001),
    peer: fc.constantFrom(PEER, SAME_HOST, OTHER_HOST),
  });
  fc.assert(
    fc.property(
      behaviours,
      fc.array(step),
      fc.integer(),
      (edits, steps, seed) => {
        const lab = new NatLab({ ...FULL_CONE, ...edits }, seed);
        const insideOf = new Map<string, string>();
        for (const { host, port, peer } of steps) {
          const inside = `10.0.0.${host}:${port}`;
          const seen = lab.send(inside, peer);
          assert.equal(insideOf.get(seen) ?? inside, inside);
          insideOf.set(seen, inside);
          assert.equal(lab.receive(peer, seen), inside);
        }
      },
    ),
    { numRuns: 300 },
  );
});

/** A NAT, a clock, and addresses as text. */
class NatLab {
  readonly #nat: Nat;
  #now = START;

  constructor(behaviour: NatBehaviour, seed = 1) {
    this.#nat = new Nat(behaviour, ip(OUTSIDE), new SeededRandom(seed));
  }

  advance(ms: number): void {
    this.#now = instant(this.#now + ms);
  }

  /** Sends from inside. Returns the source that the internet sees. */
  send(source: string, destination: string): string {
    const left = this.#nat.outbound(datagram(source, destination), this.#now);
    return formatSocketAddress(left.source);
  }

  /** Sends from the internet. Returns the inside socket that it reaches, if any. */
  receive(source: string, destination: string): string | undefined {
    const entered = this.#nat.inbound(
      datagram(source, destination),
      this.#now,
    );
    return entered && formatSocketAddress(entered.destination);
  }
}

function datagram(source: string, destination: string): SimDatagram {
  return {
    source: parseSocketAddress(source)!,
    destination: parseSocketAddress(destination)!,
    payload: new Uint8Array(1),
    ecn: 0,
    isPinned: false,
  };
}

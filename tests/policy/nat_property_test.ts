import assert from "node:assert/strict";
import fc from "fast-check";
import { readU16, toHex, writeU16 } from "../../lib/base/mod.ts";
import {
  buildFlowPacket,
  buildIcmpError,
  type FlowPacket,
  flowPackets,
} from "../arbitraries/nat.ts";
import { wrongChecksums } from "../support/checksums.ts";
import {
  attached,
  endsOf,
  type Family,
  NatHarness,
  V4,
  V6,
} from "../support/nat.ts";

Deno.test("[dp 93] a packet that goes out and comes back is the same packet", () => {
  fc.assert(fc.property(flows(), ({ family, flow, rivals }) => {
    const nat = new NatHarness();
    occupy(nat, family, flow, rivals);
    const packet = buildFlowPacket(flow);
    const sent = packet.slice();

    assert.equal(nat.send(sent, family.reals[0] ?? ""), "translated");
    const returned = turned(sent);
    assert.equal(nat.receive(returned), "translated");

    assert.equal(toHex(turned(returned)), toHex(packet));
  }));
});

Deno.test("a wrong checksum comes back as wrong as it went out", () => {
  fc.assert(
    fc.property(
      flows(),
      fc.integer({ min: 1, max: 0xfffe }),
      ({ family, flow, rivals }, checksum) => {
        const nat = new NatHarness();
        occupy(nat, family, flow, rivals);
        const packet = buildFlowPacket(flow);
        writeU16(packet, checksumAt(packet), checksum);
        const sent = packet.slice();

        nat.send(sent, family.reals[0] ?? "");
        const returned = turned(sent);
        nat.receive(returned);

        assert.equal(toHex(turned(returned)), toHex(packet));
      },
    ),
  );
});

Deno.test("[dp 100] [dp 101] the checksums of a valid packet are valid after every translation", () => {
  fc.assert(fc.property(flows(), ({ family, flow, rivals }) => {
    const nat = new NatHarness();
    occupy(nat, family, flow, rivals);
    const packet = buildFlowPacket(flow);
    const isAbsent = readU16(packet, checksumAt(packet)) === 0;

    nat.send(packet, family.reals[0] ?? "");
    assert.deepEqual(wrongChecksums(attached(packet)), []);
    assert.equal(readU16(packet, checksumAt(packet)) === 0, isAbsent);

    const returned = turned(packet);
    nat.receive(returned);
    assert.deepEqual(wrongChecksums(attached(returned)), []);
    assert.equal(readU16(returned, checksumAt(returned)) === 0, isAbsent);
  }));
});

Deno.test("[dp 102] [dp 103] [dp 104] an ICMP error about a translated packet looks as if there had been no translation", () => {
  fc.assert(
    fc.property(
      flows(),
      icmpErrors(),
      ({ family, flow, rivals }, { type, code, rest, extras, cut }) => {
        const nat = new NatHarness();
        occupy(nat, family, flow, rivals);
        const packet = buildFlowPacket(flow);
        const sent = packet.slice();
        nat.send(sent, family.reals[0] ?? "");
        const [errorType, errorCode] = errorOf(family, type, code);
        const least = attached(sent).transportAt + 8;
        const quote = sent.slice(0, Math.max(least, sent.length - cut));

        const rebuilt = nat.receiveError(buildIcmpError(
          { source: family.router, destination: family.client, extras },
          [errorType, errorCode, 0, 0, ...rest],
          quote,
        ));

        assert.ok(rebuilt instanceof Uint8Array);
        const view = attached(rebuilt);
        const headerLength = family === V4 ? 20 : 40;
        assert.deepEqual(wrongChecksums(view), []);
        assert.equal(endsOf(rebuilt).source, flow.destination);
        assert.equal(endsOf(rebuilt).destination, family.client);
        assert.equal(rebuilt[family === V4 ? 8 : 7], 20);
        assert.equal(view.transportAt, headerLength);
        assert.deepEqual(
          [...rebuilt.slice(headerLength, headerLength + 2)],
          [errorType, errorCode],
        );
        assert.deepEqual(
          [...rebuilt.slice(headerLength + 4, headerLength + 8)],
          mtuOf(family, errorType, errorCode, rest),
        );
        assert.equal(
          toHex(rebuilt.slice(headerLength + 8)),
          toHex(withChecksumsOf(sent, packet).slice(0, quote.length)),
        );
      },
    ),
  );
});

function flows(): fc.Arbitrary<
  { family: Family; flow: FlowPacket; rivals: number }
> {
  return fc.constantFrom(V4, V6).chain((family) =>
    fc.record({
      family: fc.constant(family),
      flow: flowPackets(family.client, family.proxies[2] ?? ""),
      rivals: fc.integer({ min: 0, max: 2 }),
    })
  );
}

/** Lets other proxy addresses take the values that the flow would like to have. */
function occupy(
  nat: NatHarness,
  { proxies, reals }: Family,
  flow: FlowPacket,
  rivals: number,
): void {
  for (let i = 0; i < rivals; i++) {
    const destination = proxies[i] ?? "";
    nat.send(buildFlowPacket({ ...flow, destination }), reals[0] ?? "");
  }
}

function icmpErrors() {
  return fc.record({
    type: fc.nat({ max: 2 }),
    code: fc.constantFrom(0, 1, 3, 4, 13),
    rest: fc.array(fc.nat({ max: 255 }), { minLength: 4, maxLength: 4 }),
    extras: fc.nat({ max: 2 }),
    cut: fc.nat({ max: 60 }),
  });
}

/** Picks a type of the family that reports failures. Only code 0 means "too big" in IPv6. */
function errorOf(
  family: Family,
  type: number,
  code: number,
): [number, number] {
  if (family === V4) return [type === 0 ? 11 : 3, code];
  const chosen = type + 1;
  return [chosen, chosen === 2 ? 0 : code];
}

function mtuOf(
  family: Family,
  type: number,
  code: number,
  rest: readonly number[],
): number[] {
  if (family === V6) return type === 2 ? [...rest] : [0, 0, 0, 0];
  return type === 3 && code === 4 ? [0, 0, ...rest.slice(2)] : [0, 0, 0, 0];
}

/** Returns the packet with its ends exchanged, as if it were its own answer. No checksum changes by that. */
function turned(packet: Uint8Array): Uint8Array {
  const view = attached(packet);
  const { sourceAt, destinationAt, addressLength, transportAt } = view;
  const copy = packet.slice();
  copy.set(
    packet.slice(destinationAt, destinationAt + addressLength),
    sourceAt,
  );
  copy.set(packet.slice(sourceAt, sourceAt + addressLength), destinationAt);
  if (view.protocol === 6 || view.protocol === 17) {
    writeU16(copy, transportAt, readU16(packet, transportAt + 2));
    writeU16(copy, transportAt + 2, readU16(packet, transportAt));
  }
  return copy;
}

function checksumAt(packet: Uint8Array): number {
  const { protocol, transportAt } = attached(packet);
  const offset = protocol === 6 ? 16 : protocol === 17 ? 6 : 2;
  return transportAt + offset;
}

/** Returns `packet` with the checksums of `other`. */
function withChecksumsOf(other: Uint8Array, packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  const at = checksumAt(packet);
  writeU16(copy, at, readU16(other, at));
  if (attached(packet).version === 4) writeU16(copy, 10, readU16(other, 10));
  return copy;
}

import assert from "node:assert/strict";
import { readU16, toHex } from "../../lib/base/mod.ts";
import {
  IcmpErrorView,
  IpPacketView,
  rebuildIcmpError,
} from "../../lib/wire/mod.ts";
import { wrongChecksums } from "../support/checksums.ts";
import { addressBytes, icmpPacket, tcpPacket } from "../support/ip_packet.ts";
import { packetVectors } from "../support/packet_vectors.ts";

const PROXY_V4 = "100.96.0.7";
const PROXY_V6 = "fd00:2021:1111:8000::7";
const INSIDE_VALUE = 0x1234;

for (const { name, packet, failed } of packetVectors().icmpErrors) {
  if (failed["icmp_type"] === 0 || failed["icmp_type"] === 129) continue;

  Deno.test(`[dp 102] [dp 103] [dp 104] rebuilding the vector ${name}`, () => {
    const before = attached(packet);
    const quotedBefore = quotedBy(before);

    const after = attached(rebuilt(packet));
    const quotedAfter = quotedBy(after);

    const proxy = failed.version === 4 ? PROXY_V4 : PROXY_V6;
    assert.deepEqual(wrongChecksums(after), []);
    assert.equal(
      hexAt(after, after.sourceAt),
      toHex(addressBytes(proxy)),
    );
    assert.equal(
      hexAt(after, after.destinationAt),
      hexAt(before, before.destinationAt),
    );
    assert.equal(
      hexAt(after, quotedAfter.destinationAt),
      toHex(addressBytes(proxy)),
    );
    assert.equal(quotedAfter.sourceSelector & 0xffff, INSIDE_VALUE);
    assert.equal(
      hexAt(after, quotedAfter.sourceAt),
      hexAt(before, quotedBefore.sourceAt),
    );
    assert.equal(typeCodeMtu(after), typeCodeMtu(before));
    assert.equal(
      after.end - quotedAfter.start,
      packet.length - quotedBefore.start,
    );
    assert.equal(changedBytes(before, quotedBefore, after, quotedAfter), 0);
  });
}

Deno.test("[dp 103] only the types that carry an MTU keep the rest of the header", () => {
  const rest = [0x11, 0x22, 0x05, 0x00];
  const cases = [
    { v: 4, type: 3, code: 4, kept: "00000500" },
    { v: 4, type: 3, code: 1, kept: "00000000" },
    { v: 4, type: 11, code: 0, kept: "00000000" },
    { v: 4, type: 11, code: 4, kept: "00000000" },
    { v: 6, type: 1, code: 4, kept: "00000000" },
    { v: 6, type: 2, code: 0, kept: "11220500" },
    { v: 6, type: 3, code: 0, kept: "00000000" },
  ];

  for (const { v, type, code, kept } of cases) {
    const ports = { sourcePort: 4_000, destinationPort: 443 };
    const addresses = v === 4
      ? { source: "100.64.0.1", destination: "10.0.0.1" }
      : { source: "fd00:2021:1111::1", destination: "2001:db8::5" };
    const result = rebuilt(icmpPacket({
      source: v === 4 ? "192.0.2.1" : "2001:db8::1",
      destination: addresses.source,
      type,
      code,
      rest,
      body: tcpPacket({ ...addresses, ...ports }),
    }));

    const { transportAt } = attached(result);
    assert.equal(
      toHex(result.slice(transportAt, transportAt + 2)),
      toHex(Uint8Array.of(type, code)),
    );
    assert.equal(toHex(result.slice(transportAt + 4, transportAt + 8)), kept);
  }
});

function rebuilt(packet: Uint8Array): Uint8Array {
  const view = attached(packet);
  const target = new Uint8Array(1_400).fill(0xee);
  const proxies = Uint8Array.from([
    9,
    9,
    ...addressBytes(view.version === 4 ? PROXY_V4 : PROXY_V6),
  ]);

  const length = rebuildIcmpError(
    view,
    quotedBy(view),
    proxies,
    2,
    INSIDE_VALUE,
    target,
    3,
  );

  assert.ok(length <= packet.length);
  assert.ok(target.slice(0, 3).every((byte) => byte === 0xee));
  assert.ok(target.slice(3 + length).every((byte) => byte === 0xee));
  return target.slice(3, 3 + length);
}

/** Counts bytes of the quote that differ beside the destination address and the source's value. */
function changedBytes(
  before: IpPacketView,
  quotedBefore: IcmpErrorView,
  after: IpPacketView,
  quotedAfter: IcmpErrorView,
): number {
  const quote = after.bytes.slice(quotedAfter.start, after.end);
  const addressAt = quotedAfter.destinationAt - quotedAfter.start;
  quote.set(
    before.bytes.slice(
      quotedBefore.destinationAt,
      quotedBefore.destinationAt + before.addressLength,
    ),
    addressAt,
  );
  const isPort = quotedAfter.protocol === 6 || quotedAfter.protocol === 17;
  const valueAt = quotedBefore.transportAt + (isPort ? 0 : 4);
  quote.set(
    before.bytes.slice(valueAt, valueAt + 2),
    valueAt - quotedBefore.start,
  );
  const original = before.bytes.slice(quotedBefore.start, before.end);
  return quote.filter((byte, i) => byte !== original[i]).length;
}

function typeCodeMtu({ bytes, transportAt }: IpPacketView): string {
  const [type, code] = [bytes[transportAt], bytes[transportAt + 1]];
  return `${type} ${code} ${readU16(bytes, transportAt + 6)}`;
}

function quotedBy(view: IpPacketView): IcmpErrorView {
  const quoted = new IcmpErrorView();
  assert.equal(quoted.attach(view), "error");
  return quoted;
}

function attached(packet: Uint8Array): IpPacketView {
  const view = new IpPacketView();
  assert.equal(view.attach(packet, 0, packet.length), "ok");
  return view;
}

function hexAt(view: IpPacketView, at: number): string {
  return toHex(view.bytes.slice(at, at + view.addressLength));
}

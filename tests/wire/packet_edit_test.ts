import assert from "node:assert/strict";
import { type Ecn, readU16, toHex, writeU16 } from "../../lib/base/mod.ts";
import {
  applyOuterEcn,
  IpPacketView,
  replaceDestinationAddress,
  replaceDestinationPort,
  replaceEchoIdentifier,
  replaceSourceAddress,
  replaceSourcePort,
} from "../../lib/wire/mod.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import {
  addressBytes,
  naiveChecksum,
  udpPacket,
} from "../support/ip_packet.ts";
import { type PacketVector, packetVectors } from "../support/packet_vectors.ts";

const V4 = { source: "100.64.0.1", destination: "10.0.0.1" };
const V6 = { source: "fd00:2021:1111::1", destination: "2001:db8::1" };
const PORTS = { sourcePort: 5401, destinationPort: 443 };

for (const vector of packetVectors().packets) {
  Deno.test(`editing a packet gives the vector ${vector.name}`, () => {
    const view = attached(Uint8Array.from(vector.packet));

    applyRewrite(view, vector.rewrite);

    assert.equal(
      toHex(withPlainZeroChecksums(view.bytes)),
      toHex(withPlainZeroChecksums(vector.rewritten)),
    );
  });
}

Deno.test("[dp 100] an absent UDP checksum stays absent across every edit", () => {
  for (const addresses of [V4, V6]) {
    const view = attached(udpPacket({ ...addresses, ...PORTS }));
    writeU16(view.bytes, view.transportAt + 6, 0);

    replaceSourceAddress(view, addressBytes(addresses.destination), 0);
    replaceDestinationAddress(view, addressBytes(addresses.source), 0);
    replaceSourcePort(view, 1);
    replaceDestinationPort(view, 65_535);

    assert.equal(readU16(view.bytes, view.transportAt + 6), 0);
  }
});

Deno.test("a wrong checksum stays wrong by the same amount", () => {
  const right = attached(udpPacket({ ...V4, ...PORTS }));
  const wrong = attached(udpPacket({ ...V4, ...PORTS }));
  writeU16(wrong.bytes, 26, readU16(wrong.bytes, 26) - 0x0102);

  for (const view of [right, wrong]) replaceSourcePort(view, 50_001);

  assert.equal(readU16(right.bytes, 26) - readU16(wrong.bytes, 26), 0x0102);
});

Deno.test("[dp 115] only an outer CE on an inner ECT packet changes the inner bits", () => {
  const marked: readonly (readonly [Ecn, Ecn])[] = [[1, 3], [2, 3]];

  for (const addresses of [V4, V6]) {
    for (const inner of [0, 1, 2, 3] as const) {
      for (const outer of [0, 1, 2, 3] as const) {
        const packet = udpPacket({
          ...addresses,
          ...PORTS,
          trafficClass: 0xb8 | inner,
        });
        const view = attached(Uint8Array.from(packet));
        const isMarked = marked.some(([i, o]) => i === inner && o === outer);

        applyOuterEcn(view, outer);

        assert.equal(view.ecn, isMarked ? 3 : inner);
        if (!isMarked) assert.deepEqual(view.bytes, packet);
      }
    }
  }
});

Deno.test("[dp 116] marking an IPv4 packet keeps its header checksum right", () => {
  for (const inner of [1, 2]) {
    const view = attached(
      udpPacket({ ...V4, ...PORTS, trafficClass: inner }),
    );

    applyOuterEcn(view, 3);

    assert.equal(naiveChecksum(view.bytes.slice(0, 20)), 0);
  }
});

Deno.test("[dp 116] marking gives the bytes of data-plane spec §21", () => {
  const view = attached(udpPacket({ ...V4, ...PORTS, trafficClass: 2 }));
  writeU16(view.bytes, 10, 0x0c86);

  applyOuterEcn(view, 3);

  assert.equal(readU16(view.bytes, 0), 0x4503);
  assert.equal(readU16(view.bytes, 10), 0x0c85);
});

Deno.test("[dp 118] marking keeps DSCP, TTL and everything else", () => {
  for (const addresses of [V4, V6]) {
    const before = udpPacket({ ...addresses, ...PORTS, trafficClass: 0xba });
    const expected = udpPacket({ ...addresses, ...PORTS, trafficClass: 0xbb });
    const view = attached(before);

    applyOuterEcn(view, 3);

    assert.deepEqual(view.bytes, expected);
  }
});

Deno.test("editing a packet costs no heap", () => {
  const view = attached(udpPacket({ ...V6, ...PORTS, trafficClass: 1 }));
  const address = addressBytes("2001:db8::2");
  let port = 0;

  const bytesPerCall = heapBytesPerCall(() => {
    port = (port + 1) & 0xffff;
    replaceSourceAddress(view, address, 0);
    replaceDestinationPort(view, port);
    applyOuterEcn(view, 3);
  });

  assert.ok(bytesPerCall < 1, `${bytesPerCall} bytes a packet`);
});

function attached(packet: Uint8Array): IpPacketView {
  const view = new IpPacketView();
  assert.equal(view.attach(packet, 0, packet.length), "ok");
  return view;
}

function applyRewrite(
  view: IpPacketView,
  { src, dst, src_port, dst_port, identifier }: PacketVector["rewrite"],
): void {
  if (src !== undefined) replaceSourceAddress(view, addressBytes(src), 0);
  if (dst !== undefined) replaceDestinationAddress(view, addressBytes(dst), 0);
  if (src_port !== undefined) replaceSourcePort(view, src_port);
  if (dst_port !== undefined) replaceDestinationPort(view, dst_port);
  if (identifier !== undefined) replaceEchoIdentifier(view, identifier);
}

/** Writes the checksums that may be stored in two ways, 0000 and ffff, in one of them; that of UDP is left alone. */
function withPlainZeroChecksums(packet: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(packet);
  const view = attached(copy);
  const offsets: Record<number, number> = { 1: 2, 6: 16, 58: 2 };
  const places = [view.transportAt + (offsets[view.protocol] ?? NaN)];
  if (view.version === 4) places.push(10);
  for (const at of places) {
    if (readU16(copy, at) === 0xffff) writeU16(copy, at, 0);
  }
  return copy;
}

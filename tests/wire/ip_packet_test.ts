import assert from "node:assert/strict";
import { toHex } from "../../lib/base/mod.ts";
import { IpPacketView } from "../../lib/wire/mod.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import {
  addressBytes,
  icmpPacket,
  ipPacket,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";
import { packetVectors } from "../support/packet_vectors.ts";

const V4 = { source: "100.64.0.1", destination: "10.0.0.1" };
const V6 = { source: "fd00:2021:1111::1", destination: "2001:db8::1" };
const PORTS = { sourcePort: 5401, destinationPort: 443 };

const TCP = 1 << 16;
const UDP = 2 << 16;
const ECHO = 3 << 16;
const OTHER_ICMP = 4 << 16;
const OTHER_PROTOCOL = 5 << 16;

for (const { name, packet, fields } of packetVectors().packets) {
  Deno.test(`IpPacketView reads the vector ${name}`, () => {
    const view = attached(packet);

    assert.equal(view.version, fields.version);
    assert.equal(view.protocol, fields.protocol);
    assert.equal(addressAt(view, view.sourceAt), hexOf(fields.src));
    assert.equal(addressAt(view, view.destinationAt), hexOf(fields.dst));
    assert.equal(view.sourceSelector, expectedSelector(fields, "src_port"));
    assert.equal(
      view.destinationSelector,
      expectedSelector(fields, "dst_port"),
    );
  });
}

Deno.test("[dp 1] a packet of 1280 bytes is accepted and one of 1281 bytes refused", () => {
  const longest = udpPacket({ ...V4, ...PORTS, payload: new Uint8Array(1252) });
  const tooLong = udpPacket({ ...V4, ...PORTS, payload: new Uint8Array(1253) });

  assert.equal(refusalOf(longest), "ok");
  assert.equal(refusalOf(tooLong), "too-long");
  assert.equal(refusalOf(new Uint8Array(0)), "empty");
});

Deno.test("a packet whose version is neither 4 nor 6 is refused", () => {
  for (const version of [0, 1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15]) {
    const packet = udpPacket({ ...V4, ...PORTS });
    packet[0] = (version << 4) | 5;

    assert.equal(refusalOf(packet), "unknown-version");
  }
});

Deno.test("an IPv4 packet with an incomplete or impossible header is refused", () => {
  const packet = ipPacket(V4, 47, new Uint8Array(0));
  const shortHeader = Uint8Array.from(packet);
  shortHeader[0] = 0x44;
  const missingOptions = Uint8Array.from(packet);
  missingOptions[0] = 0x46;

  assert.equal(refusalOf(packet), "ok");
  assert.equal(refusalOf(packet.slice(0, 19)), "ipv4-header-truncated");
  assert.equal(refusalOf(shortHeader), "ipv4-header-too-short");
  assert.equal(refusalOf(missingOptions), "ipv4-options-truncated");
});

Deno.test("[dp 2] an IPv4 packet whose total length is not its length is refused", () => {
  const packet = udpPacket({ ...V4, ...PORTS });
  const padded = Uint8Array.from([...packet, 0]);

  assert.equal(refusalOf(padded), "ipv4-length-mismatch");
  assert.equal(refusalOf(packet.slice(0, -1)), "ipv4-length-mismatch");
});

Deno.test("[dp 3] IPv4 fragments are refused and DF is accepted", () => {
  const withFragmentField = (field: number): Uint8Array => {
    const packet = udpPacket({ ...V4, ...PORTS });
    packet[6] = field >> 8;
    packet[7] = field & 0xff;
    return packet;
  };

  assert.equal(refusalOf(withFragmentField(0x0000)), "ok");
  assert.equal(refusalOf(withFragmentField(0x4000)), "ok");
  assert.equal(refusalOf(withFragmentField(0x2000)), "ipv4-fragment");
  assert.equal(refusalOf(withFragmentField(0x0001)), "ipv4-fragment");
  assert.equal(refusalOf(withFragmentField(0x1fff)), "ipv4-fragment");
});

Deno.test("an IPv6 packet with an incomplete header or a wrong length is refused", () => {
  const packet = udpPacket({ ...V6, ...PORTS });

  assert.equal(refusalOf(packet.slice(0, 39)), "ipv6-header-truncated");
  assert.equal(refusalOf(packet.slice(0, -1)), "ipv6-length-mismatch");
  assert.equal(
    refusalOf(Uint8Array.from([...packet, 0])),
    "ipv6-length-mismatch",
  );
});

Deno.test("[dp 4] IPv6 fragments are refused and an atomic fragment is accepted", () => {
  const withFragmentField = (field: number): Uint8Array =>
    behind([[44, [0, field >> 8, field & 0xff, 0, 0, 0, 1]]]);

  assert.equal(refusalOf(withFragmentField(0)), "ok");
  assert.equal(attached(withFragmentField(0)).protocol, 17);
  assert.equal(refusalOf(withFragmentField(1)), "ipv6-fragment");
  assert.equal(refusalOf(withFragmentField(8)), "ipv6-fragment");
  assert.equal(refusalOf(withFragmentField(9)), "ipv6-fragment");
});

Deno.test("[dp 5] the transport is found behind each kind of extension header", () => {
  for (const kind of [0, 43, 60, 135, 139, 140, 253, 254]) {
    const single = attached(behind([[kind, [0, ...zeros(6)]]]));
    const longer = attached(
      behind([[kind, [2, ...zeros(22)]], [60, [0, ...zeros(6)]]]),
    );

    assert.equal(single.protocol, 17);
    assert.equal(single.transportAt, 48);
    assert.equal(single.destinationSelector, UDP | 443);
    assert.equal(longer.transportAt, 72);
    assert.equal(longer.destinationSelector, UDP | 443);
  }
});

Deno.test("an extension header that reaches beyond the packet is refused", () => {
  for (const kind of [0, 43, 60, 135, 139, 140, 253, 254]) {
    const beyond = ipPacket(V6, kind, Uint8Array.from([17, 1, ...zeros(6)]));
    const cut = ipPacket(V6, kind, Uint8Array.from([17]));

    assert.equal(refusalOf(beyond), "ipv6-extension-truncated");
    assert.equal(refusalOf(cut), "ipv6-extension-truncated");
  }
  const fragment = ipPacket(V6, 44, Uint8Array.from([17, ...zeros(6)]));
  assert.equal(refusalOf(fragment), "ipv6-extension-truncated");
});

Deno.test("AH, ESP and no-next-header count as the transport", () => {
  for (const protocol of [50, 51, 59]) {
    const view = attached(ipPacket(V6, protocol, new Uint8Array(24)));

    assert.equal(view.protocol, protocol);
    assert.equal(view.transportAt, 40);
  }
});

Deno.test("[dp 6] a UDP packet whose length field is not the payload length is refused", () => {
  for (const addresses of [V4, V6]) {
    const packet = udpPacket({ ...addresses, ...PORTS });
    const at = attached(packet).transportAt;
    packet[at + 5]! -= 1;

    assert.equal(refusalOf(packet), "udp-length-mismatch");
    assert.equal(
      refusalOf(ipPacket(addresses, 17, new Uint8Array(7))),
      "udp-header-truncated",
    );
  }
});

Deno.test("[dp 7] a TCP packet with an impossible data offset is refused", () => {
  for (const addresses of [V4, V6]) {
    const packet = tcpPacket({ ...addresses, ...PORTS });
    const at = attached(packet).transportAt;
    const short = Uint8Array.from(packet);
    short[at + 12] = 0x40;
    const long = Uint8Array.from(packet);
    long[at + 12] = 0x60;

    assert.equal(refusalOf(short), "tcp-header-too-short");
    assert.equal(refusalOf(long), "tcp-options-truncated");
    assert.equal(
      refusalOf(ipPacket(addresses, 6, new Uint8Array(19))),
      "tcp-header-truncated",
    );
  }
});

Deno.test("[dp 8] ICMP in IPv6 and ICMPv6 in IPv4 are refused", () => {
  assert.equal(
    refusalOf(ipPacket(V6, 1, new Uint8Array(8))),
    "icmp-wrong-family",
  );
  assert.equal(
    refusalOf(ipPacket(V4, 58, new Uint8Array(8))),
    "icmp-wrong-family",
  );
  assert.equal(
    refusalOf(ipPacket(V4, 1, new Uint8Array(7))),
    "icmp-header-truncated",
  );
  assert.equal(
    refusalOf(ipPacket(V6, 58, new Uint8Array(7))),
    "icmp-header-truncated",
  );
});

Deno.test("[dp 9] any other transport protocol is accepted as opaque", () => {
  for (const addresses of [V4, V6]) {
    for (const protocol of [2, 47, 50, 132, 136, 255]) {
      const view = attached(ipPacket(addresses, protocol, new Uint8Array(3)));

      assert.equal(view.sourceSelector, OTHER_PROTOCOL);
      assert.equal(view.destinationSelector, OTHER_PROTOCOL);
    }
  }
});

Deno.test("[dp 10] wrong checksums are accepted", () => {
  for (const addresses of [V4, V6]) {
    const packet = udpPacket({ ...addresses, ...PORTS });
    const at = attached(packet).transportAt;
    packet[at + 6]! ^= 0x55;
    if (addresses === V4) packet[10]! ^= 0x55;

    assert.equal(refusalOf(packet), "ok");
  }
});

Deno.test("only echo messages with code 0 have an identifier as selector", () => {
  const selectorOf = (type: number, code: number, addresses = V4): number => {
    const packet = icmpPacket({ ...addresses, type, code, rest: [1, 2, 0, 0] });
    return attached(packet).destinationSelector;
  };

  for (const type of [0, 8]) assert.equal(selectorOf(type, 0), ECHO | 0x0102);
  for (const type of [128, 129]) {
    assert.equal(selectorOf(type, 0, V6), ECHO | 0x0102);
    assert.equal(selectorOf(type, 0), OTHER_ICMP);
    assert.equal(selectorOf(type, 1, V6), OTHER_ICMP);
  }
  assert.equal(selectorOf(8, 1), OTHER_ICMP);
  assert.equal(selectorOf(13, 0), OTHER_ICMP);
  assert.equal(selectorOf(8, 0, V6), OTHER_ICMP);
});

Deno.test("the congestion bits are read from either family", () => {
  for (const addresses of [V4, V6]) {
    for (const ecn of [0, 1, 2, 3]) {
      const trafficClass = 0xb8 | ecn;

      const view = attached(
        udpPacket({ ...addresses, ...PORTS, trafficClass }),
      );

      assert.equal(view.ecn, ecn);
    }
  }
});

Deno.test("attaching a packet costs no heap", () => {
  const view = new IpPacketView();
  const packets = [
    udpPacket({ ...V4, ...PORTS }),
    tcpPacket({ ...V6, ...PORTS }),
    behind([[0, [0, ...zeros(6)]]]),
    ipPacket(V4, 17, new Uint8Array(7)),
  ];
  let sum = 0;
  let i = 0;

  const bytesPerCall = heapBytesPerCall(() => {
    const packet = packets[i++ & 3]!;
    if (view.attach(packet, 0, packet.length) === "ok") {
      sum += view.destinationSelector & 1;
    }
  });

  assert.ok(sum >= 0);
  assert.ok(bytesPerCall < 1, `${bytesPerCall} bytes a packet`);
});

/** Builds a UDP packet behind extension headers, given as kind and bytes after the next-header field. */
function behind(
  headers: readonly (readonly [number, readonly number[]])[],
): Uint8Array {
  const udp = udpPacket({ ...V6, ...PORTS }).slice(40);
  const payload = headers.flatMap(([, bytes], i) => [
    headers[i + 1]?.[0] ?? 17,
    ...bytes,
  ]);
  return ipPacket(
    V6,
    headers[0]?.[0] ?? 17,
    Uint8Array.from([...payload, ...udp]),
  );
}

function attached(packet: Uint8Array): IpPacketView {
  const view = new IpPacketView();
  assert.equal(view.attach(packet, 0, packet.length), "ok");
  return view;
}

function refusalOf(packet: Uint8Array): string {
  return new IpPacketView().attach(packet, 0, packet.length);
}

function addressAt(view: IpPacketView, at: number): string {
  return toHex(view.bytes.slice(at, at + view.addressLength));
}

function hexOf(address: string): string {
  return toHex(addressBytes(address));
}

function expectedSelector(
  fields: Readonly<Record<string, unknown>>,
  port: string,
): number {
  if (fields["protocol"] === 6) return TCP | Number(fields[port]);
  if (fields["protocol"] === 17) return UDP | Number(fields[port]);
  return ECHO | Number(fields["identifier"]);
}

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

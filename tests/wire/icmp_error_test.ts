import assert from "node:assert/strict";
import { toHex } from "../../lib/base/mod.ts";
import {
  type IcmpErrorClass,
  IcmpErrorView,
  IpPacketView,
} from "../../lib/wire/mod.ts";
import {
  addressBytes,
  echoRequest,
  icmpPacket,
  ipPacket,
  tcpPacket,
  udpPacket,
} from "../support/ip_packet.ts";
import { packetVectors } from "../support/packet_vectors.ts";

const V4 = { source: "192.0.2.1", destination: "100.64.0.1" };
const V6 = { source: "2001:db8::1", destination: "fd00:2021:1111::1" };
const SENT_V4 = { source: "100.64.0.1", destination: "10.0.0.1" };
const SENT_V6 = { source: "fd00:2021:1111::1", destination: "2001:db8::5" };
const PORTS = { sourcePort: 5401, destinationPort: 443 };

const UDP = 2 << 16;
const TCP = 1 << 16;
const ECHO = 3 << 16;

for (const { name, packet, failed } of packetVectors().icmpErrors) {
  Deno.test(`IcmpErrorView reads the vector ${name}`, () => {
    const { icmpClass, view } = classified(packet);
    if (failed["icmp_type"] === 0 || failed["icmp_type"] === 129) {
      assert.equal(icmpClass, "unparseable");
      return;
    }

    const length = failed.version === 4 ? 4 : 16;
    assert.equal(icmpClass, "error");
    assert.equal(view.protocol, failed.protocol);
    assert.equal(hexAt(packet, view.sourceAt, length), hexOf(failed.src));
    assert.equal(hexAt(packet, view.destinationAt, length), hexOf(failed.dst));
    assert.equal(
      view.sourceSelector & 0xffff,
      failed["src_port"] ?? failed["identifier"],
    );
    assert.equal(
      view.destinationSelector & 0xffff,
      failed["dst_port"] ?? failed["identifier"],
    );
  });
}

Deno.test("packets of other protocols and echo messages are not errors", () => {
  for (const addresses of [V4, V6]) {
    assert.equal(
      classOf(udpPacket({ ...addresses, ...PORTS })),
      "not-an-error",
    );
    assert.equal(
      classOf(tcpPacket({ ...addresses, ...PORTS })),
      "not-an-error",
    );
    assert.equal(
      classOf(ipPacket(addresses, 47, new Uint8Array(4))),
      "not-an-error",
    );
    assert.equal(
      classOf(echoRequest({ ...addresses, identifier: 7 })),
      "not-an-error",
    );
  }
});

Deno.test("each type that reports a failed packet is an error, whatever its code", () => {
  const bodyV4 = udpPacket({ ...SENT_V4, ...PORTS });
  const bodyV6 = udpPacket({ ...SENT_V6, ...PORTS });

  for (const code of [0, 1, 3, 4, 13, 255]) {
    for (const type of [3, 11]) {
      assert.equal(
        classOf(icmpPacket({ ...V4, type, code, body: bodyV4 })),
        "error",
      );
    }
    for (const type of [1, 3]) {
      assert.equal(
        classOf(icmpPacket({ ...V6, type, code, body: bodyV6 })),
        "error",
      );
    }
  }
  assert.equal(classOf(icmpPacket({ ...V6, type: 2, body: bodyV6 })), "error");
});

Deno.test("ICMP messages that are neither echo nor error are unparseable", () => {
  const bodyV4 = udpPacket({ ...SENT_V4, ...PORTS });
  const bodyV6 = udpPacket({ ...SENT_V6, ...PORTS });

  for (const type of [4, 5, 9, 10, 12, 13, 14, 30]) {
    assert.equal(
      classOf(icmpPacket({ ...V4, type, body: bodyV4 })),
      "unparseable",
    );
  }
  for (const type of [4, 100, 130, 133, 134, 135, 136, 137, 143]) {
    assert.equal(
      classOf(icmpPacket({ ...V6, type, body: bodyV6 })),
      "unparseable",
    );
  }
  assert.equal(
    classOf(icmpPacket({ ...V6, type: 2, code: 1, body: bodyV6 })),
    "unparseable",
  );
  assert.equal(
    classOf(icmpPacket({ ...V4, type: 8, code: 1, body: bodyV4 })),
    "unparseable",
  );
});

Deno.test("an error needs the quoted addresses and four bytes of TCP or UDP", () => {
  const cases = [
    { ...V4, type: 3, header: 20, quote: udpPacket({ ...SENT_V4, ...PORTS }) },
    { ...V4, type: 3, header: 20, quote: tcpPacket({ ...SENT_V4, ...PORTS }) },
    { ...V6, type: 1, header: 40, quote: udpPacket({ ...SENT_V6, ...PORTS }) },
    { ...V6, type: 1, header: 40, quote: tcpPacket({ ...SENT_V6, ...PORTS }) },
  ];

  for (const { header, quote, ...icmp } of cases) {
    for (let length = 0; length <= quote.length; length++) {
      const packet = icmpPacket({ ...icmp, body: quote.slice(0, length) });

      assert.equal(
        classOf(packet),
        length >= header + 4 ? "error" : "unparseable",
      );
    }
  }
});

Deno.test("an error needs eight bytes of a quoted echo request", () => {
  for (
    const [icmp, sent, header, type] of [[V4, SENT_V4, 20, 3], [
      V6,
      SENT_V6,
      40,
      1,
    ]] as const
  ) {
    const quote = echoRequest({ ...sent, identifier: 0x1234 });
    const whole = icmpPacket({ ...icmp, type, body: quote });
    const cut = icmpPacket({ ...icmp, type, body: quote.slice(0, header + 7) });

    const { icmpClass, view } = classified(whole);

    assert.equal(icmpClass, "error");
    assert.equal(view.sourceSelector, ECHO | 0x1234);
    assert.equal(view.destinationSelector, ECHO | 0x1234);
    assert.equal(classOf(cut), "unparseable");
  }
});

Deno.test("quoted echo replies, other ICMP and other protocols are unparseable", () => {
  const quotesV4 = [
    icmpPacket({ ...SENT_V4, type: 0 }),
    icmpPacket({ ...SENT_V4, type: 8, code: 1 }),
    icmpPacket({ ...SENT_V4, type: 13 }),
    ipPacket(SENT_V4, 47, new Uint8Array(16)),
    ipPacket(SENT_V4, 58, Uint8Array.from([128, 0, 0, 0, 0, 0, 0, 0])),
    udpPacket({ ...SENT_V6, ...PORTS }),
  ];
  const quotesV6 = [
    icmpPacket({ ...SENT_V6, type: 129 }),
    ipPacket(SENT_V6, 1, Uint8Array.from([8, 0, 0, 0, 0, 0, 0, 0])),
    udpPacket({ ...SENT_V4, ...PORTS, payload: new Uint8Array(40) }),
  ];

  for (const body of quotesV4) {
    assert.equal(classOf(icmpPacket({ ...V4, type: 3, body })), "unparseable");
  }
  for (const body of quotesV6) {
    assert.equal(classOf(icmpPacket({ ...V6, type: 1, body })), "unparseable");
  }
});

Deno.test("a quoted packet is found behind options and extension headers", () => {
  const udp = udpPacket({ ...SENT_V4, ...PORTS }).slice(20);
  const withOptions = Uint8Array.from([
    ...ipPacket(SENT_V4, 17, new Uint8Array(0)),
    ...[1, 1, 1, 1],
    ...udp,
  ]);
  withOptions[0] = 0x46;
  const behindOptions = ipPacket(
    SENT_V6,
    60,
    Uint8Array.from([
      6,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      ...tcpPacket({ ...SENT_V6, ...PORTS }).slice(40),
    ]),
  );

  const v4 = classified(icmpPacket({ ...V4, type: 11, body: withOptions }));
  const v6 = classified(icmpPacket({ ...V6, type: 3, body: behindOptions }));

  assert.equal(v4.icmpClass, "error");
  assert.equal(v4.view.destinationSelector, UDP | 443);
  assert.equal(v6.icmpClass, "error");
  assert.equal(v6.view.sourceSelector, TCP | 5401);
});

Deno.test("the length fields of the quoted packet are not checked", () => {
  const quote = udpPacket({ ...SENT_V4, ...PORTS });
  quote[2] = 0xff;
  quote[24] = 0xff;

  assert.equal(classOf(icmpPacket({ ...V4, type: 3, body: quote })), "error");
});

Deno.test("a quoted fragment other than the first is unparseable", () => {
  const fragmentV4 = (field: number): Uint8Array => {
    const quote = udpPacket({ ...SENT_V4, ...PORTS });
    quote.set([field >> 8, field & 0xff], 6);
    return icmpPacket({ ...V4, type: 3, body: quote });
  };
  const fragmentV6 = (field: number): Uint8Array => {
    const udp = udpPacket({ ...SENT_V6, ...PORTS }).slice(40);
    const header = [17, 0, field >> 8, field & 0xff, 0, 0, 0, 1];
    const body = ipPacket(SENT_V6, 44, Uint8Array.from([...header, ...udp]));
    return icmpPacket({ ...V6, type: 1, body });
  };

  assert.equal(classOf(fragmentV4(0x2000)), "error");
  assert.equal(classOf(fragmentV4(0x0001)), "unparseable");
  assert.equal(classOf(fragmentV6(0x0001)), "error");
  assert.equal(classOf(fragmentV6(0x0008)), "unparseable");
});

function classOf(packet: Uint8Array): IcmpErrorClass {
  return classified(packet).icmpClass;
}

function classified(
  bytes: Uint8Array,
): { icmpClass: IcmpErrorClass; view: IcmpErrorView } {
  const packet = new IpPacketView();
  assert.equal(packet.attach(bytes, 0, bytes.length), "ok");
  const view = new IcmpErrorView();
  return { icmpClass: view.attach(packet), view };
}

function hexAt(bytes: Uint8Array, at: number, length: number): string {
  return toHex(bytes.slice(at, at + length));
}

function hexOf(address: string): string {
  return toHex(addressBytes(address));
}

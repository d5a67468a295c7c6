import assert from "node:assert/strict";
import fc from "fast-check";
import {
  cidrContains,
  equalSocketAddresses,
  formatCidr,
  formatIp,
  formatSocketAddress,
  ipFromBytes,
  parseCidr,
  parseIp,
  parseSocketAddress,
} from "../../lib/base/mod.ts";

Deno.test("an IPv6 address is written as RFC 5952 asks", () => {
  const cases = [
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["2001:DB8::A", "2001:db8::a"],
    ["fe80:0:0:0:0:0:0:0", "fe80::"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
  ];

  for (const [text = "", canonical] of cases) {
    const ip = parseIp(text);
    assert.equal(ip && formatIp(ip), canonical, text);
  }
});

Deno.test("what is not an IP address is refused", () => {
  const junk = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.0.1",
    "01.2.3.4",
    "1.2.3.4 ",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "::1:2:3:4:5:6:7:8",
    "12345::",
    "1.2.3.4::",
    "fe80::1%eth0",
    "[::1]",
  ];

  for (const text of junk) assert.equal(parseIp(text), undefined, text);
});

Deno.test("an address that was formatted parses to the same bytes", () => {
  fc.assert(fc.property(ipBytes(), (bytes) => {
    const ip = parseIp(formatIp(ipFromBytes(bytes)));

    assert.deepEqual(ip?.bytes, bytes);
  }));
});

Deno.test("a socket address keeps its family and port through text", () => {
  fc.assert(
    fc.property(
      ipBytes(),
      fc.integer({ min: 0, max: 65_535 }),
      (bytes, port) => {
        const address = { ip: ipFromBytes(bytes), port };
        const parsed = parseSocketAddress(formatSocketAddress(address));

        assert.ok(parsed && equalSocketAddresses(parsed, address));
      },
    ),
  );
});

Deno.test("a socket address needs brackets for IPv6 and a port that fits", () => {
  for (
    const text of [
      "::1:80",
      "[1.2.3.4]:80",
      "1.2.3.4:65536",
      "1.2.3.4",
      "[::1]",
      "1.2.3.4:",
    ]
  ) {
    assert.equal(parseSocketAddress(text), undefined, text);
  }
});

Deno.test("a network loses the bits behind its prefix", () => {
  assert.equal(formatCidr(parseCidr("10.20.30.40/12")!), "10.16.0.0/12");
  assert.equal(formatCidr(parseCidr("2001:db8::1/33")!), "2001:db8::/33");
  assert.equal(formatCidr(parseCidr("10.1.2.3")!), "10.1.2.3/32");
  assert.equal(parseCidr("10.0.0.0/33"), undefined);
});

Deno.test("a network covers exactly the addresses that share its prefix", () => {
  fc.assert(
    fc.property(
      ipBytes(),
      ipBytes(),
      fc.integer({ min: 0, max: 128 }),
      (a, b, prefix) => {
        const width = a.length * 8;
        const prefixLength = Math.min(prefix, width);
        const cidr = parseCidr(`${formatIp(ipFromBytes(a))}/${prefixLength}`)!;

        const expected = a.length === b.length &&
          bits(a).slice(0, prefixLength) === bits(b).slice(0, prefixLength);
        assert.equal(cidrContains(cidr, ipFromBytes(b)), expected);
        assert.equal(cidrContains(cidr, ipFromBytes(a)), true);
      },
    ),
  );
});

function ipBytes(): fc.Arbitrary<Uint8Array> {
  const byte = fc.oneof(
    fc.constantFrom(0, 255),
    fc.integer({ min: 0, max: 255 }),
  );
  return fc.constantFrom(4, 16).chain((length) =>
    fc.array(byte, { minLength: length, maxLength: length }).map((it) =>
      Uint8Array.from(it)
    )
  );
}

function bits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join(
    "",
  );
}

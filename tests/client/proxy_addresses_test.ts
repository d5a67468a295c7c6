import assert from "node:assert/strict";
import fc from "fast-check";
import {
  cidrContains,
  equalIps,
  formatIp,
  parseCidr,
  parseIp,
} from "../../lib/base/mod.ts";
import { proxyIpv4, proxyIpv6 } from "../../lib/client/proxy_addresses.ts";
import { parseReverseName } from "../../lib/client/reverse_name.ts";
import { compareSpecificity } from "../../lib/client/specificity.ts";

const SENTINELS = parseCidr("100.100.111.0/24")!;
const RANGE_V4 = parseCidr("100.96.0.0/11")!;
const RANGE_V6 = parseCidr("fd00:2021:1111:8000::/107")!;

Deno.test("proxy addresses begin at 100.96.0.1 and fd00:2021:1111:8000::", () => {
  assert.equal(formatIp(proxyIpv4(0)), "100.96.0.1");
  assert.equal(formatIp(proxyIpv4(255)), "100.96.1.0");
  assert.equal(formatIp(proxyIpv6(0)), "fd00:2021:1111:8000::");
  assert.equal(formatIp(proxyIpv6(0x1_0001)), "fd00:2021:1111:8000::1:1");
});

Deno.test("the addresses of DNS services are left out", () => {
  const before = 4 * 65_536 + 111 * 256 - 2;

  assert.equal(formatIp(proxyIpv4(before)), "100.100.110.255");
  assert.equal(formatIp(proxyIpv4(before + 1)), "100.100.112.0");
});

Deno.test("each number has an address of its own, in the range and no sentinel", () => {
  const number = fc.integer({ min: 0, max: 2_000_000 });
  fc.assert(fc.property(number, number, (a, b) => {
    for (const ip of [proxyIpv4(a), proxyIpv6(a)]) {
      const range = ip.family === 4 ? RANGE_V4 : RANGE_V6;
      assert.ok(cidrContains(range, ip) && !cidrContains(SENTINELS, ip));
    }
    const isSame = a === b;
    assert.equal(equalIps(proxyIpv4(a), proxyIpv4(b)), isSame);
    assert.equal(equalIps(proxyIpv6(a), proxyIpv6(b)), isSame);
  }));
});

Deno.test("of patterns for the same name the one that leaves less open comes first", () => {
  const ordered = [
    ["wiki.example", "?iki.example", "w*.example", "*.example", "**.example"],
    ["a.b.example", "*.b.example", "**.b.example", "**.example"],
    ["example", "*.example", "**.example", "**"],
    ["[a-w]iki.example", "*.example"],
  ];
  for (const patterns of ordered) {
    const shuffled = patterns.toReversed().sort(compareSpecificity);
    // Both leave one label open.
    const rank = (text: string) => text === "w*.example" ? "*.example" : text;
    assert.deepEqual(shuffled.map(rank), patterns.map(rank));
  }
});

Deno.test("reverse names are read, and nothing else is taken for one", () => {
  const read = (name: string) => {
    const ip = parseReverseName(name);
    return ip && formatIp(ip);
  };

  assert.equal(read("4.3.2.1.in-addr.arpa"), "1.2.3.4");
  assert.equal(
    read(`1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`),
    "2001:db8::1",
  );
  for (
    const name of [
      "in-addr.arpa",
      "3.2.1.in-addr.arpa",
      "5.4.3.2.1.in-addr.arpa",
      "256.0.0.1.in-addr.arpa",
      "4.3.2.1.in-addr.arpa.example",
      `1.${"0.".repeat(30)}ip6.arpa`,
      `g.${"0.".repeat(31)}ip6.arpa`,
    ]
  ) assert.equal(read(name), undefined, name);
});

Deno.test("every address is found again under its reverse name", () => {
  fc.assert(fc.property(fc.ipV6(), (text) => {
    const ip = parseIp(text);
    if (!ip) return; // An embedded IPv4 address in a form that is not ours to read.
    const digits = [...ip.bytes].flatMap((byte) => [byte >> 4, byte & 15]);
    const name = digits.toReversed().map((it) => it.toString(16)).join(".");
    const found = parseReverseName(`${name}.ip6.arpa`);
    assert.equal(found && formatIp(found), formatIp(ip));
  }));
});

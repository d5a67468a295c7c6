import assert from "node:assert/strict";
import {
  isMulticastAddress,
  isProxyAddress,
  isRefusedByInternet,
  isTunnelAddress,
} from "../../lib/policy/mod.ts";
import { naiveAddress } from "../support/naive_policy.ts";

Deno.test("the tunnel range is a /11 and a /107, not the whole umbrella", () => {
  expectRange(isTunnelAddress, {
    inside: [
      "100.64.0.0",
      "100.95.255.255",
      "fd00:2021:1111::",
      "fd00:2021:1111::1f:ffff",
    ],
    outside: [
      "100.63.255.255",
      "100.96.0.1",
      "fd00:2021:1110:ffff:ffff:ffff:ffff:ffff",
      "fd00:2021:1111::20:0",
      "fd00:2021:1111:8000::1",
    ],
  });
});

Deno.test("the proxy range lies behind the tunnel range", () => {
  expectRange(isProxyAddress, {
    inside: [
      "100.96.0.0",
      "100.127.255.255",
      "fd00:2021:1111:8000::",
      "fd00:2021:1111:8000::1f:ffff",
    ],
    outside: [
      "100.95.255.255",
      "100.128.0.0",
      "fd00:2021:1111:7fff:ffff:ffff:ffff:ffff",
      "fd00:2021:1111:8000::20:0",
    ],
  });
});

Deno.test("multicast is 224.0.0.0/4 and ff00::/8", () => {
  expectRange(isMulticastAddress, {
    inside: ["224.0.0.0", "239.255.255.255", "ff00::", "ff02::16"],
    outside: ["223.255.255.255", "240.0.0.0", "feff::1"],
  });
});

Deno.test("[dp 60] the Internet resource refuses exactly the ranges of data-plane spec §5.1", () => {
  expectRange(isRefusedByInternet, {
    inside: [
      ...["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255"],
      ...["192.168.0.0", "192.168.255.255", "127.0.0.0", "127.255.255.255"],
      ...["169.254.0.0", "169.254.255.255", "100.64.0.0", "100.127.255.255"],
      ...["224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255"],
      ...["::1", "::ffff:0:0", "::ffff:ffff:ffff", "fc00::", "fe80::"],
      ...["fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff00::"],
      ...["febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff02::1"],
    ],
    outside: [
      ...["0.0.0.0", "9.255.255.255", "11.0.0.0", "172.15.255.255"],
      ...["172.32.0.0", "192.167.255.255", "192.169.0.0", "126.255.255.255"],
      ...["128.0.0.0", "169.253.255.255", "169.255.0.0", "100.63.255.255"],
      ...["100.128.0.0", "223.255.255.255", "192.0.2.1", "198.18.0.1"],
      ...["::", "::2", "::fffe:ffff:ffff", "::1:0:0:0", "2001:db8::1"],
      ...["64:ff9b::a00:1", "fbff::", "fe00::", "fec0::"],
    ],
  });
});

function expectRange(
  predicate: (version: 4 | 6, bytes: Uint8Array, at: number) => boolean,
  { inside, outside }: {
    readonly inside: readonly string[];
    readonly outside: readonly string[];
  },
): void {
  for (const text of inside) assert.ok(holds(predicate, text), text);
  for (const text of outside) assert.ok(!holds(predicate, text), text);
}

function holds(
  predicate: (version: 4 | 6, bytes: Uint8Array, at: number) => boolean,
  text: string,
): boolean {
  const address = naiveAddress(text);
  const bytes = Uint8Array.from([0xff, ...address]);
  return predicate(address.length === 4 ? 4 : 6, bytes, 1);
}

import assert from "node:assert/strict";
import { formatSocketAddress } from "../../lib/base/mod.ts";
import {
  copySockaddrIp,
  readSockaddr,
  sockaddrIs,
  writeSockaddr,
} from "../../lib/io/sockaddr.ts";
import { addressOf } from "../support/datagram.ts";

Deno.test("an IPv4 socket address has the layout of sockaddr_in", () => {
  const bytes = new Uint8Array(40).fill(0xee);

  const length = writeSockaddr(bytes, 8, addressOf("192.0.2.7:52625"));

  assert.equal(length, 16);
  assert.deepEqual([...bytes.slice(8, 24)], [
    ...[2, 0, 0xcd, 0x91],
    ...[192, 0, 2, 7],
    ...[0, 0, 0, 0, 0, 0, 0, 0],
  ]);
  assert.equal(bytes[24], 0xee);
});

Deno.test("an IPv6 socket address has the layout of sockaddr_in6", () => {
  const bytes = new Uint8Array(40).fill(0xee);

  const length = writeSockaddr(bytes, 8, addressOf("[2001:db8::1]:3478"));

  assert.equal(length, 28);
  assert.deepEqual([...bytes.slice(8, 36)], [
    ...[10, 0, 0x0d, 0x96, 0, 0, 0, 0],
    ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ...[0, 0, 0, 0],
  ]);
  assert.equal(bytes[36], 0xee);
});

for (const text of ["192.0.2.7:52625", "[2001:db8::1]:1"]) {
  Deno.test(`${text} is read back as written`, () => {
    const address = addressOf(text);
    const bytes = new Uint8Array(32);
    const ip = new Uint8Array(16);

    writeSockaddr(bytes, 0, address);

    assert.equal(formatSocketAddress(readSockaddr(bytes, 0)), text);
    assert.equal(copySockaddrIp(bytes, 0, ip), address.ip.family);
    assert.deepEqual(ip.slice(0, address.ip.bytes.length), address.ip.bytes);
  });
}

Deno.test("a socket address is told from others by family, address and port", () => {
  const bytes = new Uint8Array(32);
  writeSockaddr(bytes, 0, addressOf("192.0.2.7:52625"));

  assert.equal(sockaddrIs(bytes, 0, addressOf("192.0.2.7:52625")), true);
  assert.equal(sockaddrIs(bytes, 0, addressOf("192.0.2.8:52625")), false);
  assert.equal(sockaddrIs(bytes, 0, addressOf("192.0.2.7:52624")), false);
  assert.equal(sockaddrIs(bytes, 0, addressOf("[c000:207::]:52625")), false);
});

import assert from "node:assert/strict";
import { formatCidr, parseCidr } from "../../lib/base/mod.ts";
import {
  encodeNetlink,
  type NetlinkRequest,
} from "../../lib/io/netlink_message.ts";
import {
  addAddress,
  addException,
  addressOf,
  addRoute,
  addRule,
  addServiceAddress,
  bringUp,
  copyLinkRoute,
  disableLinkLocal,
  removeException,
  removeListedRoute,
  removeRule,
  setMtu,
  setQueueLength,
} from "../../lib/io/route_messages.ts";

const INDEX = [9, 0, 0, 0];
const TABLE = [0x00, 0xfd, 0x21, 0x20];

/** Fixed part and attributes as the kernel reads them; the header is tested with its codec. */
function bodyOf(request: NetlinkRequest): number[] {
  return [...encodeNetlink(request, 1).slice(16)];
}

function cidr(text: string) {
  const parsed = parseCidr(text);
  assert.ok(parsed);
  return parsed;
}

Deno.test("link changes name the interface and one attribute", () => {
  const fixed = [0, 0, 0, 0, ...INDEX, 0, 0, 0, 0, 0, 0, 0, 0];

  assert.equal(setMtu(9, 1280).type, 16);
  assert.deepEqual(bodyOf(setMtu(9, 1280)), [...fixed, 8, 0, 4, 0, 0, 5, 0, 0]);
  assert.deepEqual(bodyOf(setQueueLength(9, 10_000)), [
    ...fixed,
    ...[8, 0, 13, 0, 0x10, 0x27, 0, 0],
  ]);
  assert.deepEqual(bodyOf(disableLinkLocal(9)), [
    ...fixed,
    ...[16, 0, 26, 0, 12, 0, 10, 0, 5, 0, 8, 0, 1, 0, 0, 0],
  ]);
});

Deno.test("bringing a link up changes just that flag", () => {
  assert.deepEqual(bodyOf(bringUp(9)), [
    ...[0, 0, 0, 0, ...INDEX, 1, 0, 0, 0, 1, 0, 0, 0],
  ]);
});

Deno.test("an address is added exclusively, as local address and as network", () => {
  const request = addAddress(9, cidr("100.64.0.1/32"));

  assert.equal(request.type, 20);
  assert.equal(request.flags, 0x600);
  assert.deepEqual(bodyOf(request), [
    ...[2, 32, 2, 0, ...INDEX],
    ...[8, 0, 2, 0, 100, 64, 0, 1],
    ...[8, 0, 1, 0, 100, 64, 0, 1],
  ]);
});

Deno.test("[dp 19] a route is static and global and names its table by attribute", () => {
  const request = addRoute(9, 0x2021fd00, cidr("100.64.0.0/11"));

  assert.equal(request.type, 24);
  assert.equal(request.flags, 0x600);
  assert.deepEqual(bodyOf(request), [
    ...[2, 11, 0, 0, 0, 4, 0, 1, 0, 0, 0, 0],
    ...[8, 0, 1, 0, 100, 64, 0, 0],
    ...[8, 0, 4, 0, ...INDEX],
    ...[8, 0, 15, 0, ...TABLE],
  ]);
});

Deno.test("[dp 20] a rule looks into its table for all but marked packets", () => {
  const rule = {
    family: 6,
    mark: 0xfd002021,
    isForMarked: false,
    table: 0x2021fd00,
    priority: 100,
  } as const;

  assert.equal(addRule(rule).type, 32);
  assert.equal(addRule(rule).flags, 0x600);
  assert.equal(removeRule(rule).type, 33);
  assert.deepEqual(bodyOf(addRule(rule)), [
    ...[10, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0],
    ...[8, 0, 6, 0, 100, 0, 0, 0],
    ...[8, 0, 10, 0, 0x21, 0x20, 0x00, 0xfd],
    ...[8, 0, 16, 0, 0xff, 0xff, 0xff, 0xff],
    ...[8, 0, 15, 0, ...TABLE],
    ...[5, 0, 21, 0, 2, 0, 0, 0],
  ]);
  assert.deepEqual(bodyOf(removeRule(rule)), bodyOf(addRule(rule)));
  const inverted = bodyOf(addRule({ ...rule, isForMarked: true }));
  assert.deepEqual(inverted.slice(0, 12), [
    10,
    0,
    0,
    0,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
  ]);
});

Deno.test("a listed address is read, and another interface's is not", () => {
  const body = Uint8Array.from([
    ...[2, 32, 0x80, 0, ...INDEX],
    ...[8, 0, 1, 0, 100, 64, 0, 1],
    ...[8, 0, 2, 0, 100, 64, 0, 1],
  ]);
  const reply = { type: 20, sequence: 1, body };

  const address = addressOf(reply, 9);

  assert.equal(address && formatCidr(address), "100.64.0.1/32");
  assert.equal(addressOf(reply, 8), undefined);
});

Deno.test("a listed address of impossible length is passed over", () => {
  const body = Uint8Array.from([
    ...[10, 128, 0, 0, ...INDEX],
    ...[8, 0, 1, 0, 100, 64, 0, 1],
  ]);

  assert.equal(addressOf({ type: 20, sequence: 1, body }, 9), undefined);
});

Deno.test("a listed route is removed as it was listed, and only from the wanted table", () => {
  const body = Uint8Array.from([
    ...[2, 16, 0, 0, 252, 4, 0, 1, 0, 0, 0, 0],
    ...[8, 0, 15, 0, ...TABLE],
    ...[8, 0, 1, 0, 10, 8, 0, 0],
  ]);
  const reply = { type: 24, sequence: 1, body };

  const request = removeListedRoute(reply, 0x2021fd00);

  assert.equal(request?.type, 25);
  assert.deepEqual(request && bodyOf(request), [...body]);
  assert.equal(removeListedRoute(reply, 254), undefined);
  assert.equal(removeListedRoute(reply, 252), undefined);
});

Deno.test("an address for services counts inside the host only, or is deprecated", () => {
  assert.deepEqual(bodyOf(addServiceAddress(9, cidr("100.100.111.1/32"))), [
    ...[2, 32, 2, 254, ...INDEX],
    ...[8, 0, 2, 0, 100, 100, 111, 1],
    ...[8, 0, 1, 0, 100, 100, 111, 1],
  ]);
  const ipv6 = bodyOf(addServiceAddress(9, cidr("fd00::1/128")));
  assert.deepEqual(ipv6.slice(0, 8), [10, 128, 2, 0, ...INDEX]);
  assert.deepEqual(ipv6.slice(-20), [
    ...[20, 0, 6, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0],
  ]);
});

Deno.test("an exception is a route that sends the question on to the next rule", () => {
  const host = cidr("203.0.113.10/32").ip;
  const body = [
    ...[2, 32, 0, 0, 0, 4, 0, 9, 0, 0, 0, 0],
    ...[8, 0, 1, 0, 203, 0, 113, 10],
    ...[8, 0, 15, 0, ...TABLE],
  ];

  assert.equal(addException(0x2021fd00, host).type, 24);
  assert.deepEqual(bodyOf(addException(0x2021fd00, host)), body);
  assert.equal(removeException(0x2021fd00, host).type, 25);
  assert.deepEqual(bodyOf(removeException(0x2021fd00, host)), body);
});

Deno.test("routes to neighbouring networks are copied with their source, and no others", () => {
  const neighbour = [
    ...[2, 24, 0, 0, 254, 2, 253, 1, 0, 0, 0, 0],
    ...[8, 0, 1, 0, 192, 168, 1, 0],
    ...[8, 0, 4, 0, 3, 0, 0, 0],
    ...[8, 0, 7, 0, 192, 168, 1, 5],
  ];
  const copy = (bytes: number[], type = 24) =>
    copyLinkRoute(
      { type, sequence: 1, body: Uint8Array.from(bytes) },
      254,
      0x2021fd00,
      9,
    );

  const request = copy(neighbour);
  assert.ok(request);
  assert.deepEqual(bodyOf(request), [
    ...[2, 24, 0, 0, 0, 2, 253, 1, 0, 0, 0, 0],
    ...[8, 0, 1, 0, 192, 168, 1, 0],
    ...[8, 0, 4, 0, 3, 0, 0, 0],
    ...[8, 0, 15, 0, ...TABLE],
    ...[8, 0, 7, 0, 192, 168, 1, 5],
  ]);
  const withGateway = [...neighbour, 8, 0, 5, 0, 192, 168, 1, 1];
  assert.equal(copy(withGateway), undefined);
  assert.equal(copy(neighbour.with(4, 255)), undefined);
  assert.equal(copy(neighbour.with(6, 0)), undefined);
  assert.equal(copy(neighbour.with(7, 9)), undefined);
  assert.equal(copy(neighbour.with(24, 9)), undefined);
  assert.equal(copy(neighbour, 20), undefined);
  assert.equal(copy(neighbour.slice(0, 11)), undefined);
});

import assert from "node:assert/strict";
import { instant, writeU16 } from "../../lib/base/mod.ts";
import { NatTable } from "../../lib/policy/mod.ts";
import { IcmpErrorView, IpPacketView } from "../../lib/wire/mod.ts";
import { heapBytesPerCall } from "../support/heap.ts";
import { icmpPacket } from "../support/ip_packet.ts";
import {
  address,
  attached,
  CLIENT,
  NatHarness,
  PROXY,
  REAL,
  replyTo,
  tcp,
  udp,
} from "../support/nat.ts";

Deno.test("translating packets of a session costs no heap", () => {
  const table = new NatTable(1);
  const real = address(REAL);
  const view = new IpPacketView();
  const quoted = new IcmpErrorView();
  const target = new Uint8Array(1_280);
  const [out, back] = [tcp(5, PROXY), replyTo(tcp, 5)];
  const [outScratch, backScratch] = [out.slice(), back.slice()];
  table.translateOutbound(attached(outScratch), real, instant(0));
  const error = icmpPacket({
    source: REAL,
    destination: CLIENT,
    type: 3,
    body: outScratch,
  });
  let failures = 0;

  const bytesPerCall = heapBytesPerCall(() => {
    outScratch.set(out);
    view.attach(outScratch, 0, outScratch.length);
    const sent = table.translateOutbound(view, real, instant(0.5));
    backScratch.set(back);
    view.attach(backScratch, 0, backScratch.length);
    const received = table.translateInbound(view, instant(0.5));
    view.attach(error, 0, error.length);
    quoted.attach(view);
    const failed = table.translateIcmpError(
      view,
      quoted,
      target,
      0,
      instant(0.5),
    );
    const isTranslated = sent === "translated" && received === sent &&
      failed === sent;
    if (!isTranslated) failures++;
  });

  assert.equal(failures, 0);
  assert.equal(table.size, 1);
  assert.ok(bytesPerCall < 1, `${bytesPerCall} bytes a round`);
});

Deno.test("opening and ending sessions costs no heap once the table has grown", () => {
  const table = new NatTable(1);
  const real = address(REAL);
  const view = new IpPacketView();
  const packet = udp(0, PROXY);
  const scratch = packet.slice();
  const portAt = attached(packet).transportAt;
  const open = (port: number) => {
    scratch.set(packet);
    writeU16(scratch, portAt, port);
    view.attach(scratch, 0, scratch.length);
    return table.translateOutbound(view, real, instant(0));
  };
  for (let port = 0; port < 20_000; port++) open(port);
  const endAll = () => {
    while (!table.expire(instant(60_000)));
  };
  endAll();
  let port = 0;
  let failures = 0;

  const bytesPerCall = heapBytesPerCall(() => {
    if (open(port) !== "translated") failures++;
    if (++port === 20_000) {
      port = 0;
      endAll();
    }
  });

  assert.equal(failures, 0);
  assert.ok(bytesPerCall < 1, `${bytesPerCall} bytes a session`);
});

Deno.test("looking for a free port at an exhausted address costs no heap", () => {
  const nat = new NatHarness();
  const packet = udp(1, PROXY);
  const portAt = attached(packet).transportAt;
  for (let port = 1; port <= 65_535; port++) {
    const copy = packet.slice();
    writeU16(copy, portAt, port);
    nat.send(copy, REAL);
  }
  const refused = attached(udp(777, "100.96.0.2"));
  const real = address(REAL);

  const bytesPerCall = heapBytesPerCall(() => {
    nat.table.translateOutbound(refused, real, instant(0));
  });

  assert.equal(nat.table.size, 65_535);
  assert.ok(bytesPerCall < 1, `${bytesPerCall} bytes a packet`);
});

import assert from "node:assert/strict";
import { instant, toHex, writeU16 } from "../../lib/base/mod.ts";
import { icmpPacket, udpPacket } from "../support/ip_packet.ts";
import {
  ACK,
  attached,
  type Build,
  CLIENT,
  echo,
  endsOf,
  FIN,
  NatHarness,
  OTHER_PROXY,
  PROXY,
  REAL,
  replyTo,
  RST,
  SYN,
  tcp,
  udp,
} from "../support/nat.ts";

for (
  const { name, build, idleMs } of [
    { name: "TCP", build: tcp, idleMs: 7_440_000 },
    { name: "UDP", build: udp, idleMs: 120_000 },
    { name: "echo", build: echo, idleMs: 120_000 },
  ]
) {
  Deno.test(`[dp 96] a session of ${name} ends after ${idleMs} ms of silence in both directions`, () => {
    for (const lastWord of ["sent", "received"]) {
      const nat = new NatHarness();
      nat.send(build(5, PROXY), REAL);
      nat.receive(replyTo(build, 5));
      nat.expireAfter(idleMs - 1);
      if (lastWord === "sent") nat.send(build(5, PROXY), REAL);
      else nat.receive(replyTo(build, 5));

      nat.expireAfter(idleMs - 1);
      assert.equal(nat.table.size, 1);
      nat.expireAfter(1);
      assert.equal(nat.table.size, 0);
    }
  });

  Deno.test(`[dp 97] a session of ${name} without an answer ends 60 s after the last packet sent`, () => {
    const nat = new NatHarness();
    nat.send(build(5, PROXY), REAL);
    nat.expireAfter(59_999);
    nat.send(build(5, PROXY), REAL);

    nat.expireAfter(59_999);
    assert.equal(nat.table.size, 1);
    nat.expireAfter(1);
    assert.equal(nat.table.size, 0);
  });
}

Deno.test("[dp 97] an ICMP error counts as an answer", () => {
  const nat = new NatHarness();
  const packet = udp(5, PROXY);
  nat.send(packet, REAL);
  nat.receiveError(
    icmpPacket({ source: REAL, destination: CLIENT, type: 3, body: packet }),
  );

  nat.expireAfter(119_999);
  assert.equal(nat.table.size, 1);
  nat.expireAfter(1);
  assert.equal(nat.table.size, 0);
});

Deno.test("sessions end in housekeeping only", () => {
  const nat = new NatHarness();
  nat.send(udp(5, PROXY), REAL);
  nat.wait(600_000);

  assert.equal(nat.receive(replyTo(udp, 5)), "translated");
  nat.expireAfter(119_999);
  assert.equal(nat.table.size, 1);
});

Deno.test("[dp 98] a RST of either side ends a session at the next housekeeping", () => {
  for (const sender of ["client", "resource"]) {
    const nat = connected();
    if (sender === "client") nat.send(tcp(5, PROXY, RST), REAL);
    else nat.receive(replyTo(tcp, 5, RST));
    assert.equal(nat.receive(replyTo(tcp, 5)), "translated");

    nat.expireAfter(0);

    assert.equal(nat.table.size, 0);
    assert.equal(nat.receive(replyTo(tcp, 5)), "expired");
  }
});

Deno.test("[dp 98] FINs of both sides end a session 5 s after its last packet", () => {
  const nat = connected();
  nat.send(tcp(5, PROXY, FIN), REAL);
  nat.expireAfter(4_000);
  nat.receive(replyTo(tcp, 5, FIN));
  nat.expireAfter(4_000);
  nat.send(tcp(5, PROXY, ACK), REAL);

  nat.expireAfter(4_999);
  assert.equal(nat.table.size, 1);
  nat.expireAfter(1);
  assert.equal(nat.table.size, 0);
});

Deno.test("[dp 98] a FIN of one side alone ends nothing", () => {
  for (const sender of ["client", "resource"]) {
    const nat = connected();
    for (let i = 0; i < 2; i++) {
      if (sender === "client") nat.send(tcp(5, PROXY, FIN), REAL);
      else nat.receive(replyTo(tcp, 5, FIN));
    }

    nat.expireAfter(7_439_999);

    assert.equal(nat.table.size, 1);
  }
});

Deno.test("FIN and RST of the packet that opens a session are of no account", () => {
  const nat = new NatHarness();
  nat.send(tcp(5, PROXY, FIN | RST), REAL);
  nat.receive(replyTo(tcp, 5, FIN));

  nat.expireAfter(7_439_999);

  assert.equal(nat.table.size, 1);
});

Deno.test("the bits of FIN and RST mean nothing in UDP", () => {
  const nat = new NatHarness();
  const payload = new Uint8Array(16).fill(0xff);
  const packet = () =>
    udpPacket({
      source: CLIENT,
      destination: PROXY,
      destinationPort: 443,
      sourcePort: 5,
      payload,
    });
  nat.send(packet(), REAL);
  nat.send(packet(), REAL);

  nat.expireAfter(59_999);

  assert.equal(nat.table.size, 1);
});

Deno.test("[dp 99] a late packet of a past session is told from a stranger's until the tuple is used again", () => {
  for (const build of [tcp, udp, echo]) {
    const nat = new NatHarness();
    nat.send(build(5, PROXY), REAL);
    nat.expireAfter(60_000);
    const late = replyTo(build, 5);
    const before = toHex(late);

    assert.equal(nat.receive(late), "expired");
    assert.equal(toHex(late), before);
    assert.equal(nat.table.expiredCount, 1);

    nat.send(build(5, OTHER_PROXY), REAL);
    assert.equal(nat.receive(late), "translated");
    assert.equal(endsOf(late).source, OTHER_PROXY);
    assert.equal(nat.table.expiredCount, 0);
  }
});

Deno.test("[dp 99] a client that goes on after its session has ended gets a fresh one", () => {
  for (const build of [tcp, udp, echo]) {
    const nat = new NatHarness();
    nat.send(build(5, PROXY), REAL);
    nat.send(build(5, PROXY), REAL);
    nat.expireAfter(60_000);
    assert.equal(nat.table.size, 0);

    assert.equal(nat.send(build(5, PROXY), REAL), "translated");

    assert.equal(nat.table.size, 1);
    assert.equal(nat.table.expiredCount, 0);
    assert.equal(nat.receive(replyTo(build, 5)), "translated");
  }
});

Deno.test("[dp 99] an ICMP error about a past session is told from others, too", () => {
  const nat = new NatHarness();
  const packet = udp(5, PROXY);
  nat.send(packet, REAL);
  const error = icmpPacket({
    source: REAL,
    destination: CLIENT,
    type: 3,
    body: packet,
  });
  nat.expireAfter(60_000);

  assert.equal(nat.receiveError(error), "expired");
  nat.table.clear();
  assert.equal(nat.receiveError(error), "none");
});

Deno.test("a run of housekeeping ends 4096 sessions at most, and the next one goes on", () => {
  const nat = new NatHarness();
  openMany(nat, udp, 1, 10_000);
  nat.wait(60_000);

  const sizes = [1, 2, 3].map(() => {
    const isDone = nat.table.expire(instant(60_000));
    return [nat.table.size, isDone];
  });
  assert.deepEqual(sizes, [[5_904, false], [1_808, false], [0, true]]);

  assert.equal(nat.expireAfter(7_440_000), 3);
  assert.equal(nat.table.expiredCount, 0);
});

Deno.test("past sessions are forgotten after 7440 s", () => {
  const nat = new NatHarness();
  nat.send(udp(5, PROXY), REAL);
  nat.expireAfter(60_000);

  nat.expireAfter(7_439_999);
  assert.equal(nat.receive(replyTo(udp, 5)), "expired");
  nat.expireAfter(1);
  assert.equal(nat.receive(replyTo(udp, 5)), "none");
});

Deno.test("of more than 65536 past sessions the oldest are forgotten", () => {
  const nat = new NatHarness();
  openMany(nat, udp, 0, 9);
  nat.expireAfter(60_000);
  openMany(nat, tcp, 0, 65_535);
  nat.expireAfter(60_000);

  assert.equal(nat.table.expiredCount, 65_536);
  assert.equal(nat.receive(replyTo(udp, 9)), "none");
  assert.equal(nat.receive(replyTo(tcp, 0)), "expired");
  assert.equal(nat.receive(replyTo(tcp, 65_535)), "expired");
});

Deno.test("when all ports of a real address are taken, only packets that need another one are refused", () => {
  const nat = new NatHarness();
  openMany(nat, udp, 1, 65_535);
  const one = udp(777, OTHER_PROXY);
  const before = toHex(one);

  assert.equal(nat.send(one, REAL), "exhausted");
  assert.equal(toHex(one), before);
  assert.equal(nat.send(udp(777, PROXY), REAL), "translated");
  assert.equal(nat.send(tcp(777, OTHER_PROXY), REAL), "translated");
});

Deno.test("a client has 65536 sessions at most, and goes on with those", () => {
  const nat = new NatHarness();
  openMany(nat, udp, 0, 65_535);
  const one = tcp(777, PROXY);
  const before = toHex(one);

  assert.equal(nat.send(one, REAL), "table-full");
  assert.equal(toHex(one), before);
  assert.equal(nat.table.size, 65_536);
  assert.equal(nat.send(udp(777, PROXY), REAL), "translated");
  nat.expireAfter(60_000);
  assert.equal(nat.send(one, REAL), "translated");
});

function connected(): NatHarness {
  const nat = new NatHarness();
  nat.send(tcp(5, PROXY, SYN), REAL);
  nat.receive(replyTo(tcp, 5, SYN | ACK));
  return nat;
}

/** Opens sessions with the ports from `first` to `last`. */
function openMany(
  nat: NatHarness,
  build: Build,
  first: number,
  last: number,
): void {
  const template = build(first, PROXY);
  const portAt = attached(template).transportAt;
  for (let port = first; port <= last; port++) {
    const packet = template.slice();
    writeU16(packet, portAt, port);
    assert.equal(nat.send(packet, REAL), "translated");
  }
}

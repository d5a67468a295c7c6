import assert from "node:assert/strict";
import { interfaceLosses, socketLosses } from "../../lib/io/kernel_losses.ts";
import type { Libc } from "../../lib/io/libc.ts";
import type { NetlinkReply } from "../../lib/io/netlink_message.ts";

const FD = 7;
const ENODEV = 19;
/** `sk_meminfo` of the kernel: nine numbers of 32 bits. */
const RECEIVED = 0;
const RECEIVE_BUFFER = 1;
const DROPS = 8;

Deno.test("a socket has losses when the kernel's counter has moved, once for each time", () => {
  const socket = new FakeSocket();
  const isLosing = socketLosses(FD, socket);

  const answers = [0, 3, 3, 4, 4].map((drops) => {
    socket.counters[DROPS] = drops;
    return isLosing();
  });

  assert.deepEqual(answers, [false, true, false, true, false]);
});

Deno.test("a counter of drops that wraps around is a loss like any other", () => {
  const socket = new FakeSocket();
  socket.counters[DROPS] = 0xffff_ffff;
  const isLosing = socketLosses(FD, socket);
  isLosing();

  socket.counters[DROPS] = 2;

  assert.equal(isLosing(), true);
  assert.equal(isLosing(), false);
});

Deno.test("a receive buffer more than half full is about to lose", () => {
  const socket = new FakeSocket();
  socket.counters[RECEIVE_BUFFER] = 1_000;
  const isLosing = socketLosses(FD, socket);

  const answers = [0, 500, 501, 1_000, 10].map((received) => {
    socket.counters[RECEIVED] = received;
    return isLosing();
  });

  assert.deepEqual(answers, [false, false, true, true, false]);
});

Deno.test("a kernel that does not tell of a socket's memory has no losses", () => {
  const socket = new FakeSocket();
  socket.counters[DROPS] = 5;
  socket.result = -1;

  assert.equal(socketLosses(FD, socket)(), false);
});

Deno.test("an interface has losses when the kernel drops what it was to take, not for what was before", () => {
  const netlink = new FakeNetlink();
  const isLosing = interfaceLosses(netlink, 12);

  const answers = [70, 70, 71, 71, 2 ** 40].map((drops) => {
    netlink.answer = [statistics(drops)];
    return isLosing();
  });

  assert.deepEqual(answers, [false, false, true, false, true]);
  assert.deepEqual(netlink.asked, [12, 12, 12, 12, 12]);
});

Deno.test("an interface that the kernel tells nothing of has no losses, and counts on from where it was", () => {
  const netlink = new FakeNetlink();
  const isLosing = interfaceLosses(netlink, 12);
  netlink.answer = [statistics(5)];
  isLosing();

  for (const answer of [ENODEV, [], [reply(new Uint8Array(12))]]) {
    netlink.answer = answer;
    assert.equal(isLosing(), false);
  }
  netlink.answer = [statistics(6)];

  assert.equal(isLosing(), true);
});

class FakeSocket {
  readonly counters = new Uint32Array(9);
  result = 0;

  getsockopt: Libc["getsockopt"] = (fd, level, option, counters, length) => {
    const room = counters as Uint32Array;
    const [roomBytes] = length as Uint32Array;
    // SOL_SOCKET and SO_MEMINFO.
    assert.deepEqual([fd, level, option, roomBytes], [FD, 1, 55, 36]);
    if (this.result === 0) room.set(this.counters);
    return this.result;
  };
}

class FakeNetlink {
  answer: NetlinkReply[] | number = [];
  readonly asked: number[] = [];

  ask({ body }: { readonly body: Uint8Array }): NetlinkReply[] | number {
    this.asked.push(body[4]!);
    return this.answer;
  }
}

/** `if_stats_msg`, and in one attribute 24 numbers of 64 bits, of which the eighth are drops of what is sent. */
function statistics(drops: number): NetlinkReply {
  const body = new Uint8Array(12 + 4 + 24 * 8);
  const view = new DataView(body.buffer);
  view.setUint16(12, body.length - 12, true);
  view.setUint16(14, 1, true);
  view.setBigUint64(16 + 7 * 8, BigInt(drops), true);
  return reply(body);
}

function reply(body: Uint8Array): NetlinkReply {
  return { type: 92, sequence: 1, body };
}

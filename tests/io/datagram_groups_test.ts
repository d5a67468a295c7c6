import assert from "node:assert/strict";
import fc from "fast-check";
import type { Ecn, IpAddress } from "../../lib/base/mod.ts";
import { DatagramGroups } from "../../lib/io/datagram_groups.ts";
import { addressOf } from "../support/datagram.ts";
import { heapBytesPerCall } from "../support/heap.ts";

const CAPACITY = 256;
const PEER = addressOf("192.0.2.1:5000");
const OTHER = addressOf("192.0.2.2:5000");
const SOURCE = addressOf("192.0.2.9:1").ip;

/** One datagram; what is not told is the same for all. */
interface Sent {
  readonly length?: number;
  readonly fd?: number;
  readonly source?: IpAddress | null;
  readonly to?: typeof PEER;
  readonly ecn?: Ecn;
}

Deno.test("datagrams of one length to one destination are one group", () => {
  assert.deepEqual(group([{}, {}, {}]), [[0, 1, 2]]);
});

Deno.test("an address that is equal but another object is the same destination", () => {
  const again = addressOf("192.0.2.1:5000");

  assert.deepEqual(group([{}, { to: again }, {}]), [[0, 1, 2]]);
});

Deno.test("[dp 122] a shorter datagram joins and closes its group, a longer one begins another", () => {
  assert.deepEqual(group([{}, { length: 99 }, {}]), [[0, 1], [2]]);
  assert.deepEqual(group([{}, { length: 99 }, { length: 99 }]), [[0, 1], [2]]);
  assert.deepEqual(group([{}, { length: 101 }, {}]), [[0], [1, 2]]);
});

Deno.test("[dp 122] a group holds 64 datagrams at most", () => {
  const groups = group(new Array(150).fill({}));

  assert.deepEqual(groups.map((it) => it.length), [64, 64, 22]);
});

Deno.test("[dp 122] a group stays below 64 KiB with its headers", () => {
  const largest = (to: string, length: number) =>
    group(new Array(70).fill({ length, to: addressOf(to) }))[0]?.length;

  assert.equal(largest("192.0.2.1:5", 1_316), 49);
  assert.equal(largest("[2001:db8::1]:5", 1_316), 49);
  assert.equal(largest("192.0.2.1:5", 1_284), 50);
  // 51 * 1284 = 65484, which leaves room for the headers of neither family.
  assert.equal(largest("[2001:db8::1]:5", 1_284), 51);
  assert.equal(largest("192.0.2.1:5", 1_024), 63);
});

Deno.test("[dp 119] another source, destination, socket or congestion mark makes another group, which nothing of its destination passes by", () => {
  assert.deepEqual(group([{}, { to: OTHER }, {}]), [[0, 2], [1]]);
  assert.deepEqual(group([{}, { fd: 4 }, {}]), [[0, 2], [1]]);
  assert.deepEqual(group([{}, { ecn: 3 }, {}]), [[0], [1], [2]]);
  assert.deepEqual(group([{}, { source: SOURCE }, {}]), [[0], [1], [2]]);
});

Deno.test("where groups are not to be had, each datagram leaves alone", () => {
  assert.deepEqual(group([{}, {}, {}], false), [[0], [1], [2]]);
});

Deno.test("empty datagrams leave alone", () => {
  assert.deepEqual(group([{ length: 0 }, { length: 0 }, {}]), [[0], [1], [2]]);
});

Deno.test("[dp 119] datagrams to one destination leave in the order in which they came", () => {
  const sent = fc.record({
    length: fc.constantFrom(0, 100, 100, 100, 60, 1_316),
    fd: fc.constantFrom(3, 4),
    source: fc.constantFrom(null, SOURCE),
    to: fc.constantFrom(PEER, OTHER, addressOf("192.0.2.1:5000")),
    ecn: fc.constantFrom<Ecn>(0, 0, 3),
  });
  fc.assert(fc.property(fc.array(sent, { maxLength: 200 }), (all) => {
    const order = group(all).flat();

    assert.deepEqual(order.toSorted((a, b) => a - b), all.map((_, i) => i));
    for (const fd of [3, 4]) {
      for (const last of [1, 2]) {
        const ofFlow = order.filter((i) =>
          all[i]!.fd === fd && all[i]!.to.ip.bytes[3] === last
        );
        assert.deepEqual(ofFlow, ofFlow.toSorted((a, b) => a - b));
      }
    }
  }));
});

Deno.test("grouping allocates nothing", () => {
  const groups = new DatagramGroups(CAPACITY);
  const grown = heapBytesPerCall(() => {
    for (let i = 0; i < 60; i++) {
      groups.add(i, 100 + (i & 1), 3, null, i % 3 ? PEER : OTHER, 0, true);
    }
    groups.clear();
  });

  assert.ok(grown < 1, `${grown} bytes per call`);
});

/** Returns which datagrams make up each group, and checks what each group says. */
function group(all: readonly Sent[], mayJoin = true): number[][] {
  const groups = new DatagramGroups(CAPACITY);
  const whole = all.map((sent) => ({
    ...{ length: 100, fd: 3, source: null, to: PEER, ecn: 0 as Ecn },
    ...sent,
  }));
  whole.forEach(({ length, fd, source, to, ecn }, slot) => {
    groups.add(slot, length, fd, source, to, ecn, mayJoin);
  });
  return Array.from({ length: groups.count }, (_, i) => {
    const { count, first, ...told } = groups.group(i);
    const slots = [first];
    while (slots.length < count) slots.push(groups.after(slots.at(-1)!));
    slots.forEach((slot, k) => {
      const sent = whole[slot]!;
      assert.equal(told.fd, sent.fd);
      assert.equal(told.source, sent.source);
      assert.equal(told.ecn, sent.ecn);
      assert.deepEqual(told.destination, sent.to);
      const isLast = k === count - 1;
      assert.ok(
        sent.length === told.segmentSize ||
          isLast && sent.length < told.segmentSize,
      );
    });
    return slots;
  });
}

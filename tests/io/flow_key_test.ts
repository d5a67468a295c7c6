import assert from "node:assert/strict";
import type { Datagram } from "../../lib/base/mod.ts";
import { flowOfDatagram, flowOfPacket } from "../../lib/io/flow_key.ts";

const SEED = 7;

Deno.test("the data of one peer is one flow, whatever its session, its counter and the way it came", () => {
  const flow = flowOf({ message: data(0xabcd00) });

  assert.equal(flowOf({ message: data(0xabcd00, 5, 99) }), flow);
  assert.equal(flowOf({ message: data(0xabcd00), port: 9 }), flow);
  assert.equal(flowOf({ message: [0x40, 0, 0, 32, ...data(0xabcd00)] }), flow);
});

Deno.test("another peer behind the same address or relay is another flow", () => {
  assert.notEqual(
    flowOf({ message: data(0xabcd00) }),
    flowOf({ message: data(0xabcd01) }),
  );
  assert.notEqual(
    flowOf({ message: [0x40, 0, 0, 32, ...data(0xabcd00)] }),
    flowOf({ message: [0x40, 1, 0, 32, ...data(0xabcd01)] }),
  );
});

Deno.test("handshakes and STUN of a peer do not count with its data, but with each other", () => {
  const stun = flowOf({ message: [0, 1, 0, 0] });

  assert.equal(flowOf({ message: [1, 0, 0, 0] }), stun);
  assert.notEqual(flowOf({ message: data(0xabcd00) }), stun);
  assert.notEqual(flowOf({ message: [0, 1, 0, 0], port: 9 }), stun);
});

Deno.test("a runt is a flow of its address", () => {
  assert.equal(flowOf({ message: [4] }), flowOf({ message: [0x40] }));
  assert.equal(flowOf({ message: [4] }), flowOf({ message: [] }));
});

Deno.test("packets to one destination are one flow, in both families", () => {
  for (const [version, at, length] of [[4, 16, 20], [6, 24, 40]] as const) {
    const packet = new Uint8Array(length);
    packet[0] = version << 4;
    const flow = flowOfPacket(packet, 0, SEED);
    packet[at - 1] = 1;
    assert.equal(flowOfPacket(packet, 0, SEED), flow);
    packet[at] = 1;
    assert.notEqual(flowOfPacket(packet, 0, SEED), flow);
  }
});

interface Sent {
  readonly message: readonly number[];
  readonly port?: number;
}

function flowOf({ message, port = 5_000 }: Sent): number {
  const datagram: Partial<Datagram> = {
    bytes: Uint8Array.from(message),
    start: 0,
    end: message.length,
    sourcePort: port,
    copySourceIp: (target) => {
      target.set([192, 0, 2, 1]);
      return 4;
    },
  };
  return flowOfDatagram(datagram as Datagram, SEED);
}

/** A data message without content to the peer with this connection id. */
function data(connection: number, session = 0, counter = 0): number[] {
  const message = new Array(32).fill(0);
  message[0] = 4;
  message[4] = session;
  message[5] = connection >>> 16;
  message[6] = (connection >>> 8) & 0xff;
  message[7] = connection & 0xff;
  message[8] = counter;
  return message;
}

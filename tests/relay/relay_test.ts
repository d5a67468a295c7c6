import assert from "node:assert/strict";
import { instant, NEVER, NO_LOG, unixMs } from "../../lib/base/mod.ts";
import type { Core } from "../../lib/io/mod.ts";
import {
  Relay,
  type RelayMessage,
  type RelayServerEvent,
} from "../../lib/relay/mod.ts";
import { datagramOf } from "../support/datagram.ts";
import { SeededRandom } from "../support/random.ts";
import { bytesOf } from "../support/stun_vectors.ts";
import { ipOf, RecordingSink, RELAY4, SECRET } from "./lab.ts";

const BINDING = bytesOf("0001000021" + "12a442a0a1a2a3a4a5a6a7a8a9aaab");

Deno.test("a relay serves with and without the portal", () => {
  const relay = relayOf();
  const core: Core<RelayMessage, RelayServerEvent> = relay;
  const sink = new RecordingSink();
  const packets = {
    bytes: sink.bytes,
    reserve: () => 0,
    commit: () => assert.fail(),
  };
  const now = instant(0);

  for (const hasPortal of [false, true]) {
    if (hasPortal) core.handleMessage({ kind: "init" }, now);
    const datagram = datagramOf("203.0.113.7:40001", `${RELAY4}:3478`, BINDING);
    core.handleDatagram(datagram, now, packets, sink);

    assert.equal(core.pollTransmit()?.localPort, 0);
    assert.equal(relay.snapshot().hasPortal, hasPortal);
  }
  assert.equal(relay.snapshot().counters.binding, 2);
});

Deno.test("a relay that does nothing asks for no time and no ports", () => {
  const relay = relayOf();

  relay.handlePacket(
    new Uint8Array(20),
    0,
    20,
    instant(0),
    new RecordingSink(),
  );
  relay.handleTimeout(instant(1));
  relay.stop(instant(2));

  assert.equal(relay.pollTimeout(), NEVER);
  assert.equal(relay.pollEvent(), undefined);
  assert.equal(relay.pollTransmit(), undefined);
});

function relayOf(): Relay {
  return new Relay({
    stampSecret: SECRET,
    publicIpv4: ipOf(RELAY4),
    lowestPort: 49_152,
    highestPort: 65_535,
    epoch: { instant: instant(0), unix: unixMs(0) },
    random: new SeededRandom(1),
    log: NO_LOG,
  });
}

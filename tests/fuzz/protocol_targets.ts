import assert from "node:assert/strict";
import { toHex } from "../../lib/base/mod.ts";
import { StunView } from "../../lib/wire/mod.ts";
import { BOTH, METHOD, RelayClient, RelayLab, UDP } from "../relay/lab.ts";
import { LOCAL4, RELAY4, type SentRequest, TurnLab } from "../turn/lab.ts";
import { addressOf } from "../support/datagram.ts";
import { ipv4Packet, Pair, type Peer } from "../wireguard/support.ts";
import { anyAttributes } from "./attributes.ts";
import { Tape } from "./choices.ts";
import type { FuzzTarget } from "./engine.ts";
import { Mutator } from "./mutator.ts";

/** Most outputs that may wait in a core at a time. */
const QUEUE_LIMIT = 256;

const PEERS = Array.from(
  { length: 200 },
  (_, i) => i % 2 === 0 ? `198.51.100.${i}:${i + 1}` : `[2001:db8::${i}]:${i}`,
);

/** Protocol cores whose other side may be malicious. */
export const PROTOCOL_TARGETS: readonly FuzzTarget[] = [
  scenario("wireguard/tunnel", 25, 600, attackTunnel),
  scenario("turn/allocation", 100, 3_000, attackAllocation),
  scenario("relay/requests", 25, 2_000, attackRelay),
];

function scenario(
  name: string,
  runs: number,
  tapeBytes: number,
  attack: (tape: Tape) => void,
): FuzzTarget {
  return {
    name,
    runs,
    generate: (choices) => choices.bytes(choices.below(tapeBytes)),
    check: (input) => attack(new Tape(input)),
  };
}

/** Two ends and somebody between them: a packet arrives as it was sent, at most once, from the other end, or not at all. */
function attackTunnel(tape: Tape): void {
  const pair = Pair.connected();
  const seen: Uint8Array[] = [];
  const sealed = new Map<Peer, Set<string>>([
    [pair.a, new Set()],
    [pair.b, new Set()],
  ]);
  let tag = 0;
  const mutator = (): Mutator => new Mutator(tape, seen, () => {});
  const receive = (to: Peer, message: Uint8Array) => {
    const { packet } = to.receive(message, pair.now);
    const from = to === pair.a ? pair.b : pair.a;
    if (packet === undefined) return;
    const isGenuine = sealed.get(from)!.delete(toHex(packet));
    assert.ok(isGenuine, "A packet that was not sent, or sent once, arrived");
  };

  while (!tape.isAtEnd) {
    const [from, to] = tape.below(2) === 0
      ? [pair.a, pair.b]
      : [pair.b, pair.a];
    switch (tape.below(8)) {
      case 0:
        pair.pass(tape.below(3_000));
        pair.wake();
        break;
      case 1:
        from.tunnel.startHandshake(pair.now);
        break;
      case 2:
      case 3: {
        const packet = ipv4Packet(24 + tape.below(1_257), tag++);
        const message = from.seal(packet, pair.now);
        if (!message) break;
        sealed.get(from)!.add(toHex(packet));
        seen.push(message);
        break;
      }
      case 4:
        if (seen.length > 0) receive(to, tape.pick(seen));
        break;
      default:
        if (seen.length > 0) receive(to, mutator().next());
    }
    const waiting = from.drain();
    assert.ok(waiting.length <= QUEUE_LIMIT);
    seen.push(...waiting);
    if (tape.below(2) === 0) { for (const it of waiting) receive(to, it); }
    if (seen.length > QUEUE_LIMIT) seen.splice(0, QUEUE_LIMIT / 2);
  }

  if (pair.a.events.length + pair.b.events.length > 0) return;
  pair.run(20_000);
  assert.equal(pair.send(pair.a), "packet", "The tunnel is broken");
}

/** A relay that knows the password and answers anything. */
function attackAllocation(tape: Tape): void {
  const lab = new TurnLab();
  let asked: SentRequest[] = lab.takeSent();
  const payloads = asked.map(({ payload }) => payload);

  while (!tape.isAtEnd) {
    const sent = lab.takeSent();
    assert.ok(sent.length <= QUEUE_LIMIT, `${sent.length} sent`);
    assert.ok(lab.takeEvents().length <= QUEUE_LIMIT);
    payloads.push(...sent.map(({ payload }) => payload));
    asked = [...asked, ...sent].slice(-20);
    stepOfAllocation(tape, lab, tape.pick(asked), payloads);
  }
  lab.sleep(3_600_000);
  assert.ok(lab.takeSent().length <= QUEUE_LIMIT);
}

function stepOfAllocation(
  tape: Tape,
  lab: TurnLab,
  request: SentRequest,
  payloads: readonly Uint8Array[],
): void {
  const attributes = anyAttributes(tape);
  const { allocation } = lab;
  switch (tape.below(9)) {
    case 0:
      return lab.advance(tape.below(30_000));
    case 1:
      return lab.sleep(tape.pick([60_000, 600_000, 7_200_000]));
    case 2:
    case 3:
      return allocation.bindChannel(addressOf(tape.pick(PEERS)), lab.now);
    case 4: {
      const codes = [300, 400, 401, 403, 437, 438, 441, 486, 508, 699];
      lab.fail(request, tape.pick(codes), attributes);
      return;
    }
    case 5: {
      const from = tape.pick(["203.0.113.99:3478", "[2001:db8::99]:3478"]);
      lab.succeed(request, attributes, { from });
      return;
    }
    case 6: {
      const view = new StunView();
      const bytes = new Mutator(tape, payloads).next();
      if (!view.attach(bytes, 0, bytes.length)) return;
      const [from, local] = [addressOf(RELAY4), addressOf(LOCAL4)];
      allocation.handleDatagram(from, local, view, lab.now);
      return;
    }
    default:
      lab.succeed(request, attributes);
  }
}

/** Clients with good credentials that ask for anything. A datagram leads to one output at most, so nothing is amplified. */
function attackRelay(tape: Tape): void {
  const ports = { lowestPort: 49_152, highestPort: 49_155 };
  const lab = new RelayLab(ports);
  const clients = [1, 2, 3, 4, 5].map((i) =>
    new RelayClient(lab, i % 2 ? `192.0.2.${i}:${i}` : `[2001:db8::${i}]:${i}`)
  );
  const seen: Uint8Array[] = [new Uint8Array(20)];

  while (!tape.isAtEnd) {
    const client = tape.pick(clients);
    const port = tape.pick([3478, 49_152, 49_153, 49_155]);
    switch (tape.below(8)) {
      case 0:
        lab.advance(tape.pick([1, 1_000, 60_000, 900_000]));
        break;
      case 1:
        client.ask(METHOD.allocate, [UDP, BOTH]);
        break;
      case 2:
        client.bind(0x4000 + tape.below(4), tape.pick(PEERS));
        break;
      case 3:
        client.sendData(0x4000 + tape.below(4), tape.bytes(tape.below(1_200)));
        break;
      case 4: {
        const data = tape.bytes(tape.below(1_317));
        assert.ok(lab.deliver(tape.pick(PEERS), port, data).length <= 1);
        break;
      }
      case 5: {
        const bytes = new Mutator(tape, seen).next();
        assert.ok(lab.deliver(client.address, port, bytes).length <= 1);
        break;
      }
      default: {
        const method = tape.pick(Object.values(METHOD));
        const answer = client.request(method, anyAttributes(tape));
        if (answer) client.nonce = answer.view.nonce() ?? client.nonce;
        if (answer) seen.push(answer.payload);
      }
    }
    checkRelay(lab);
  }
}

function checkRelay(lab: RelayLab): void {
  const { allocations, channels, clients } = lab.server.snapshot();
  assert.ok(allocations <= 4, `${allocations} allocations`);
  assert.ok(clients <= 5 + PEERS.length, `${clients} clients`);
  assert.ok(channels <= 4 * 4_096, `${channels} channels`);
  assert.ok(lab.events().length <= 8);
}

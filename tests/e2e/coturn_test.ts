import assert from "node:assert/strict";
import { STUN_METHOD } from "../../lib/wire/mod.ts";
import { Coturn } from "../support/coturn.ts";
import { requireTools } from "../support/tools.ts";
import { type Translation, TurnNode } from "../support/turn_node.ts";
import { EchoPeer, LOOPBACK, realNow, until } from "../support/udp_shell.ts";

/*
 * Our TURN client against coturn. What `TurnNode` translates is named there;
 * two tests take the translation away to show what is strict about us.
 *
 * Not possible by our dialect (p2p spec §4): Send indications and
 * permissions, which an `Allocation` never uses. Channels are all there is.
 */

const USER = "alice";
const PASSWORD = "correct-horse";

Deno.test("[p2p 86] an Allocation ignores coturn's unsigned refusals, and works once they are signed", async () => {
  await using coturn = await startCoturn();
  await using node = await startNode(coturn, { signsErrors: false });
  const { allocation } = node;

  await until(() => node.errors.length > 0, 10_000, "coturn's first refusal");
  assert.equal(node.errors[0], 401);
  assert.equal(allocation.relayed(4), undefined);

  node.translation.signsErrors = true;
  await allocated(node);
  assert.deepEqual(allocation.relayed(4)?.ip, LOOPBACK);
  assert.equal(allocation.relayed(6), undefined);
});

Deno.test("data passes through coturn on a channel, both ways and to several peers", async () => {
  await using coturn = await startCoturn();
  await using node = await startNode(coturn);
  await using first = await EchoPeer.start();
  await using second = await EchoPeer.start();
  await allocated(node);

  for (const peer of [first, second]) {
    node.allocation.bindChannel(peer.address, realNow());
  }
  node.drain();
  await until(
    () => node.allocation.peerOf(0x4001, realNow()) !== undefined,
    5_000,
    "the second channel",
  );
  for (const text of ["1", "22", "333", "4444"]) {
    node.sendData(first.address, `first ${text}`);
    node.sendData(second.address, `second ${text}`);
  }

  await until(() => node.received.length === 8, 5_000, "eight echoes");
  assert.deepEqual(
    node.received.filter((text) => text.startsWith("first")),
    ["first 1", "first 22", "first 333", "first 4444"],
  );
  assert.deepEqual(node.errors, [401]);
});

Deno.test("[p2p 85] one ALLOCATE brings an IPv4 and an IPv6 address of coturn", async () => {
  await using coturn = await startCoturn("--relay-ip=::1");
  await using node = await startNode(coturn);
  await using peer = await EchoPeer.start("::1");
  await allocated(node);

  assert.equal(node.allocation.relayed(4)?.ip.family, 4);
  assert.equal(node.allocation.relayed(6)?.ip.family, 6);

  node.allocation.bindChannel(peer.address, realNow());
  node.drain();
  await until(() => node.hasChannel, 5_000, "a channel to an IPv6 peer");
  node.sendData(peer.address, "across families");
  await until(() => node.received.length > 0, 5_000, "an echo over IPv6");
  assert.deepEqual(node.received, ["across families"]);
});

Deno.test("[p2p 87] an Allocation takes over a new nonce when coturn calls the old one stale", async () => {
  await using coturn = await startCoturn("--stale-nonce=1");
  await using node = await startNode(coturn);
  await using peer = await EchoPeer.start();
  await allocated(node);

  // Asking for more channels goes on until coturn has become tired of the nonce.
  let port = 10_000;
  await until(
    () => {
      node.allocation.bindChannel({ ip: LOOPBACK, port: ++port }, realNow());
      node.drain();
      return node.errors.includes(438);
    },
    20_000,
    "a stale nonce",
  );
  node.allocation.bindChannel(peer.address, realNow());
  node.drain();
  const channel = () => node.allocation.channelTo(peer.address, realNow());
  await until(
    () => node.allocation.peerOf(channel(), realNow()) !== undefined,
    10_000,
    "a channel under the new nonce",
  );
  node.sendData(peer.address, "fresh");
  await until(() => node.received.length > 0, 5_000, "an echo");

  assert.deepEqual(node.received, ["fresh"]);
  assert.deepEqual(node.failures, []);
  assert.ok(node.errors.every((code) => code === 401 || code === 438));
});

Deno.test("[p2p 94] coturn refreshes an allocation, and its channels go on", async () => {
  await using coturn = await startCoturn();
  await using node = await startNode(coturn);
  await using peer = await EchoPeer.start();
  await allocated(node);
  node.allocation.bindChannel(peer.address, realNow());
  node.drain();
  await until(() => node.hasChannel, 5_000, "a channel");
  const before = node.allocation.relayed(4);

  node.allocation.refresh(realNow());
  node.drain();
  await until(
    () => node.granted.includes(STUN_METHOD.refresh),
    5_000,
    "an answer to REFRESH",
  );
  node.sendData(peer.address, "still here");
  await until(() => node.received.length > 0, 5_000, "an echo");

  assert.equal(countOf(node, STUN_METHOD.refresh), 1);
  assert.equal(countOf(node, STUN_METHOD.allocate), 2);
  assert.deepEqual(node.allocation.relayed(4), before);
  assert.deepEqual(node.failures, []);
});

Deno.test("an Allocation drops coturn when it refuses the dialect of a REFRESH", async () => {
  await using coturn = await startCoturn();
  await using node = await startNode(coturn, { trimsRefresh: false });
  await allocated(node);

  node.allocation.refresh(realNow());
  node.drain();

  await until(() => node.failures.length > 0, 5_000, "an answer to REFRESH");
  assert.deepEqual(node.failures, ["protocol-failure"]);
  assert.equal(node.errors.at(-1), 420);
});

Deno.test("[p2p 87] an Allocation gives up at once when coturn rejects its password", async () => {
  await using coturn = await startCoturn();
  await using node = await TurnNode.start(coturn.address, USER, "wrong");

  await until(() => node.failures.length > 0, 15_000, "the rejection");

  assert.deepEqual(node.failures, ["authentication-error"]);
  assert.deepEqual(node.errors, [401, 401]);
  assert.equal(countOf(node, STUN_METHOD.allocate), 2);
});

Deno.test("an Allocation that coturn has no quota for waits until it is asked to try again", async () => {
  await using coturn = await startCoturn("--user-quota=1");
  await using second = await (async () => {
    await using first = await startNode(coturn);
    await allocated(first);
    const second = await startNode(coturn);
    await until(() => second.errors.includes(486), 15_000, "a refusal");
    return second;
  })();

  assert.equal(second.allocation.relayed(4), undefined);
  assert.deepEqual(second.failures, []);
  const kinds = second.allocation.candidates().map(({ kind }) => kind);
  assert.deepEqual(kinds, ["host", "srflx"]);
  const asked = countOf(second, STUN_METHOD.allocate);
  second.allocation.refresh(realNow());
  second.drain();
  await until(
    () => second.errors.filter((code) => code === 486).length === 2,
    15_000,
    "another refusal",
  );
  assert.equal(countOf(second, STUN_METHOD.allocate), asked + 1);
  assert.deepEqual(second.errors.slice(-2), [437, 486]);
});

function startCoturn(...more: readonly string[]): Promise<Coturn> {
  requireTools("turnserver");
  return Coturn.start(USER, PASSWORD, ...more);
}

function startNode(
  coturn: Coturn,
  translation: Partial<Translation> = {},
): Promise<TurnNode> {
  return TurnNode.start(coturn.address, USER, PASSWORD, translation);
}

async function allocated(node: TurnNode): Promise<void> {
  await until(
    () => node.allocation.relayed(4) !== undefined,
    15_000,
    "an allocation",
  );
}

function countOf({ asked }: TurnNode, method: number): number {
  return asked.filter((other) => other === method).length;
}

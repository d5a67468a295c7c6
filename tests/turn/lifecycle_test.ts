import assert from "node:assert/strict";
import { type Logger, NEVER } from "../../lib/base/mod.ts";
import { addressOf } from "../support/datagram.ts";
import {
  allocated,
  lifetime,
  mapped,
  MAPPED4,
  RELAY4,
  RELAY6,
  RELAYED4,
  RELAYED6,
  TurnLab,
} from "./lab.ts";

const PEER = "198.51.100.10:60000";
const REMOVED = [`removed relay ${RELAYED4}`, `removed relay ${RELAYED6}`];

Deno.test("[p2p 89] a BINDING is repeated with its id, and failure shows after 8.125 s", () => {
  const lab = new TurnLab({ ipv6: undefined });
  const start = lab.now;
  const [first] = lab.takeSent();

  lab.advance(8_124);
  const repeats = lab.takeSent();
  assert.deepEqual(repeats.map(({ at }) => at - start), [1_000, 2_500, 4_750]);
  assert.ok(repeats.every(({ id }) => id === first!.id));
  assert.deepEqual(lab.takeEvents(), []);

  lab.advance(1);
  assert.deepEqual(lab.takeEvents(), ["failed no-response"]);
  assert.equal(lab.allocation.pollTimeout(), NEVER);
});

Deno.test("[p2p 89] an authenticated request is repeated with fresh ids, and only the last counts", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));
  const start = lab.now;
  const [first] = lab.takeSent();
  lab.advance(4_750);
  const repeats = lab.takeSent();

  assert.deepEqual(repeats.map(({ at }) => at - start), [1_000, 2_500, 4_750]);
  assert.equal(new Set([first!.id, ...repeats.map(({ id }) => id)]).size, 4);
  lab.challenge(first!);
  lab.challenge(repeats[1]!);
  assert.deepEqual(lab.takeSent(), []);
  lab.challenge(repeats[2]!);
  lab.takeOne("allocate");
});

Deno.test("[p2p 90] [p2p 109] a request that is never answered is the end of the allocation at once", () => {
  const lab = new TurnLab();
  lab.allocate();
  const channel = lab.bind(PEER);
  lab.takeEvents();

  lab.allocation.bindChannel(addressOf("198.51.100.11:1"), lab.now);
  lab.advance(8_125);

  assert.deepEqual(lab.takeEvents(), [...REMOVED, "failed no-response"]);
  assert.equal(lab.allocation.activeSocket, undefined);
  assert.equal(lab.allocation.relayed(4), undefined);
  assert.equal(lab.allocation.peerOf(channel, lab.now), undefined);
  assert.equal(lab.allocation.channelTo(addressOf(PEER), lab.now), 0);
});

Deno.test("[p2p 91] a BINDING that fails on the other family changes nothing", () => {
  const lab = new TurnLab();
  lab.allocate();
  lab.takeEvents();

  lab.advance(10_000);

  assert.deepEqual(lab.takeEvents(), []);
  assert.notEqual(lab.allocation.relayed(4), undefined);
});

Deno.test("the log tells which address is silent, and not of the relay as long as the other one answers", () => {
  const { log, lines } = recordingLog();
  const lab = new TurnLab({ log });
  lab.allocate();
  lines.length = 0;
  const silences = () => lines.splice(0).filter((it) => /answer/.test(it));

  lab.advance(8_125);
  assert.deepEqual(silences(), [
    `An address of the relay does not answer ${RELAY6} ${RELAY4}`,
  ]);
  lab.advance(30_000);
  assert.deepEqual(silences(), [`The relay does not answer ${RELAY4}`]);
});

Deno.test("the log names both addresses of a relay that answers on neither", () => {
  const { log, lines } = recordingLog();
  const lab = new TurnLab({ log });

  lab.advance(8_125);

  assert.deepEqual(lines, [
    `The relay does not answer ${RELAY4}`,
    `The relay does not answer ${RELAY6}`,
    "The relay is of no use",
  ]);
});

Deno.test("a relay whose first family is silent works over the other one", () => {
  const lab = new TurnLab();
  const over6 = lab.takeSent()[1]!;
  lab.advance(8_000);
  const last = lab.takeSent().filter(({ to }) => to === over6.to).at(-1)!;

  lab.succeed(last, mapped("[2001:db8::5]:52625"));
  lab.advance(500);

  assert.deepEqual(lab.takeEvents(), [
    "added host [2001:db8::5]:52625",
    "added srflx [2001:db8::5]:52625",
  ]);
  assert.equal(lab.takeOne("allocate").to, over6.to);
});

Deno.test("[p2p 94] a REFRESH is sent at half the lifetime, one at a time", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate(600);

  answerKeepalivesFor(lab, 299_999);
  assert.deepEqual(lab.takeSent(), []);
  lab.advance(1);
  const refresh = lab.takeSent().find(({ method }) => method === "refresh")!;
  assert.equal(refresh.lifetime, undefined);
  lab.advance(900);
  assert.deepEqual(lab.takeSent(), []);

  lab.succeed(refresh, lifetime(1_000));
  answerKeepalivesFor(lab, 499_999);
  assert.deepEqual(lab.takeSent(), []);
  lab.advance(1);
  assert.deepEqual(
    lab.takeSent().map(({ method }) => method).filter((m) => m !== "binding"),
    [
      "refresh",
    ],
  );
});

Deno.test("a REFRESH that the relay refuses is tried again before the allocation ends", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate(600);
  answerKeepalivesFor(lab, 300_000, "refresh");

  lab.fail(lab.takeSent().find(({ method }) => method === "refresh")!, 500);
  assert.deepEqual(lab.takeSent(), []);
  answerKeepalivesFor(lab, 150_000, "refresh");

  assert.ok(lab.takeSent().some(({ method }) => method === "refresh"));
});

Deno.test("[p2p 95] a BINDING keeps the NAT open every 25 s", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();

  lab.advance(24_999);
  assert.deepEqual(lab.takeSent(), []);
  lab.advance(1);
  lab.succeed(lab.takeOne("binding"), mapped(MAPPED4));
  lab.advance(25_000);
  lab.takeOne("binding");
});

Deno.test("[p2p 95] ChannelData that goes out postpones the keepalive", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.advance(20_000);

  lab.allocation.noteChannelDataSent(lab.now);

  lab.advance(24_999);
  assert.deepEqual(lab.takeSent(), []);
  lab.advance(1);
  lab.takeOne("binding");
});

Deno.test("there is no keepalive without an allocation", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));
  lab.fail(lab.takeOne("allocate"), 508);

  lab.advance(120_000);

  assert.deepEqual(lab.takeSent(), []);
});

Deno.test("[p2p 109] an allocation that was not refreshed in time is made anew", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate(600);
  lab.takeEvents();

  lab.sleep(7_200_000);

  assert.deepEqual(lab.takeEvents(), REMOVED);
  assert.ok(lab.takeSent().some(({ method }) => method === "allocate"));
});

Deno.test("[p2p 96] 437 to ALLOCATE: what the relay holds is deleted, then allocated anew", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));
  lab.challenge(lab.takeOne("allocate"));

  lab.fail(lab.takeOne("allocate"), 437);
  const deletion = lab.takeOne("refresh");
  assert.equal(deletion.lifetime, 0);
  lab.succeed(deletion, lifetime(0));

  lab.succeed(lab.takeOne("allocate"), allocated(600));
  assert.notEqual(lab.allocation.relayed(4), undefined);
});

Deno.test("[p2p 96] 437 to REFRESH: allocated anew", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.takeEvents();

  lab.allocation.refresh(lab.now);
  lab.fail(lab.takeOne("refresh"), 437);

  assert.deepEqual(lab.takeEvents(), REMOVED);
  lab.succeed(lab.takeOne("allocate"), allocated(600, "198.51.100.9:60001"));
  assert.deepEqual(lab.takeEvents(), ["added relay 198.51.100.9:60001"]);
});

Deno.test("[p2p 96] 437 to CHANNEL-BIND: allocated anew, and the peer is bound again", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.allocation.bindChannel(addressOf(PEER), lab.now);

  lab.fail(lab.takeOne("channel-bind"), 437);
  lab.succeed(lab.takeOne("allocate"), allocated(600));

  assert.equal(lab.takeOne("channel-bind").peer, PEER);
});

Deno.test("a relay that always answers 437 is not asked at line rate", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));

  let asked = 0;
  for (let sent = lab.takeSent(); sent.length > 0; sent = lab.takeSent()) {
    asked += sent.length;
    assert.ok(asked < 20);
    lab.fail(sent[0]!, 437);
  }
  assert.deepEqual(
    lab.takeEvents().filter((event) => event.startsWith("failed")),
    [],
  );
});

Deno.test("420 means that the relay is of no use", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.takeEvents();
  lab.allocation.refresh(lab.now);

  lab.fail(lab.takeOne("refresh"), 420);

  assert.deepEqual(lab.takeEvents(), [...REMOVED, "failed protocol-failure"]);
  lab.allocation.refresh(lab.now);
  assert.deepEqual(lab.takeSent(), []);
});

Deno.test("an ALLOCATE that is refused otherwise is not repeated before the next proactive refresh", () => {
  for (const code of [400, 440, 486, 508]) {
    const lab = new TurnLab({ ipv6: undefined });
    lab.allocation.bindChannel(addressOf(PEER), lab.now);
    lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));
    lab.fail(lab.takeOne("allocate"), code);
    lab.advance(600_000);
    assert.deepEqual(lab.takeSent(), []);

    lab.allocation.refresh(lab.now);
    lab.fail(lab.takeOne("refresh"), 437);
    lab.succeed(lab.takeOne("allocate"), allocated(600));

    assert.deepEqual(lab.takeSent(), [], "Binds that waited are forgotten");
  }
});

Deno.test("REFRESH with lifetime 0 in the answer: allocated anew", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.takeEvents();
  lab.allocation.refresh(lab.now);

  lab.succeed(lab.takeOne("refresh"), lifetime(0));

  assert.deepEqual(lab.takeEvents(), REMOVED);
  lab.takeOne("allocate");
});

Deno.test("a REFRESH answer without lifetime is ignored", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.takeEvents();
  lab.allocation.refresh(lab.now);

  lab.succeed(lab.takeOne("refresh"), []);

  assert.deepEqual(lab.takeEvents(), []);
  assert.deepEqual(lab.takeSent(), []);
});

Deno.test("a deletion that is refused is the end of starting over", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));
  lab.fail(lab.takeOne("allocate"), 437);

  lab.fail(lab.takeOne("refresh"), 500);

  lab.advance(60_000);
  assert.deepEqual(lab.takeSent(), []);
});

Deno.test("what was asked of a lost allocation is not waited for, a BINDING is", () => {
  const lab = new TurnLab();
  const [over4, over6] = lab.takeSent();
  lab.succeed(over4!, mapped(MAPPED4));
  lab.challenge(lab.takeOne("allocate"));
  lab.succeed(lab.takeOne("allocate"), allocated(600));
  lab.allocation.bindChannel(addressOf(PEER), lab.now);
  lab.allocation.bindChannel(addressOf("198.51.100.11:1"), lab.now);
  const [first, second] = lab.takeSent();
  lab.takeEvents();

  lab.fail(first!, 437);
  lab.fail(second!, 437);
  lab.succeed(over6!, mapped("[2001:db8::5]:52625"));

  assert.deepEqual(lab.takeSent().map(({ method }) => method), ["allocate"]);
  assert.deepEqual(lab.takeEvents(), [
    ...REMOVED,
    "added host [2001:db8::5]:52625",
    "added srflx [2001:db8::5]:52625",
  ]);
});

Deno.test("[p2p 105] a proactive refresh is sent once and fails after one second", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.takeEvents();

  lab.allocation.refresh(lab.now);
  lab.allocation.refresh(lab.now);
  lab.takeOne("refresh");
  lab.advance(999);
  assert.deepEqual(lab.takeEvents(), []);
  lab.advance(1);

  assert.deepEqual(lab.takeEvents(), [...REMOVED, "failed no-response"]);
  assert.deepEqual(lab.takeSent(), []);
});

Deno.test("a proactive refresh that is answered keeps the allocation", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.takeEvents();

  lab.allocation.refresh(lab.now);
  lab.succeed(lab.takeOne("refresh"), lifetime(600));
  lab.advance(10_000);

  assert.deepEqual(lab.takeEvents(), []);
});

Deno.test("[p2p 105] a relay that had given up is asked again from the start", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.advance(10_000);
  assert.deepEqual(lab.takeEvents(), ["failed no-response"]);
  lab.takeSent();

  lab.allocation.refresh(lab.now);
  lab.allocate();

  assert.notEqual(lab.allocation.relayed(4), undefined);
  lab.advance(24_000);
  assert.ok(!lab.takeEvents().some((event) => event.startsWith("failed")));
});

function answerKeepalivesFor(lab: TurnLab, ms: number, stopAt = ""): void {
  const until = lab.now + ms;
  while (lab.now < until) {
    lab.advance(Math.min(1_000, until - lab.now));
    if (lab.now === until && stopAt !== "") return;
    for (const request of lab.takeSent()) {
      assert.equal(request.method, "binding");
      lab.succeed(request, mapped(MAPPED4));
    }
  }
}

Deno.test("[p2p 96] verifying asks who we are and for a refresh at once, and an allocation of a former address is replaced", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.takeEvents();
  lab.takeSent();

  lab.allocation.verify(lab.now);
  lab.allocation.verify(lab.now);
  const [binding, refresh, ...others] = lab.takeSent();
  lab.succeed(binding!, mapped("203.0.113.99:7"));
  lab.fail(refresh!, 437);

  assert.deepEqual(others, []);
  assert.equal(lab.takeOne("allocate").method, "allocate");
  assert.deepEqual(lab.takeEvents().sort(), [
    "added srflx 203.0.113.99:7",
    ...REMOVED,
  ]);
});

/** A log of messages, each with the addresses that it names. */
function recordingLog(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const log: Logger = {
    enabled: () => true,
    log: (_level, message, { address, uses } = {}) => {
      const words = [message, address, uses];
      lines.push(words.filter((it) => it !== undefined).join(" "));
    },
    child: () => log,
  };
  return { log, lines };
}

import assert from "node:assert/strict";
import { formatSocketAddress, type Logger, toHex } from "../../lib/base/mod.ts";
import { addressOf } from "../support/datagram.ts";
import {
  allocated,
  LOCAL4,
  mapped,
  MAPPED4,
  NONCE,
  PASSWORD,
  RELAY4,
  RELAY6,
  RELAYED4,
  RELAYED6,
  TurnLab,
  USERNAME,
} from "./lab.ts";

const ID = "a0a1a2a3a4a5a6a7a8a9aaab";
const CREDENTIALS =
  "80220007736e6f776e65740000060036323134353931363830303a7657763952665a6b" +
  "544f61386c4e4a47566853504b36354a6f4f686a4d32623576794e4956384355327a450000001400086669" +
  "72657a6f6e65";
const NONCE_ATTRIBUTE =
  "0015002430303030303030302d303030302d343030302d383030302d30303030303030303030" +
  "3031";
const ALLOCATE_1 = `0003007c2112a442${ID}0019000411000000800000040200000` +
  `0${CREDENTIALS}0008001434e6642c102bda34dedf995e6877819024ede955`;
const ALLOCATE_2 = `000300a42112a442${ID}0019000411000000800000040200000` +
  `0${CREDENTIALS}${NONCE_ATTRIBUTE}000800147ac17d207582c1491cc6c0ab12b0db173573a4bc`;
const CHANNEL_BIND =
  `000900a82112a442${ID}001200080001cb72e721c048000c000440000000` +
  `${CREDENTIALS}${NONCE_ATTRIBUTE}0008001431149711f5c47f3004e8043b4c26fa0dae5e6220`;

Deno.test("[p2p 84] [p2p 85] each request is, byte for byte, that of p2p §10.5", () => {
  const lab = new TurnLab({ random: { fill: (bytes) => countUp(bytes) } });
  const [binding] = lab.takeSent();
  assert.equal(
    toHex(binding!.payload),
    `0001000c2112a442${ID}80220007736e6f776e657400`,
  );

  lab.succeed(binding!, mapped(MAPPED4));
  const first = lab.takeOne("allocate");
  assert.equal(toHex(first.payload), ALLOCATE_1);

  lab.challenge(first);
  const second = lab.takeOne("allocate");
  assert.equal(toHex(second.payload), ALLOCATE_2);

  lab.succeed(second, allocated(600));
  lab.allocation.bindChannel(addressOf("198.51.100.10:60000"), lab.now);
  assert.equal(toHex(lab.takeOne("channel-bind").payload), CHANNEL_BIND);
});

Deno.test("[p2p 92] a dual-stack relay is asked on both addresses and holds one allocation", () => {
  const lab = new TurnLab();
  const [over4, over6] = lab.takeSent();
  assert.deepEqual([over4!.to, over6!.to], [RELAY4, RELAY6]);

  lab.succeed(over4!, mapped(MAPPED4));
  lab.succeed(over6!, mapped("[2001:db8::5]:52625"));

  assert.deepEqual(lab.takeSent().map(({ method, to }) => [method, to]), [[
    "allocate",
    RELAY4,
  ]]);
  assert.deepEqual(lab.allocation.addresses().map(formatSocketAddress), [
    RELAY4,
    RELAY6,
  ]);
});

Deno.test("[p2p 93] the address that answers first is the active socket", () => {
  const lab = new TurnLab();
  const [over4, over6] = lab.takeSent();

  lab.succeed(over6!, mapped("[2001:db8::5]:52625"));
  lab.succeed(over4!, mapped(MAPPED4));

  assert.equal(lab.takeOne("allocate").to, RELAY6);
  assert.deepEqual(lab.allocation.activeSocket, addressOf(RELAY6));
});

Deno.test("BINDING answers reveal host and server-reflexive candidates of both families", () => {
  const lab = new TurnLab();
  const [over4, over6] = lab.takeSent();

  lab.succeed(over4!, mapped(MAPPED4));
  lab.succeed(over6!, mapped("[2001:db8::99]:1024"));

  assert.deepEqual(lab.takeEvents(), [
    "added host 10.0.0.5:52625",
    "added srflx 203.0.113.7:40001",
    "added host [2001:db8::5]:52625",
    "added srflx [2001:db8::99]:1024",
  ]);
  const srflx = lab.allocation.candidates().find(({ kind }) =>
    kind === "srflx"
  );
  assert.deepEqual(srflx?.base, addressOf(LOCAL4));
});

Deno.test("a changed address is a further candidate, and the former one is not taken back", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.takeEvents();

  lab.advance(25_000);
  lab.succeed(lab.takeOne("binding"), mapped("203.0.113.8:40002"));

  assert.deepEqual(lab.takeEvents(), ["added srflx 203.0.113.8:40002"]);
  const srflx = lab.allocation.candidates().filter(({ kind }) =>
    kind === "srflx"
  );
  assert.deepEqual(srflx.map(({ address }) => formatSocketAddress(address)), [
    "203.0.113.8:40002",
  ]);
});

Deno.test("[p2p 35] unusable addresses do not become candidates", () => {
  const cases: readonly [string, string, string[]][] = [
    ["0.0.0.0:52625", MAPPED4, []],
    ["169.254.1.1:52625", MAPPED4, []],
    [LOCAL4, "0.0.0.0:1", [`added host ${LOCAL4}`]],
    [LOCAL4, "224.0.0.1:1", [`added host ${LOCAL4}`]],
    [LOCAL4, "255.255.255.255:1", [`added host ${LOCAL4}`]],
    [LOCAL4, "[2001:db8::1]:1", [`added host ${LOCAL4}`]],
    ["127.0.0.1:52625", "127.0.0.1:52625", [
      "added host 127.0.0.1:52625",
      "added srflx 127.0.0.1:52625",
    ]],
  ];
  for (const [local, observed, expected] of cases) {
    const lab = new TurnLab();
    lab.succeed(lab.takeSent()[0]!, mapped(observed), { local });

    assert.deepEqual(lab.takeEvents(), expected, `${local} ${observed}`);
  }
});

Deno.test("an allocation gives one relay candidate of each family", () => {
  const lab = new TurnLab();

  lab.allocate();

  assert.deepEqual(lab.takeEvents().slice(-2), [
    `added relay ${RELAYED4}`,
    `added relay ${RELAYED6}`,
  ]);
  assert.deepEqual(lab.allocation.relayed(4), addressOf(RELAYED4));
  assert.deepEqual(lab.allocation.relayed(6), addressOf(RELAYED6));
  const relay = lab.allocation.candidates().filter(({ kind }) =>
    kind === "relay"
  );
  assert.deepEqual(relay.map(({ base }) => base), [
    addressOf(LOCAL4),
    addressOf(LOCAL4),
  ]);
});

Deno.test("an allocation without lifetime or relayed address is ignored", () => {
  for (
    const attributes of [allocated(600).slice(0, 2), allocated(600).slice(2)]
  ) {
    const lab = new TurnLab();
    lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));
    lab.challenge(lab.takeOne("allocate"));

    lab.succeed(lab.takeOne("allocate"), attributes);

    assert.equal(lab.allocation.relayed(4), undefined);
  }
});

Deno.test("[p2p 86] an answer without valid integrity changes nothing, and the request goes on", () => {
  const lab = new TurnLab();
  lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));
  const first = lab.takeOne("allocate");
  const nonce = [{ kind: "nonce", text: NONCE }] as const;

  lab.fail(first, 401, nonce, { key: null });
  lab.fail(first, 420, nonce, { key: new Uint8Array(16) });
  lab.succeed(first, allocated(600), { key: null });

  assert.deepEqual(lab.takeSent(), []);
  assert.deepEqual(
    lab.takeEvents().filter((event) => !/host|srflx/.test(event)),
    [],
  );
  lab.advance(1_000);
  assert.equal(
    lab.takeSent().filter(({ method }) => method === "allocate").length,
    1,
  );
});

Deno.test("only messages from an address of the relay are its own", () => {
  const lab = new TurnLab();
  const [binding] = lab.takeSent();

  assert.equal(
    lab.succeed(binding!, mapped(MAPPED4), { from: "192.0.2.10:3479" }),
    false,
  );
  assert.equal(
    lab.succeed(binding!, mapped(MAPPED4), { from: "192.0.2.11:3478" }),
    false,
  );
  assert.equal(lab.allocation.activeSocket, undefined);
  assert.equal(lab.succeed(binding!, mapped(MAPPED4)), true);
});

Deno.test("an answer is taken once, and one that answers nothing is the relay's all the same", () => {
  const lab = new TurnLab();
  const [binding] = lab.takeSent();
  lab.succeed(binding!, mapped(MAPPED4));
  lab.takeSent();
  lab.takeEvents();

  assert.equal(lab.succeed(binding!, mapped("203.0.113.8:1")), true);

  assert.deepEqual(lab.takeEvents(), []);
});

Deno.test("[p2p 87] a nonce is adopted from a 401 to a request without one, and from a 438", () => {
  const lab = new TurnLab();
  lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));

  lab.challenge(lab.takeOne("allocate"), "first-nonce");
  const second = lab.takeOne("allocate");
  assert.equal(second.nonce, "first-nonce");
  lab.fail(second, 438, [{ kind: "nonce", text: "second-nonce" }]);

  assert.equal(lab.takeOne("allocate").nonce, "second-nonce");
});

Deno.test("[p2p 87] a 401 to a request with a nonce means that the relay is of no use", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.allocate();
  lab.takeEvents();

  lab.allocation.bindChannel(addressOf("198.51.100.1:1000"), lab.now);
  lab.challenge(lab.takeOne("channel-bind"));

  assert.deepEqual(lab.takeEvents(), [
    `removed relay ${RELAYED4}`,
    `removed relay ${RELAYED6}`,
    "failed authentication-error",
  ]);
  lab.allocation.refresh(lab.now);
  lab.advance(60_000);
  assert.deepEqual(lab.takeSent(), []);
});

Deno.test("[p2p 88] a realm other than firezone is refused", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));

  lab.fail(lab.takeOne("allocate"), 401, [
    { kind: "realm", text: "example.org" },
    { kind: "nonce", text: NONCE },
  ]);

  lab.advance(20_000);
  assert.deepEqual(lab.takeSent(), []);
});

Deno.test("a relay that finds each nonce stale is not asked at line rate", () => {
  const lab = new TurnLab({ ipv6: undefined });
  lab.succeed(lab.takeSent()[0]!, mapped(MAPPED4));
  lab.challenge(lab.takeOne("allocate"));

  let asked = 0;
  for (let sent = lab.takeSent(); sent.length > 0; sent = lab.takeSent()) {
    asked += sent.length;
    assert.ok(asked < 10);
    lab.fail(sent[0]!, 438, [{ kind: "nonce", text: `nonce-${asked}` }]);
  }
});

Deno.test("the round-trip time is smoothed, and measured from the first transmission", () => {
  const lab = new TurnLab({ ipv6: undefined });
  assert.equal(lab.allocation.roundTripMs, undefined);
  lab.advance(1_000);
  const again = lab.takeSent()[1]!;
  lab.advance(600);

  lab.succeed(again, mapped(MAPPED4));
  assert.equal(lab.allocation.roundTripMs, 1_600);

  lab.advance(800);
  lab.challenge(lab.takeOne("allocate"));
  assert.equal(lab.allocation.roundTripMs, (7 * 1_600 + 800) / 8);
});

Deno.test("a message of the relay that is no response is swallowed", () => {
  const lab = new TurnLab();
  const [binding] = lab.takeSent();

  assert.equal(lab.deliver(binding!.payload), true);

  assert.deepEqual(lab.takeEvents(), []);
});

Deno.test("a BINDING answer without an address leaves the other family its chance", () => {
  const lab = new TurnLab();
  const [over4, over6] = lab.takeSent();

  lab.succeed(over4!, []);
  lab.succeed(over6!, mapped("[2001:db8::5]:52625"));

  assert.equal(lab.takeOne("allocate").to, RELAY6);
});

Deno.test("a BINDING that is refused is the end if there is nothing else", () => {
  const lab = new TurnLab({ ipv6: undefined });

  lab.fail(lab.takeSent()[0]!, 400);

  assert.deepEqual(lab.takeEvents(), ["failed no-response"]);
});

Deno.test("neither credentials nor nonces are ever logged", () => {
  const lines: string[] = [];
  const log: Logger = {
    enabled: () => true,
    log: (level, message, fields) =>
      void lines.push(JSON.stringify([level, message, fields])),
    child: () => log,
  };
  const lab = new TurnLab({ log, ipv6: undefined });
  lab.allocate();
  lab.allocation.bindChannel(addressOf("198.51.100.1:1000"), lab.now);
  lab.challenge(lab.takeOne("channel-bind"));

  assert.ok(lines.length > 3);
  for (const line of lines) {
    for (
      const secret of [
        NONCE,
        USERNAME,
        PASSWORD,
        "752b55596b4b2f5597706e2fe44b4a8a",
      ]
    ) {
      assert.ok(!line.includes(secret), line);
    }
    assert.match(line, /relay-1/);
  }
  assert.deepEqual(lines.filter((line) => line.startsWith('["warn"')), []);
});

/** Fills with a0 a1 a2 …, as the transaction ids of p2p §10 are. */
function countUp(bytes: Uint8Array): void {
  bytes.forEach((_, i) => bytes[i] = 0xa0 + i);
}

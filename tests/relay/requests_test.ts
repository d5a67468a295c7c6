import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatSocketAddress,
  toHex,
  utf8,
  writeU16,
} from "../../lib/base/mod.ts";
import type { StunAttribute } from "../../lib/wire/mod.ts";
import { addressOf } from "../support/datagram.ts";
import { bytesOf } from "../support/stun_vectors.ts";
import {
  BOTH,
  METHOD,
  passwordOf,
  RelayClient,
  RelayLab,
  UDP,
  UNIX_NOW,
  usernameOf,
} from "./lab.ts";

const CLIENT = "203.0.113.7:40001";
const UUID = "00000000-0000-4000-8000-000000000001";
const SALT = "vWv9RfZkTOa8lNJGVhSPK65JoOhjM2b5vyNIV8CU2zE";

Deno.test("[p2p 137] [p2p 138] BINDING is answered from the main port without credentials", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);

  const answer = client.bare(METHOD.binding)!;

  assert.equal(answer.class, "success");
  assert.equal(answer.view.hasIntegrity, false);
  assert.equal(answer.view.software(), "firezone-relay; rev=xxxx");
  assert.deepEqual(answer.view.xorMapped(), addressOf(CLIENT));
});

Deno.test("401 and success are, byte for byte, those of p2p §10.5", () => {
  const lab = new RelayLab({ random: { fill: scripted } });
  const allocate1 =
    "0003007c2112a442a0a1a2a3a4a5a6a7a8a9aaab001900041100000080000004020000008" +
    "0220007736e6f776e65740000060036323134353931363830303a7657763952665a6b544f61386c4e4a475668" +
    "53504b36354a6f4f686a4d32623576794e4956384355327a45000000140008666972657a6f6e6500080014" +
    "34e6642c102bda34dedf995e6877819024ede955";
  const allocate2 =
    "000300a42112a442a0a1a2a3a4a5a6a7a8a9aaab001900041100000080000004020000008" +
    "0220007736e6f776e65740000060036323134353931363830303a7657763952665a6b544f61386c4e4a475668" +
    "53504b36354a6f4f686a4d32623576794e4956384355327a45000000140008666972657a6f6e6500150024" +
    "30303030303030302d303030302d343030302d383030302d303030303030303030303031000800147ac17d20" +
    "7582c1491cc6c0ab12b0db173573a4bc";
  const client = new RelayClient(lab, CLIENT, SALT);

  const refusal = client.send(bytesOf(allocate1))!;
  const success = client.send(bytesOf(allocate2))!;

  assert.equal(
    toHex(refusal.payload),
    "0113007c2112a442a0a1a2a3a4a5a6a7a8a9aaab80220018666972657a6f6e652d72656c61793b207265763d" +
      "787878780009001000000401556e617574686f72697a656400140008666972657a6f6e650015002430303030" +
      "303030302d303030302d343030302d383030302d303030303030303030303031000800141bbe88a684d52c40" +
      "2ec3fe8dcb7dcb9244d91089",
  );
  assert.equal(
    toHex(success.payload),
    "0103006c2112a442a0a1a2a3a4a5a6a7a8a9aaab80220018666972657a6f6e652d72656c61793b207265763d" +
      "78787878001600080001e930e721c04b001600140002e9300113a9faa0a8a2a3a4a5a6a7a8a9aaa200200008" +
      "0001bd53ea12d545000d000400000258000800142d724f1a86d96c6ca66b1a0ab523f62191ea7686",
  );
  assert.deepEqual(lab.events(), ["open-port 51234"]);
});

Deno.test("[p2p 140] credentials are checked in the order of p2p §8.4", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  const { allocate } = METHOD;
  const nonce = client.request(allocate, [UDP])!.view.nonce()!;
  const codeOf = (options: Parameters<RelayClient["request"]>[2]) =>
    client.request(allocate, [UDP], options)?.code;

  assert.equal(codeOf({ nonce, sign: false }), 401);
  assert.equal(codeOf({ nonce, username: null }), 401);
  assert.equal(codeOf({ nonce: null }), 401);
  assert.equal(codeOf({ nonce: "not-a-uuid" }), 401);
  assert.equal(codeOf({ nonce: "not-a-uuid", password: "wrong" }), 401);
  assert.equal(codeOf({ nonce: UUID }), 438);
  assert.equal(codeOf({ nonce: UUID, password: "wrong" }), 438);
  assert.equal(codeOf({ nonce, password: "wrong" }), 401);
  assert.equal(codeOf({ nonce, username: usernameOf("a", UNIX_NOW - 1) }), 401);
  assert.equal(
    codeOf({ nonce, username: usernameOf("a", UNIX_NOW) }),
    undefined,
  );
  assert.equal(lab.server.snapshot().allocations, 1);
});

Deno.test("[p2p 139] refusals are signed with the password of the user name, even if that has expired", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  const expired = usernameOf("a", 1);
  const { allocate } = METHOD;

  const unauthorized = client.request(allocate, [UDP])!;
  const stale = client.request(allocate, [UDP], { nonce: UUID })!;
  const late = client.request(allocate, [UDP], {
    username: expired,
    nonce: UUID,
  })!;
  const anonymous = client.bare(allocate, [UDP])!;

  assert.deepEqual([unauthorized.code, stale.code, late.code, anonymous.code], [
    401,
    438,
    438,
    401,
  ]);
  assert.ok(client.isSigned(unauthorized));
  assert.ok(client.isSigned(stale));
  assert.ok(client.isSigned(late, expired));
  assert.equal(anonymous.view.hasIntegrity, false);
  for (const answer of [unauthorized, stale, late, anonymous]) {
    assert.equal(answer.view.realm(), "firezone");
    assert.equal(answer.view.nonce(), unauthorized.view.nonce());
    assert.equal(answer.view.software(), "firezone-relay; rev=xxxx");
  }
});

Deno.test("[p2p 139] every answer to an authenticated request is signed", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  const answers = [
    client.refresh(),
    client.bind(0x4000, "192.0.2.1:1"),
    client.ask(METHOD.allocate, [UDP, {
      kind: "additional-address-family",
      family: 4,
    }]),
    client.ask(METHOD.allocate, [UDP]),
    client.ask(METHOD.allocate, [UDP]),
    client.bind(0x4000, "[2001:db8::1]:1"),
    client.bind(0x4000, "192.0.2.1:1"),
    client.bind(0x4000, "192.0.2.1:2"),
    client.ask(METHOD.createPermission),
    client.refresh(),
  ];

  assert.deepEqual(answers.map(({ class: kind, code }) => code ?? kind), [
    437,
    437,
    400,
    "success",
    437,
    443,
    "success",
    400,
    "success",
    "success",
  ]);
  for (const answer of answers) assert.ok(client.isSigned(answer));
});

Deno.test("a user name of another form gets no answer", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);

  for (const username of ["alice", "1:2:3", "x:y", ""]) {
    assert.equal(
      client.request(METHOD.allocate, [UDP], { username }),
      undefined,
      username,
    );
  }

  assert.equal(lab.counters["malformed-username"], 4);
  assert.equal(lab.server.snapshot().clients, 0);
});

Deno.test("[p2p 141] a nonce belongs to one client socket", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  const other = new RelayClient(lab, "203.0.113.7:40002");
  const nonce = client.request(METHOD.allocate, [UDP])!.view.nonce()!;

  assert.equal(other.request(METHOD.allocate, [UDP], { nonce })!.code, 438);
  assert.equal(
    client.request(METHOD.allocate, [UDP], { nonce })!.class,
    "success",
  );
});

Deno.test("[p2p 141] a nonce is good for 10 000 requests, then another one is issued", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  const nonce = client.request(METHOD.createPermission)!.view.nonce()!;

  for (let i = 0; i < 10_000; i++) {
    const answer = client.request(METHOD.createPermission, [], { nonce })!;
    assert.equal(answer.class, "success");
  }

  const last = client.request(METHOD.createPermission, [], { nonce })!;
  assert.equal(last.code, 438);
  assert.notEqual(last.view.nonce(), nonce);
});

Deno.test("a nonce is a version 4 UUID", () => {
  const client = new RelayClient(new RelayLab(), CLIENT);

  const nonce = client.bare(METHOD.refresh)!.view.nonce()!;

  assert.match(
    nonce,
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

Deno.test("what cannot be decoded, or lacks what it must have, gets an unsigned 400", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  const peer: StunAttribute = {
    kind: "xor-peer-address",
    address: addressOf("192.0.2.1:1"),
  };
  const channel: StunAttribute = { kind: "channel-number", channel: 0x4000 };
  const outOfBounds = bytesOf(
    "0001000421" + "12a442a0a1a2a3a4a5a6a7a8a9aaab80220005",
  );
  const shortLifetime = bytesOf(
    "0004000821" + "12a442a0a1a2a3a4a5a6a7a8a9aaab000d000200050000",
  );
  const answers = [
    client.send(outOfBounds),
    client.send(shortLifetime),
    client.bare(0x006),
    client.bare(0x0ff),
    client.request(METHOD.allocate, []),
    client.request(METHOD.channelBind, [peer]),
    client.request(METHOD.channelBind, [channel]),
    client.request(METHOD.channelBind, [peer, {
      kind: "channel-number",
      channel: 0x3fff,
    }]),
    client.request(METHOD.channelBind, [peer, {
      kind: "channel-number",
      channel: 0x8000,
    }]),
  ];

  for (const [i, answer] of answers.entries()) {
    assert.equal(answer?.code, 400, `${i}`);
    assert.equal(answer.view.hasIntegrity, false);
  }
  assert.equal(lab.server.snapshot().clients, 0);
});

Deno.test("[p2p 153] unknown attributes are ignored, source port 0 is dropped", () => {
  const lab = new RelayLab();
  const unknown = bytesOf(
    "0001000821" + "12a442a0a1a2a3a4a5a6a7a8a9aaab7fff000401020304",
  );

  assert.equal(new RelayClient(lab, CLIENT).send(unknown)!.class, "success");
  assert.equal(new RelayClient(lab, "203.0.113.7:0").send(unknown), undefined);
  assert.equal(lab.counters["source-port-zero"], 1);
});

Deno.test("each kind of datagram that is dropped has its counter", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  const indication = "0011000021" + "12a442a0a1a2a3a4a5a6a7a8a9aaab";
  const cases: readonly [string, string][] = [
    ["", "unknown-format"],
    ["04", "unknown-format"],
    ["50000000", "unknown-format"],
    ["ff", "unknown-format"],
    ["00", "malformed-stun"],
    ["0001000000000000a0a1a2a3a4a5a6a7a8a9aaab", "malformed-stun"],
    [indication, "not-a-request"],
    [indication.replace("0011", "0101"), "not-a-request"],
    [indication.replace("0011", "0111"), "not-a-request"],
    ["400000", "malformed-channel-data"],
    ["4000000501", "malformed-channel-data"],
    ["40000000", "unknown-client"],
  ];
  for (const [hex, counter] of cases) {
    const before = lab.counters[counter]!;

    assert.equal(client.send(bytesOf(hex)), undefined);

    assert.equal(lab.counters[counter], before + 1, hex);
  }
});

Deno.test("[p2p 142] both relayed addresses have the same port, IPv4 first", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);

  const { view } = client.ask(METHOD.allocate, [UDP, BOTH]);

  const [first, second] = view.xorRelayed();
  assert.equal(first!.ip.family, 4);
  assert.deepEqual(view.xorRelayed().map(formatSocketAddress), [
    `198.51.100.9:${first!.port}`,
    `[2001:db8:9::9]:${second!.port}`,
  ]);
  assert.equal(first!.port, second!.port);
  assert.ok(first!.port >= 49_152);
  assert.deepEqual(view.xorMapped(), addressOf(CLIENT));
  assert.deepEqual(lab.events(), [`open-port ${first!.port}`]);
});

Deno.test("[p2p 143] families are given as the table of p2p §8.5 says", () => {
  const requested = (family: 4 | 6): StunAttribute => ({
    kind: "requested-address-family",
    family,
  });
  const additional = (family: 4 | 6): StunAttribute => ({
    kind: "additional-address-family",
    family,
  });
  const columns: readonly StunAttribute[][] = [
    [],
    [requested(4)],
    [requested(6)],
    [additional(6)],
    [additional(4)],
    [requested(4), additional(6)],
  ];
  const rows: readonly [string, object, string[]][] = [
    ["v4 only", { publicIpv6: undefined }, [
      "4",
      "4",
      "440",
      "4",
      "400",
      "400",
    ]],
    ["v6 only", { publicIpv4: undefined }, [
      "440",
      "440",
      "6",
      "6",
      "400",
      "400",
    ]],
    ["dual", {}, ["4", "4", "6", "4+6", "400", "400"]],
  ];
  for (const [name, options, expected] of rows) {
    const outcomes = columns.map((attributes) => {
      const client = new RelayClient(new RelayLab(options), CLIENT);
      const { code, view } = client.ask(METHOD.allocate, [UDP, ...attributes]);
      return code
        ? `${code}`
        : view.xorRelayed().map(({ ip }) => ip.family).join("+");
    });
    assert.deepEqual(outcomes, expected, name);
  }
});

Deno.test("only UDP is relayed", () => {
  const client = new RelayClient(new RelayLab(), CLIENT);

  const answer = client.ask(METHOD.allocate, [{
    kind: "requested-transport",
    protocol: 6,
  }]);

  assert.equal(answer.code, 400);
  assert.ok(client.isSigned(answer));
});

Deno.test("[p2p 144] lifetimes are 600 s unless asked for, and 3600 s at most", () => {
  const client = new RelayClient(new RelayLab(), CLIENT);
  const other = new RelayClient(new RelayLab(), CLIENT);

  assert.equal(client.ask(METHOD.allocate, [UDP]).view.lifetime(), 600);
  assert.equal(client.refresh().view.lifetime(), 600);
  assert.equal(
    client.refresh({ kind: "lifetime", seconds: 777 }).view.lifetime(),
    777,
  );
  assert.equal(
    client.refresh({ kind: "lifetime", seconds: 3_601 }).view.lifetime(),
    3_600,
  );
  const long: StunAttribute = { kind: "lifetime", seconds: 0xffff_ffff };
  assert.equal(other.ask(METHOD.allocate, [UDP, long]).view.lifetime(), 3_600);
});

Deno.test("[p2p 145] 437 to ALLOCATE with an allocation, and to REFRESH and CHANNEL-BIND without", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);

  assert.equal(client.refresh().code, 437);
  assert.equal(client.bind(0x4000, "192.0.2.1:1").code, 437);
  client.allocate();
  assert.equal(client.ask(METHOD.allocate, [UDP]).code, 437);
  assert.equal(lab.server.snapshot().allocations, 1);
});

Deno.test("an allocation ends with its lifetime, at once with lifetime 0, and the port is closed", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  const first = client.allocate();
  lab.advance(599_999);
  assert.deepEqual(lab.events(), [`open-port ${first}`]);
  assert.equal(lab.server.pollTimeout() - lab.now, 1);

  lab.advance(1);
  assert.deepEqual(lab.events(), [`close-port ${first}`]);

  const second = client.allocate();
  assert.equal(
    client.refresh({ kind: "lifetime", seconds: 0 }).view.lifetime(),
    0,
  );
  assert.deepEqual(lab.events(), [
    `open-port ${second}`,
    `close-port ${second}`,
  ]);
  assert.equal(client.refresh().code, 437);
});

Deno.test("an allocation whose end no timer has noticed has ended all the same", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  client.allocate();
  client.bind(0x4000, "192.0.2.1:1");
  lab.passUnnoticed(600_000);

  assert.deepEqual(client.sendData(0x4000, utf8("late")), []);
  assert.equal(client.refresh().code, 437);
});

Deno.test("[p2p 146] a user name has one allocation, the last one", () => {
  const lab = new RelayLab();
  const before = new RelayClient(lab, CLIENT, SALT);
  const after = new RelayClient(lab, "203.0.113.7:40002", SALT);
  const first = before.allocate();
  before.bind(0x4000, "192.0.2.1:1");

  const second = after.allocate();

  assert.deepEqual(lab.events(), [
    `open-port ${first}`,
    `close-port ${first}`,
    `open-port ${second}`,
  ]);
  assert.equal(before.refresh().code, 437);
  assert.deepEqual(before.sendData(0x4000, utf8("x")), []);
  assert.equal(lab.server.snapshot().allocations, 1);
  assert.equal(lab.server.snapshot().channels, 0);
});

Deno.test("with all ports taken a further allocation gets 508", () => {
  const lab = new RelayLab({ lowestPort: 50_000, highestPort: 50_002 });
  const ports = [1, 2, 3].map((i) =>
    new RelayClient(lab, `192.0.2.${i}:1000`).allocate()
  );
  const late = new RelayClient(lab, "192.0.2.4:1000");

  assert.deepEqual(ports.sort(), [50_000, 50_001, 50_002]);
  assert.equal(late.ask(METHOD.allocate, [UDP]).code, 508);
  lab.advance(600_000);
  late.allocate();
});

Deno.test("a port that the shell cannot open is taken from its owner and given to nobody", () => {
  const lab = new RelayLab({ lowestPort: 50_000, highestPort: 50_001 });
  const client = new RelayClient(lab, CLIENT);
  const taken = client.allocate();

  lab.server.handlePortUnavailable(taken);

  assert.equal(client.refresh().code, 437);
  assert.notEqual(client.allocate(), taken);
  const late = new RelayClient(lab, "192.0.2.4:1000");
  assert.equal(late.ask(METHOD.allocate, [UDP]).code, 508);
});

Deno.test("[p2p 154] CREATE-PERMISSION succeeds and does nothing, with credentials only", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  const peer: StunAttribute = {
    kind: "xor-peer-address",
    address: addressOf("192.0.2.1:1"),
  };
  const port = client.allocate();

  const answer = client.ask(METHOD.createPermission, [peer]);

  assert.equal(answer.class, "success");
  assert.equal(client.bare(METHOD.createPermission, [peer])!.code, 401);
  assert.deepEqual(lab.deliver("192.0.2.1:1", port, utf8("data")), []);
});

Deno.test("a flood from made-up addresses costs bounded memory, and hurts nobody with an allocation", () => {
  const lab = new RelayLab({ maxClients: 1_000, lowestPort: 65_000 });
  const client = new RelayClient(lab, CLIENT);
  client.allocate();
  const idle = new RelayClient(lab, "203.0.113.9:1");
  idle.ask(METHOD.createPermission);

  for (let i = 0; i < 2_000; i++) {
    new RelayClient(lab, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:9`, "")
      .bare(METHOD.refresh);
  }

  assert.equal(lab.server.snapshot().clients, 1_000);
  assert.equal(client.request(METHOD.refresh)!.class, "success");
  assert.equal(idle.request(METHOD.refresh)!.code, 438);
  assert.equal(idle.ask(METHOD.createPermission).class, "success");
});

Deno.test("answers that nobody takes are bounded", () => {
  const lab = new RelayLab();
  const binding = bytesOf("0001000021" + "12a442a0a1a2a3a4a5a6a7a8a9aaab");
  for (let i = 0; i < 1_030; i++) {
    lab.server.handleDatagram(
      {
        bytes: binding,
        start: 0,
        end: binding.length,
        sourcePort: 9,
        localPort: 3478,
        ecn: 0,
        isFrom: () => true,
        isTo: () => true,
        copySourceIp: () => 4,
        source: () => addressOf("192.0.2.1:9"),
        local: () => addressOf("0.0.0.0:3478"),
      },
      lab.now,
      lab.sink,
    );
  }

  assert.equal(lab.server.snapshot().answersLost, 6);
  assert.equal(lab.server.pollTransmit()?.source, null);
});

Deno.test("stopping closes all ports", () => {
  const lab = new RelayLab();
  const port = new RelayClient(lab, CLIENT).allocate();
  lab.events();

  lab.server.stop();

  assert.deepEqual(lab.events(), [`close-port ${port}`]);
});

Deno.test("no bytes from anybody make the relay throw", () => {
  const lab = new RelayLab();
  const client = new RelayClient(lab, CLIENT);
  const port = client.allocate();
  const valid = bytesOf(
    "0003000821" + "12a442a0a1a2a3a4a5a6a7a8a9aaab0019000411000000",
  );
  const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), {
    maxLength: 4,
  })
    .map((changes) => {
      const copy = valid.slice();
      for (const [at, byte] of changes) copy[at] = byte;
      writeU16(copy, 2, copy.length - 20);
      return copy;
    });
  const anything = fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated);
  fc.assert(
    fc.property(anything, fc.boolean(), (bytes, isPeer) => {
      lab.deliver(CLIENT, isPeer ? port : 3478, bytes);
    }),
    { numRuns: 500 },
  );
});

Deno.test("passwords of the lab are those of the portal", () => {
  assert.equal(
    passwordOf(usernameOf(SALT)),
    "Ss5oQP/cSPEGAn4VHay0yTT6+MuRPZOt+KMhU8J4D6w",
  );
});

/** Leads to the nonce and the port of the vector. */
function scripted(bytes: Uint8Array): void {
  bytes.fill(0);
  if (bytes.length === 16) bytes[15] = 1;
  // Port 51234 is 2082 of 16384 above 49152.
  if (bytes.length === 4) bytes.set([0x20, 0x88, 0, 0]);
}

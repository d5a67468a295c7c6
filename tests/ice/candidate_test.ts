import assert from "node:assert/strict";
import fc from "fast-check";
import { isUsableAddress } from "../../lib/base/mod.ts";
import {
  type Candidate,
  formatCandidate,
  formatInvalidation,
  isSameCandidate,
  parseCandidate,
} from "../../lib/ice/mod.ts";
import { addressOf } from "../support/datagram.ts";
import vectors from "../vectors/ice_candidates.json" with { type: "json" };
import { TestAgent, textOf } from "./support.ts";

Deno.test("[p2p 22] [p2p 23] [p2p 24] additions are emitted in the one order that all clients read", () => {
  const agent = new TestAgent("controlled");

  const lines = [
    ...agent.addLocal("10.0.0.5:52625"),
    ...agent.addLocal("[2001:db8::5]:52625"),
    ...agent.addLocal("203.0.113.7:40001", "srflx", "10.0.0.5:52625"),
    ...agent.addLocal("198.51.100.9:51234", "relay", "10.0.0.5:52625"),
    ...agent.addLocal("[2001:db8:9::9]:51234", "relay", "10.0.0.5:52625"),
  ];

  assert.deepEqual(lines.map(withoutHash), [
    "candidate:fffeff7e… 1 udp 2130706175 10.0.0.5 52625 typ host ufrag jbi4",
    "candidate:ffffff7e… 1 udp 2130706431 2001:db8::5 52625 typ host ufrag jbi4",
    "candidate:fffe7f64… 1 udp 1686109951 203.0.113.7 40001 typ srflx raddr 0.0.0.0 rport 0 ufrag jbi4",
    "candidate:fffe3f02… 1 udp 37748479 198.51.100.9 51234 typ relay raddr 0.0.0.0 rport 0 ufrag jbi4",
    "candidate:ff173c02… 1 udp 37492735 2001:db8:9::9 51234 typ relay raddr :: rport 0 ufrag jbi4",
  ]);
});

Deno.test("[p2p 22] an invalidation has its own priority and no ufrag", () => {
  const line = formatInvalidation("relay", addressOf("198.51.100.9:51234"));

  assert.equal(
    withoutHash(line),
    "candidate:fffeff02… 1 udp 50331391 198.51.100.9 51234 typ relay raddr 0.0.0.0 rport 0",
  );
});

Deno.test("a foundation is a token of at most 32 characters", () => {
  const line = formatInvalidation("host", addressOf("[2001:db8::1]:1"));

  assert.match(line, /^candidate:[0-9a-f]{1,32} 1 udp /);
});

Deno.test("published valid lines are read field by field, with and without the prefix", () => {
  for (const vector of vectors.valid) {
    const parsed = parseCandidate(vector.line)?.candidate;

    assert.equal(parsed?.kind, vector.type, vector.line);
    assert.equal(parsed.priority, vector.priority);
    assert.equal(parsed.address.port, vector.port);
    assert.deepEqual(
      parsed.address,
      addressOf(
        vector.address.includes(":")
          ? `[${vector.address}]:${vector.port}`
          : `${vector.address}:${vector.port}`,
      ),
    );
    const related = parsed.related && textOf(parsed.related);
    const expected = vector.related_address &&
      `${vector.related_address}:${vector.related_port}`;
    assert.equal(related, expected);
  }
});

Deno.test("published invalid lines are refused", () => {
  for (const line of vectors.invalid) {
    assert.equal(parseCandidate(line), undefined, line);
  }
});

Deno.test("[p2p 27] peer-reflexive candidates, unknown keys, any order of keys and any foundation are accepted", () => {
  const parsed = parseCandidate(
    "candidate:Any+Foundation/1 1 UDP 5 192.0.2.1 9 typ prflx network-cost 50 ufrag abcd rport 7 generation 0 raddr 10.0.0.1",
  );

  assert.equal(parsed?.candidate.kind, "prflx");
  assert.equal(parsed.ufrag, "abcd");
  assert.deepEqual(parsed.candidate.related, addressOf("10.0.0.1:7"));
});

Deno.test("blanks of any kind and number may separate and follow the words of a line", () => {
  const parsed = parseCandidate(
    "candidate:x  1\tudp 5   192.0.2.1 9 typ  host ufrag\tabcd \r\n",
  );

  assert.deepEqual(parsed?.candidate.address, addressOf("192.0.2.1:9"));
  assert.equal(parsed.ufrag, "abcd");
});

Deno.test("numbers out of range and addresses with a zone are refused", () => {
  for (
    const numbers of [
      "4294967296 192.0.2.1 9",
      "-1 192.0.2.1 9",
      "5 192.0.2.1 65536",
      "5 192.0.2.256 9",
      "5 fe80::1%eth0 9",
      "5 [2001:db8::1] 9",
    ]
  ) {
    const line = `candidate:x 1 udp ${numbers} typ host`;
    assert.equal(parseCandidate(line), undefined, line);
  }
});

Deno.test("[p2p 28] a component other than 1 is refused", () => {
  assert.equal(
    parseCandidate("candidate:x 2 udp 5 192.0.2.1 9 typ host"),
    undefined,
  );
});

Deno.test("a transport other than UDP is refused", () => {
  assert.equal(
    parseCandidate("candidate:x 1 tcp 5 192.0.2.1 9 typ host"),
    undefined,
  );
});

Deno.test("[p2p 35] unusable addresses are no candidates", () => {
  const unusable = [
    "169.254.1.1:9",
    "224.0.0.1:9",
    "255.255.255.255:9",
    "0.0.0.0:9",
    "[ff02::1]:9",
    "[::]:9",
    "192.0.2.1:0",
  ];
  for (const address of unusable) {
    assert.equal(isUsableAddress(addressOf(address)), false, address);
  }
  const usable = ["127.0.0.1:9", "[::1]:9", "[fe80::1]:9", "10.0.0.1:9"];
  for (const address of usable) {
    assert.equal(isUsableAddress(addressOf(address)), true, address);
  }
});

Deno.test("[p2p 35] a signalled candidate with an unusable address is refused", () => {
  assert.equal(
    parseCandidate("candidate:x 1 udp 5 224.0.0.1 9 typ host"),
    undefined,
  );
});

Deno.test("[p2p 29] an invalidation matches by address, kind and related address", () => {
  const line = (text: string): Candidate => {
    const parsed = parseCandidate(text);
    assert.ok(parsed);
    return parsed.candidate;
  };
  const relay = line(
    "candidate:a 1 udp 1 192.0.2.1 9 typ relay raddr 0.0.0.0 rport 0 ufrag q",
  );

  assert.equal(
    isSameCandidate(
      relay,
      line("candidate:b 1 udp 2 192.0.2.1 9 typ relay raddr 0.0.0.0 rport 0"),
    ),
    true,
  );
  assert.equal(
    isSameCandidate(
      relay,
      line("candidate:a 1 udp 1 192.0.2.1 9 typ srflx raddr 0.0.0.0 rport 0"),
    ),
    false,
  );
  assert.equal(
    isSameCandidate(relay, line("candidate:a 1 udp 1 192.0.2.1 9 typ relay")),
    false,
  );
});

Deno.test("what is formatted reads back the same", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  const candidates: fc.Arbitrary<Candidate> = fc.tuple(
    fc.constantFrom("host", "srflx", "prflx", "relay"),
    bytes,
    fc.integer({ min: 1, max: 65535 }),
    fc.integer({ min: 0, max: 0xffff_ffff }),
  ).map(([kind, bytes, port, priority]): Candidate => ({
    kind,
    address: { ip: { family: bytes.length === 4 ? 4 : 6, bytes }, port },
    priority,
  })).filter(({ address }) => isUsableAddress(address));
  fc.assert(fc.property(candidates, (candidate) => {
    const parsed = parseCandidate(formatCandidate(candidate, "ab12"));

    assert.deepEqual(parsed, { candidate, ufrag: "ab12" });
  }));
});

/** The part of a foundation that is up to us. */
function withoutHash(line: string): string {
  return line.replace(/^(candidate:[0-9a-f]{8})[0-9a-f]*/, "$1…");
}

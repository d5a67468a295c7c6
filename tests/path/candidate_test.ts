import assert from "node:assert/strict";
import {
  formatPathCandidate,
  parsePathCandidate,
  type PathCandidate,
} from "../../lib/path/mod.ts";
import { addressOf } from "../support/datagram.ts";

/** p2p spec §10.3. */
const VECTORS: readonly (readonly [string, PathCandidate])[] = [
  [
    "candidate:12752424031199116864 1 udp 2130706431 10.0.0.5 52625 typ host",
    { kind: "host", address: addressOf("10.0.0.5:52625") },
  ],
  [
    "candidate:12382007605235884084 1 udp 2130706431 2001:db8::5 52625 typ host",
    { kind: "host", address: addressOf("[2001:db8::5]:52625") },
  ],
  [
    "candidate:7624881964962907183 1 udp 1694498815 203.0.113.7 40001 typ srflx raddr 10.0.0.5 rport 52625",
    {
      kind: "srflx",
      address: addressOf("203.0.113.7:40001"),
      base: addressOf("10.0.0.5:52625"),
    },
  ],
  [
    "candidate:8995511422635719600 1 udp 16777215 198.51.100.9 51234 typ relay raddr 10.0.0.5 rport 52625",
    {
      kind: "relay",
      address: addressOf("198.51.100.9:51234"),
      base: addressOf("10.0.0.5:52625"),
    },
  ],
  [
    "candidate:16223628991910790802 1 udp 16777215 2001:db8:9::9 51234 typ relay raddr 10.0.0.5 rport 52625",
    {
      kind: "relay",
      address: addressOf("[2001:db8:9::9]:51234"),
      base: addressOf("10.0.0.5:52625"),
    },
  ],
];

Deno.test("[p2p 77] candidates are emitted with their real base, the priority of their kind and no ufrag", () => {
  for (const [line, candidate] of VECTORS) {
    assert.equal(formatPathCandidate(candidate), line);
  }
});

Deno.test("candidate lines of a peer are read", () => {
  for (const [line, candidate] of VECTORS) {
    assert.deepEqual(parsePathCandidate(line), candidate);
  }
});

Deno.test("what follows the known fields of a line is ignored", () => {
  for (const [line, candidate] of VECTORS) {
    const extended = `${line} generation 0 network-cost 50 ufrag abcd x`;

    assert.deepEqual(parsePathCandidate(extended), candidate);
  }
});

Deno.test("[p2p 78] reflexive and relay candidates without a base are refused", () => {
  for (const kind of ["srflx", "relay"]) {
    const line = `candidate:1 1 udp 5 203.0.113.7 40001 typ ${kind}`;

    assert.equal(parsePathCandidate(line), undefined);
    assert.equal(parsePathCandidate(`${line} raddr 10.0.0.5`), undefined);
    assert.ok(parsePathCandidate(`${line} raddr 10.0.0.5 rport 9`));
  }
});

Deno.test("lines that no peer without ICE may send are refused", () => {
  const refused = [
    "1 1 udp 5 10.0.0.5 9 typ host",
    "candidate:1 1 tcp 5 10.0.0.5 9 typ host",
    "candidate:1 1 udp 5 ten.0.0.5 9 typ host",
    "candidate:1 1 udp 5 169.254.0.5 9 typ host",
    "candidate:1 1 udp 5 10.0.0.5 0 typ host",
    "candidate:1 1 udp 5 10.0.0.5 9 typ prflx raddr 10.0.0.5 rport 9",
    "candidate:1 1 udp 5 10.0.0.5 9 typ guess",
    "candidate:1 1 udp 5 203.0.113.7 9 typ srflx raddr 2001:db8::5 rport 9",
    "",
  ];
  for (const line of refused) {
    assert.equal(parsePathCandidate(line), undefined, line);
  }
});

import assert from "node:assert/strict";
import {
  formatCidr,
  formatIp,
  formatSocketAddress,
  parseCidr,
  parseIp,
  parseSocketAddress,
  utf8,
} from "../../lib/base/mod.ts";
import { formatCandidate, parseCandidate } from "../../lib/ice/mod.ts";
import { parsePathCandidate } from "../../lib/path/mod.ts";
import {
  CANDIDATE_PREFIX,
  formatCandidateLine,
  parseCandidateFields,
} from "../../lib/wire/mod.ts";
import vectors from "../vectors/ice_candidates.json" with { type: "json" };
import type { Choices } from "./choices.ts";
import type { FuzzTarget } from "./engine.ts";
import { Mutator } from "./mutator.ts";

const LINES = [
  ...vectors.valid.map(({ line }) => line),
  ...vectors.invalid,
  "candidate:1 1 udp 5 203.0.113.7 9 typ srflx raddr 10.0.0.5 rport 9 ufrag ab",
  "candidate:1 1 UDP 4294967295 2001:db8::1 65535 typ relay raddr :: rport 0",
];

/** Words of candidate lines, and some that are none. */
const WORDS = [
  ...["candidate:x", "1", "udp", "0", "4294967295", "4294967296", "65536"],
  ...["192.0.2.1", "2001:db8::1", "::ffff:1.2.3.4", "9", "typ", "host"],
  ...["relay", "raddr", "rport", "ufrag", "", "\0", "🦊", "fe80::1%eth0"],
];

const ADDRESSES = [
  ...["192.0.2.1", "2001:db8::1", "::", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8"],
  ...["192.0.2.1:3478", "[2001:db8::1]:65535", "10.0.0.0/8", "fd00::/107"],
].map(utf8);

/** Parsers of short texts. */
export const TEXT_TARGETS: readonly FuzzTarget[] = [
  {
    name: "wire/candidate_line",
    runs: 4_000,
    generate: (choices) =>
      choices.below(3) === 0
        ? words(choices)
        : new Mutator(choices, LINES.map(utf8), () => {}).next(),
    check: (input) => {
      const line = new TextDecoder().decode(input);
      parsePathCandidate(line);
      const candidate = parseCandidate(line);
      if (candidate) {
        const { candidate: read, ufrag } = candidate;
        const again = parseCandidate(formatCandidate(read, ufrag ?? ""));
        assert.deepEqual(again?.candidate, read);
      }
      const fields = parseCandidateFields(line);
      if (fields === undefined) return;
      const text = formatCandidateLine("f", fields)
        .slice(CANDIDATE_PREFIX.length);
      assert.deepEqual(parseCandidateFields(text), fields);
    },
  },
  {
    name: "base/address",
    runs: 4_000,
    generate: (choices) => new Mutator(choices, ADDRESSES, () => {}).next(),
    check: (input) => {
      const text = new TextDecoder().decode(input);
      const ip = parseIp(text);
      if (ip) assert.deepEqual(parseIp(formatIp(ip)), ip);
      const socket = parseSocketAddress(text);
      if (socket) {
        const again = parseSocketAddress(formatSocketAddress(socket));
        assert.deepEqual(again, socket);
      }
      const cidr = parseCidr(text);
      if (cidr) assert.deepEqual(parseCidr(formatCidr(cidr)), cidr);
    },
  },
];

function words(choices: Choices): Uint8Array {
  const line = Array.from(
    { length: choices.below(16) },
    () => choices.pick(WORDS),
  );
  return utf8(line.join(choices.pick([" ", "  ", "\t"])));
}

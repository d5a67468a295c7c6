import assert from "node:assert/strict";
import { utf8 } from "../../lib/base/mod.ts";
import {
  isAnswerTo,
  parseHostsFile,
  parseResolvConf,
  readAddresses,
  readMessage,
  readQuery,
  truncateAnswer,
  writeQuery,
  writeReply,
} from "../../lib/dns/mod.ts";
import {
  encodeDomainStatus,
  encodeP2pControl,
  IpPacketView,
  isP2pControl,
  readAssignedIps,
  readDomainStatus,
} from "../../lib/wire/mod.ts";
import { uuidOf, WIKI, WIKI_PROXIES } from "../support/gateway_harness.ts";
import type { FuzzTarget } from "./engine.ts";
import { JsonMutator } from "./json_mutator.ts";
import { Mutator } from "./mutator.ts";

/** Room for the payload of an in-tunnel message, in bytes. */
const PAYLOAD_BYTES = 1280 - 48;

const UDP_ANSWER_LIMIT = 1_200;

const announcements = [
  { resource: uuidOf(1), domain: WIKI, proxy_ips: WIKI_PROXIES },
  { resource: uuidOf(2), domain: 'a\\.b\\"\\001c.', proxy_ips: ["::1"] },
  { resource: uuidOf(2), domain: '\\"'.repeat(120), proxy_ips: [] },
  { resource: uuidOf(3), domain: WIKI, status: "Active" },
];

const query = writeQuery({ id: 7, name: WIKI, type: "A" });
const messages = [query, writeQuery({ id: 1, name: "a", type: "AAAA" })];
messages.push(writeReply(query, readMessage(query)!, 2), answerWithRecords());

const FILES = [
  "nameserver 9.9.9.9\nnameserver fe80::1%eth0\nsearch a b # c\noptions ndots:3",
  "127.0.0.1 localhost loop # here\n::1 localhost\n10.0.0.1\tWiki",
].map(utf8);

/** Names: what clients announce in the tunnel, DNS messages, and the files of the host. */
export const NAME_TARGETS: readonly FuzzTarget[] = [
  {
    name: "wire/p2p_domain",
    runs: 2_000,
    generate: (choices) => new JsonMutator(choices, announcements).next(),
    check: (input) => {
      const packet = encodeP2pControl(0, input.slice(0, PAYLOAD_BYTES));
      const view = new IpPacketView();
      assert.equal(view.attach(packet, 0, packet.length), "ok");
      assert.ok(isP2pControl(view));
      const status = readDomainStatus(view);
      const assigned = readAssignedIps(view);
      if (!status.ok && !assigned.ok) return;
      // Whatever can be announced can be answered, and reads back the same.
      const { resourceId, domain } = assigned.ok
        ? assigned.value
        : status.ok
        ? status.value
        : assert.fail();
      const said = { resourceId, domain, isActive: true };
      const answer = encodeDomainStatus(said);
      assert.equal(view.attach(answer, 0, answer.length), "ok");
      assert.deepEqual(readDomainStatus(view), { ok: true, value: said });
    },
  },
  {
    name: "dns/message",
    runs: 2_000,
    generate: (choices) => new Mutator(choices, messages, () => {}).next(),
    check: (input) => {
      const message = readMessage(input);
      readAddresses(input, WIKI, 4);
      if (!message) return;
      assert.ok(message.questionEnd <= input.length);
      const cut = truncateAnswer(input, UDP_ANSWER_LIMIT);
      assert.ok(cut.length <= UDP_ANSWER_LIMIT);
      if (!readQuery(input)) return;
      const reply = readMessage(writeReply(input, message, 2));
      assert.ok(reply && isAnswerTo(message, reply));
    },
  },
  {
    name: "dns/files",
    runs: 800,
    generate: (choices) => new Mutator(choices, FILES, () => {}).next(),
    check: (input) => {
      const text = new TextDecoder().decode(input);
      parseHostsFile(text);
      assert.ok(parseResolvConf(text).nameservers.length <= input.length);
    },
  },
];

/** An answer whose record points back at the question. */
function answerWithRecords(): Uint8Array {
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1];
  const answer = Uint8Array.from([...query, ...record]);
  answer[2] = 0x81;
  answer[7] = 1;
  return answer;
}

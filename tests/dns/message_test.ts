import assert from "node:assert/strict";
import fc from "fast-check";
import {
  isAnswerTo,
  readMessage,
  readQuery,
  truncateAnswer,
  writeQuery,
  writeReply,
} from "../../lib/dns/mod.ts";
import { fromHex, toHex } from "../../lib/base/mod.ts";

/** A query for `www.example.com` A with ID 0x1234, laid out by hand from RFC 1035 §4. */
const QUERY =
  "12340100000100000000000003777777076578616d706c6503636f6d0000010001";

Deno.test("a query is written as RFC 1035 lays it out", () => {
  const query = writeQuery({ id: 0x1234, name: "www.example.com", type: "A" });

  assert.equal(toHex(query), QUERY);
});

Deno.test("header and question of a query are read", () => {
  assert.deepEqual(readQuery(bytes(QUERY)), {
    id: 0x1234,
    isResponse: false,
    isTruncated: false,
    rcode: 0,
    name: "www.example.com",
    type: 1,
    class: 1,
    questionEnd: 33,
  });
});

Deno.test("a message with no question, two questions or a cut one is not read", () => {
  const twoQuestions = bytes(QUERY + "00000100 01".replace(" ", ""));
  twoQuestions[5] = 2;
  const noQuestion = bytes(QUERY.slice(0, 24));
  noQuestion[5] = 0;

  assert.equal(readMessage(twoQuestions), undefined);
  assert.equal(readMessage(noQuestion), undefined);
  for (let length = 0; length < QUERY.length / 2; length++) {
    assert.equal(readMessage(bytes(QUERY).subarray(0, length)), undefined);
  }
});

Deno.test("an answer, or a query whose answer section cannot be read, is no query", () => {
  const response = bytes(QUERY);
  response[2]! |= 0x80;
  const withBrokenAnswer = bytes(QUERY);
  withBrokenAnswer[7] = 1;

  assert.equal(readQuery(response), undefined);
  assert.equal(readQuery(withBrokenAnswer), undefined);
  // A record of type A with four bytes, named by a pointer to the question.
  const record = "c00c00010001000000050004c0000201";
  const withAnswer = bytes(QUERY + record);
  withAnswer[7] = 1;
  assert.equal(readQuery(withAnswer)?.name, "www.example.com");
  assert.equal(readQuery(withAnswer.subarray(0, -1)), undefined);
});

Deno.test("names that differ in bytes differ in text, but for the case of letters", () => {
  const dotInLabel = nameOf("03612e62 00");
  const twoLabels = nameOf("0161 0162 00");

  assert.equal(dotInLabel, "a\\046b");
  assert.equal(twoLabels, "a.b");
  assert.equal(nameOf("03415a5f 00"), "az_");
  assert.equal(nameOf("01ff 00"), "\\255");
  assert.equal(nameOf("015c 00"), "\\092");
  assert.equal(nameOf("00"), "");
});

Deno.test("a question whose name points elsewhere or is too long is refused", () => {
  const longest = "3f" + "61".repeat(63);
  const almost = longest.repeat(3) + "3d" + "61".repeat(61) + "00";

  assert.equal(nameOf("c00c"), undefined);
  assert.equal(nameOf("4161"), undefined);
  assert.equal(nameOf(almost)?.length, 253);
  assert.equal(nameOf(longest.repeat(4) + "00"), undefined);
});

Deno.test("an answer fits its query by ID, name, type and class", () => {
  const query = read(QUERY);
  const answer = bytes(QUERY);
  answer[2]! |= 0x80;
  const inCapitals = answer.slice();
  inCapitals[13] = 0x57;

  assert.ok(isAnswerTo(query, readMessage(answer)!));
  assert.ok(isAnswerTo(query, readMessage(inCapitals)!));
  assert.ok(!isAnswerTo(query, query));
  for (const at of [0, 1, 14, 30, 32]) {
    const other = answer.slice();
    other[at]! ^= 1;
    assert.ok(!isAnswerTo(query, readMessage(other)!), `byte ${at}`);
  }
});

Deno.test("[dp 111] a refusal keeps ID, opcode and the question letter by letter", () => {
  const query = bytes(
    QUERY.replace("777777", "577757") + "0000291000000000000000",
  );
  query[11] = 1;

  const reply = writeReply(query, readMessage(query)!, 2);

  assert.equal(
    toHex(reply),
    "123481820001000000000000" + QUERY.slice(24).replace("777777", "577757"),
  );
});

Deno.test("a reply names its records by the question", () => {
  const query = bytes(QUERY);

  const reply = writeReply(query, readMessage(query)!, 0, [
    { type: "A", ttlSeconds: 1, data: "100.96.0.1" },
    { type: "PTR", ttlSeconds: 258, data: "ab.c" },
  ]);

  assert.equal(
    toHex(reply),
    "123481800001000200000000" + QUERY.slice(24) +
      "c00c00010001000000010004646000 01".replace(" ", "") +
      "c00c000c0001000001020006026162016300",
  );
});

Deno.test("[dp 112] an answer of more than 1200 bytes is cut to header and question with TC set", () => {
  const answer = new Uint8Array(1201);
  answer.set(
    bytes(QUERY.replace("01000001000000000000", "81800001000100020003")),
  );

  assert.equal(truncateAnswer(answer.subarray(0, 1200), 1200).length, 1200);
  assert.equal(
    toHex(truncateAnswer(answer, 1200)),
    "123483800001000000000000" + QUERY.slice(24),
  );
});

Deno.test("[dp 13] no bytes make the reader throw, and what is read is refused and cut without a throw", () => {
  fc.assert(fc.property(messages(), (message) => {
    const read = readMessage(message);
    if (!read) return;

    const query = readQuery(message);
    const reply = writeReply(message, read, 2);

    assert.ok(read.questionEnd <= message.length);
    assert.equal(readMessage(reply)?.name, read.name);
    assert.ok(!query || !query.isResponse);
    assert.ok(truncateAnswer(message, 12).length <= read.questionEnd);
  }));
});

function bytes(hex: string): Uint8Array {
  return fromHex(hex)!;
}

function read(hex: string) {
  return readMessage(bytes(hex))!;
}

function nameOf(hex: string): string | undefined {
  const header = "000001000001000000000000";
  return readMessage(bytes(header + hex.replaceAll(" ", "") + "00010001"))
    ?.name;
}

/** Random bytes, and queries with some bytes changed. */
function messages(): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 });
  const damaged = changes.map((edits) => {
    const message = bytes(QUERY + "c00c00010001000000050004c0000201");
    for (const [at, value] of edits) {
      if (at < message.length) message[at] = value;
    }
    return message;
  });
  return fc.oneof(fc.uint8Array({ maxLength: 600 }), damaged);
}

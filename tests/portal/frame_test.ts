import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeFrame, encodeFrame, jsonShape } from "../../lib/portal/mod.ts";
import { Harness } from "./harness.ts";
import gatewayVectors from "../vectors/firezone_gateway_messages.json" with {
  type: "json",
};
import phoenix from "../vectors/phoenix_frames.json" with { type: "json" };

interface RecordedFrame {
  readonly client?: {
    readonly topic: string;
    readonly event: string;
    readonly payload: unknown;
    readonly ref: number | string;
  };
  readonly server?: {
    readonly event: string;
    readonly payload: unknown;
    readonly ref: number | string | null;
    readonly topic: string;
  };
  readonly closed?: number;
  readonly http_status?: number;
}

const RECORDINGS = phoenix.cases as readonly {
  readonly name: string;
  readonly frames: readonly RecordedFrame[];
}[];

function serverFrames(): RecordedFrame["server"][] {
  return RECORDINGS.flatMap(({ frames }) =>
    frames.flatMap((frame) => frame.server ?? [])
  );
}

Deno.test("frames that a Phoenix server understood are encoded just so", () => {
  const sent = RECORDINGS.flatMap(({ frames }) =>
    frames.flatMap((frame) => frame.client ?? [])
  );
  assert.ok(sent.length > 5);
  for (const { topic, event, payload, ref } of sent) {
    if (typeof ref !== "number") continue;

    assert.deepEqual(JSON.parse(encodeFrame(topic, event, payload, ref)), {
      topic,
      event,
      payload,
      ref,
    });
  }
});

Deno.test("frames that a Phoenix server sent are read", () => {
  const meanings = serverFrames().map((frame) => {
    const decoded = decodeFrame(JSON.stringify(frame));
    return decoded.ok ? decoded.value.kind : decoded.error;
  });

  assert.deepEqual(meanings, [
    "invalid-reply", // The response is not exactly {}.
    "message",
    "invalid-reply",
    "invalid-envelope", // The ref is a string.
    "acknowledged",
    "refused",
    "refused",
  ]);
});

Deno.test("a recorded refusal of the join is fatal, and so is a topic that no channel serves", () => {
  const refusals = RECORDINGS.filter(({ name }) =>
    name.startsWith("join refused") || name.startsWith("topic that no")
  );
  assert.equal(refusals.length, 2);
  for (const { frames } of refusals) {
    const reply = frames.find((frame) => frame.server)?.server;
    const portal = new Harness().open();
    portal.sent();

    portal.receive({ ...reply, topic: "gateway" });

    assert.equal(portal.events().at(-1)?.kind, "fatal");
  }
});

Deno.test("control messages of the Firezone tests mean what they say", () => {
  for (const { json, means } of gatewayVectors.control_incoming) {
    const hasTextRef = typeof json.ref === "string";
    const text = JSON.stringify(hasTextRef ? { ...json, ref: 12 } : json);

    const decoded = decodeFrame(text);

    const reason = "response" in json.payload
      ? json.payload.response?.reason
      : undefined;
    assert.deepEqual(
      decoded.ok ? decoded.value : decoded.error,
      expectedMeaning(means, json.topic, json.payload, reason),
      means,
    );
    if (!hasTextRef) continue;
    assert.deepEqual(decodeFrame(JSON.stringify(json)), {
      ok: false,
      error: "invalid-envelope",
    });
  }
});

function expectedMeaning(
  means: string,
  topic: string,
  payload: unknown,
  reason: string | undefined,
): unknown {
  if (means === "application message") {
    return { kind: "message", topic, event: "shout", payload };
  }
  if (means === "channel closed") return { kind: "channel-closed", topic };
  if (means.startsWith("disconnect")) return { kind: "token-expired", topic };
  return reason === "disabled"
    ? "reply-without-ref"
    : { kind: "refused", topic, ref: 12, reason };
}

Deno.test("control messages of the Firezone tests are encoded just so", () => {
  for (const { json } of gatewayVectors.control_outgoing) {
    const { topic, event, payload, ref } = json;

    assert.deepEqual(JSON.parse(encodeFrame(topic, event, payload, ref)), json);
  }
});

Deno.test("an absent payload is written as null", () => {
  assert.equal(
    encodeFrame("gateway", "e", undefined, 3),
    '{"topic":"gateway","event":"e","payload":null,"ref":3}',
  );
});

Deno.test("an error reply without reason is still a refusal", () => {
  for (const response of [{}, null, { reason: 5 }, "text"]) {
    const decoded = decodeFrame(JSON.stringify({
      topic: "gateway",
      event: "phx_reply",
      payload: { status: "error", response },
      ref: 0,
    }));

    assert.ok(decoded.ok && decoded.value.kind === "refused");
  }
});

Deno.test("the reason of an error reply fits one line of a log and is at most 500 characters long", () => {
  const decoded = decodeFrame(JSON.stringify({
    topic: "gateway",
    event: "phx_reply",
    payload: {
      status: "error",
      response: { reason: `no\r\n\u001b[31m${"x".repeat(1_000)}` },
    },
    ref: 0,
  }));

  assert.ok(decoded.ok && decoded.value.kind === "refused");
  assert.equal(decoded.value.reason, `no [31m${"x".repeat(493)}`);
});

Deno.test("a reply with another status, or none, is malformed", () => {
  for (const payload of [{}, null, { status: "maybe", response: {} }, "ok"]) {
    const decoded = decodeFrame(JSON.stringify({
      topic: "gateway",
      event: "phx_reply",
      payload,
      ref: 0,
    }));

    assert.deepEqual(decoded, { ok: false, error: "invalid-reply" });
  }
});

Deno.test("members that an object merely inherits do not count", () => {
  for (const event of ["constructor", "toString", "__proto__"]) {
    const decoded = decodeFrame(
      JSON.stringify({ topic: "gateway", event, payload: {}, ref: null }),
    );

    assert.ok(decoded.ok && decoded.value.kind === "message");
  }
  assert.deepEqual(decodeFrame('{"__proto__":{"topic":"a","event":"b"}}'), {
    ok: false,
    error: "invalid-envelope",
  });
});

Deno.test("jsonShape finds complete whatever JSON.parse accepts, and only that", () => {
  const texts = fc.oneof(
    fc.json(),
    fc.string({ unit: "binary" }),
    fc.string({
      unit: fc.constantFrom(...'{}[]",:\\ue0123-.+truefalsn \t\n\u0001'),
      maxLength: 12,
    }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      assert.equal(jsonShape(text) === "complete", parses(text), text);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("jsonShape finds every proper prefix of a document truncated, unless it is one itself", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), (text, at) => {
      const prefix = text.slice(0, at % text.length);
      const expected = parses(prefix) ? "complete" : "truncated";

      assert.equal(jsonShape(prefix), expected);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("jsonShape finds malformed what no continuation can complete", () => {
  const cases = [
    ...["}", "]", ",", ":", "{]", "[}", "{,", "[,", "[1,,", "{1", '{"a",'],
    ...[
      '{"a":}',
      '{"a":1,}',
      "[1 2",
      "tru ",
      "nul]",
      "trux",
      "-a",
      "01",
      "1..",
    ],
    ...["1e+e", "+1", ".5", '"\\x"', '"\\u12g4"', '"a\nb"', '""x', "{}{}"],
    ...["\ufeff{}", "// a comment", "'a'", "NaN", "1.e3 "],
  ];
  for (const text of cases) assert.equal(jsonShape(text), "malformed", text);
});

Deno.test("jsonShape is bounded in depth and takes long input", () => {
  assert.equal(jsonShape("[".repeat(1_000_000)), "malformed");
  assert.equal(jsonShape("[".repeat(100)), "truncated");
  assert.equal(jsonShape(`["${"x".repeat(1_000_000)}`), "truncated");
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

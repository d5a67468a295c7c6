import assert from "node:assert/strict";
import { concatBytes, ok, unixMs, utf8 } from "../../lib/base/mod.ts";
import { parseEnvelope } from "../../lib/control/envelope.ts";
import { parsePolicy } from "../../lib/control/policy_file.ts";
import {
  decodeFrame,
  encodeFrame,
  jsonShape,
  parseClientMessage,
  parseGatewayMessage,
  parseIngestToken,
  parseProblem,
  retryAfterMs,
  UpgradeResponse,
} from "../../lib/portal/mod.ts";
import examplePolicy from "../../lib/control/example_policy.json" with {
  type: "json",
};
import vectors from "../vectors/firezone_gateway_messages.json" with {
  type: "json",
};
import frames from "../vectors/phoenix_frames.json" with { type: "json" };
import { CLIENT_MESSAGES, INGEST_TOKEN } from "./client_messages.ts";
import type { Choices } from "./choices.ts";
import type { FuzzTarget } from "./engine.ts";
import { JsonMutator } from "./json_mutator.ts";
import { Mutator } from "./mutator.ts";

/** Where a problem of a payload may be: names of members and numbers of items, never a value. */
const PLACE = /^payload(\.[a-z0-9_]+|\[\d+\])*$/;

const NOW = unixMs(1_787_000_000_000);

const gatewayMessages = vectors.incoming.flatMap(({ message }) =>
  message ? [{ event: message.event, payload: message.payload as unknown }] : []
);
const envelopes = [
  ...frames.cases.flatMap(({ frames }) =>
    frames.flatMap((frame) => Object.values(frame) as unknown[])
  ),
  ...vectors.control_incoming.map(({ json }) => json as unknown),
];
const RESPONSES = [
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n\x81\x02{}",
  "HTTP/1.1 401 x\r\nContent-Length: 5\r\n\r\nabcde",
  "HTTP/1.1 429 x\r\nRetry-After: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nffffffff\r\n",
  "HTTP/1.1 100 x\r\n\r\nHTTP/1.1 503 x\r\n\r\nlater",
].map(utf8);

const TEXTS = [
  "120",
  "Sun, 06 Nov 1994 08:49:37 GMT",
  "Sunday, 06-Nov-94 08:49:37 GMT",
  "Sun Nov  6 08:49:37 1994",
  '{"code":"token_expired","detail":"Gone"}',
  INGEST_TOKEN,
].map(utf8);

/** What the portal says, and what a client of our own portal may say to it. */
export const PORTAL_TARGETS: readonly FuzzTarget[] = [
  {
    name: "portal/frame",
    runs: 2_000,
    generate: (choices) =>
      choices.below(40) === 0
        ? deep(choices)
        : new JsonMutator(choices, envelopes).next(),
    check: (input) => {
      const text = textOf(input);
      const shape = jsonShape(text);
      assert.equal(shape === "complete", isJson(text), shape);
      const frame = decodeFrame(text);
      parseEnvelope(text);
      if (!frame.ok || frame.value.kind !== "message") return;
      const { topic, event, payload } = frame.value;
      const again = decodeFrame(encodeFrame(topic, event, payload, 1));
      // JSON has no -0 and nothing too great for a number.
      const written = jsonOf(JSON.stringify(payload));
      assert.deepEqual(again, ok({ ...frame.value, payload: written }));
    },
  },
  messageTarget(
    "portal/gateway_messages",
    gatewayMessages,
    parseGatewayMessage,
  ),
  messageTarget("portal/client_messages", CLIENT_MESSAGES, parseClientMessage),
  {
    name: "portal/upgrade_response",
    runs: 500,
    generate: (choices) => new Mutator(choices, RESPONSES, () => {}).next(),
    check: (input) => {
      const whole = readResponse(input, input.length);
      assert.deepEqual(readResponse(input, 7), whole);
      assert.ok(whole.body.length <= 65_536);
    },
  },
  {
    name: "portal/text",
    runs: 2_000,
    generate: (choices) => new Mutator(choices, TEXTS, () => {}).next(),
    check: (input) => {
      const text = textOf(input);
      parseIngestToken(text);
      const delay = retryAfterMs(text, NOW);
      assert.ok(delay === undefined || delay >= 0 && Number.isFinite(delay));
      const problem = parseProblem("application/problem+json", text);
      assert.doesNotMatch(problem?.detail ?? "", /\p{Cc}/u);
    },
  },
  {
    name: "control/policy_file",
    runs: 150,
    generate: (choices) => new JsonMutator(choices, [examplePolicy]).next(),
    check: (input) => {
      const policy = parsePolicy(textOf(input));
      if (!policy.ok) assert.ok(policy.error.length > 0);
    },
  },
];

/** The text of an input is `{"event":…,"payload":…}`. */
function messageTarget(
  name: string,
  corpus: readonly { readonly event: string; readonly payload: unknown }[],
  parse: typeof parseClientMessage | typeof parseGatewayMessage,
): FuzzTarget {
  return {
    name,
    runs: 2_000,
    generate: (choices) => {
      const { event, payload } = choices.pick(corpus);
      const text = new JsonMutator(choices, [payload]).next();
      return concatBytes(utf8(`${event} `), text);
    },
    check: (input) => {
      const text = textOf(input);
      const space = text.indexOf(" ");
      const payload = jsonOf(text.slice(space + 1));
      const parsed = parse(text.slice(0, space), payload);
      if (!parsed.ok) {
        const { reason, at } = parsed.error;
        if (!reason.endsWith("-event")) assert.match(at, PLACE);
        return;
      }
      if (typeof payload !== "object") return;
      const extended = { ...payload, from_the_future: [1] };
      assert.deepEqual(parse(text.slice(0, space), extended), parsed);
    },
  };
}

/** Reads a response that arrives in pieces. What comes after the head of a 101 belongs to the WebSocket. */
function readResponse(input: Uint8Array, pieceLength: number) {
  const response = new UpgradeResponse();
  let at = 0;
  while (at < input.length && response.progress.kind !== "complete") {
    response.push(input.slice(at, at + pieceLength));
    at += pieceLength;
  }
  const { progress, status, body } = response;
  const rest = status === 101 ? [...response.rest, ...input.slice(at)] : [];
  return { progress, status, body, rest };
}

/** A text that breaks parsers which call themselves. */
function deep(choices: Choices): Uint8Array {
  const open = choices.pick(["[", '{"a":', '[{"payload":']);
  return utf8(open.repeat(20_000));
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

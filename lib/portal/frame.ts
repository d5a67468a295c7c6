import { err, ok, type Result } from "../base/mod.ts";
import { jsonShape } from "./json_prefix.ts";
import { printable } from "./printable.ts";

/** What a text frame from the portal says, portal spec §2.2 and §2.3. */
export type Inbound =
  | {
    /** A request was accepted: `phx_reply`, status ok, response exactly `{}`. */
    readonly kind: "acknowledged";
    readonly topic: string;
    readonly ref: number;
  }
  | {
    /** A request was refused: `phx_reply`, status error. */
    readonly kind: "refused";
    readonly topic: string;
    readonly ref: number;
    readonly reason: string;
  }
  | { readonly kind: "channel-closed"; readonly topic: string }
  | { readonly kind: "channel-crashed"; readonly topic: string }
  | { readonly kind: "token-expired"; readonly topic: string }
  | {
    /** An event of the application; nobody has looked at its payload. */
    readonly kind: "message";
    readonly topic: string;
    readonly event: string;
    readonly payload: unknown;
  };

/** Why a text frame means nothing. Only `truncated-json` says something about the connection. */
export type FrameRefusal =
  | "truncated-json"
  | "invalid-json"
  | "invalid-envelope"
  | "reply-without-ref"
  | "reply-without-result"
  | "invalid-reply"
  | "invalid-close"
  | "invalid-crash"
  | "unknown-disconnect";

/** All refusals, for counters. */
export const FRAME_REFUSALS: readonly FrameRefusal[] = [
  "truncated-json",
  "invalid-json",
  "invalid-envelope",
  "reply-without-ref",
  "reply-without-result",
  "invalid-reply",
  "invalid-close",
  "invalid-crash",
  "unknown-disconnect",
];

/** What stands in for the reason of an error reply that gives none. */
const NO_REASON = "no reason provided";

interface Envelope {
  readonly topic: string;
  readonly event: string;
  readonly payload: unknown;
  readonly ref: number | null;
}

/**
 * Encodes a message to the portal as serializer V1 wants it, portal spec §2.1.
 *
 * All four keys are always there: the portal drops the whole connection when
 * one is missing. An absent payload is written as `null`.
 */
export function encodeFrame(
  topic: string,
  event: string,
  payload: unknown,
  ref: number,
): string {
  return JSON.stringify({ topic, event, payload: payload ?? null, ref });
}

/** Reads a text frame. Never throws. */
export function decodeFrame(text: string): Result<Inbound, FrameRefusal> {
  const envelope = readEnvelope(text);
  if (!envelope.ok) return envelope;
  const { topic, event, payload } = envelope.value;

  switch (event) {
    case "phx_reply":
      return readReply(envelope.value);
    case "phx_close":
      return isEmptyObject(payload)
        ? ok({ kind: "channel-closed", topic })
        : err("invalid-close");
    case "phx_error":
      return isEmptyObject(payload)
        ? ok({ kind: "channel-crashed", topic })
        : err("invalid-crash");
    case "disconnect":
      return own(payload, "reason") === "token_expired"
        ? ok({ kind: "token-expired", topic })
        : err("unknown-disconnect");
    default:
      return ok({ kind: "message", topic, event, payload });
  }
}

function readEnvelope(text: string): Result<Envelope, FrameRefusal> {
  const json = parseJson(text);
  if (!json.ok) return json;

  const topic = own(json.value, "topic");
  const event = own(json.value, "event");
  const payload = own(json.value, "payload");
  const ref = own(json.value, "ref") ?? null;
  if (
    typeof topic !== "string" || typeof event !== "string" ||
    payload === undefined || !(ref === null || isRef(ref))
  ) {
    return err("invalid-envelope");
  }
  return ok({ topic, event, payload, ref });
}

function parseJson(
  text: string,
): Result<unknown, "truncated-json" | "invalid-json"> {
  try {
    return ok(JSON.parse(text));
  } catch {
    return err(
      jsonShape(text) === "truncated" ? "truncated-json" : "invalid-json",
    );
  }
}

function readReply(
  { topic, payload, ref }: Envelope,
): Result<Inbound, FrameRefusal> {
  if (ref === null) return err("reply-without-ref");
  const response = own(payload, "response");

  switch (own(payload, "status")) {
    case "ok":
      if (response === null) return err("reply-without-result");
      return isEmptyObject(response)
        ? ok({ kind: "acknowledged", topic, ref })
        : err("invalid-reply");
    case "error": {
      const reason = own(response, "reason");
      return ok({
        kind: "refused",
        topic,
        ref,
        reason: typeof reason === "string" ? printable(reason) : NO_REASON,
      });
    }
    default:
      return err("invalid-reply");
  }
}

/** Returns a member of a JSON object, never one it inherits. */
function own(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null &&
      !Array.isArray(value) && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function isRef(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && Object.keys(value).length === 0;
}

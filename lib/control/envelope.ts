/** A message of a data plane, as far as every event has it in common (portal spec §2.1). */
export interface Envelope {
  /** `gateway`, `client`, `relay` or `phoenix`; anything, since the peer chose it. */
  readonly topic: string;
  /** The event's name. */
  readonly event: string;
  /** Any JSON value. */
  readonly payload: unknown;
  /** Whatever the sender used; it is echoed with the same JSON type. */
  readonly ref: unknown;
}

/** What an event came to, as told in a `phx_reply`. */
export type Reply =
  | { readonly status: "ok" }
  | { readonly status: "error"; readonly reason: string };

/** Reads a text frame, or returns `undefined` for what would crash Phoenix's transport (portal spec §2.1). */
export function parseEnvelope(text: string): Envelope | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (
    !isRecord(json) || !Object.hasOwn(json, "payload") ||
    !Object.hasOwn(json, "ref")
  ) {
    return undefined;
  }
  const { topic, event, payload, ref } = json;
  if (typeof topic !== "string" || typeof event !== "string") return undefined;
  return { topic, event, payload, ref };
}

/** Encodes a message that nobody asked for. */
export function pushText(
  topic: string,
  event: string,
  payload: unknown,
): string {
  return JSON.stringify({ topic, event, payload, ref: null });
}

/** Encodes the answer to `request`. */
export function replyText(request: Envelope, reply: Reply): string {
  const payload = reply.status === "ok"
    ? { status: "ok", response: {} }
    : { status: "error", response: { reason: reply.reason } };
  const { topic, ref } = request;
  return JSON.stringify({ topic, event: "phx_reply", payload, ref });
}

/** Tells whether a JSON value is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import type { DrainStatus, GatewayStatus } from "./gateway_status.ts";
import { jsonResponse, refuseMethod, textResponse } from "./responses.ts";

/** Longest text that a control request may carry, in bytes. */
const BODY_LIMIT_BYTES = 4_096;

/** Longest drain, in ms: meanwhile the portal cannot withdraw an authorization from us. */
const DRAIN_LIMIT_MS = 24 * 3_600_000;

/** What a gateway can be told over its control socket. */
export interface ControlTarget {
  /** Tells everything. */
  status(): Promise<GatewayStatus>;
  /** Leaves the portal and ends once no client is left, or after `timeoutMs`. Told again, it only moves the end. */
  drain(timeoutMs: number): Promise<Omit<DrainStatus, "clientsLeft">>;
  /** Changes which log lines there are; an empty text restores what is configured. Returns the directive that cannot be read, if any. */
  setLogFilter(directives: string): string | undefined;
}

/** Answers whoever may use the control socket: `GET /status`, `POST /drain` with `{"timeoutMs": …}`, `POST /log-filter` with directives. */
export async function answerControl(
  request: Request,
  target: ControlTarget,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  const route = ROUTES.get(pathname);
  if (!route) return textResponse(404, "Not found");
  if (request.method !== route.method) return refuseMethod(route.method);
  const body = await bodyOf(request);
  if (body === undefined) return textResponse(413, "The request is too long");
  return await route.answer(target, body);
}

interface Route {
  readonly method: "GET" | "POST";
  readonly answer: (target: ControlTarget, body: string) => Promise<Response>;
}

const ROUTES: ReadonlyMap<string, Route> = new Map([
  ["/status", { method: "GET", answer: answerStatus }],
  ["/drain", { method: "POST", answer: answerDrain }],
  ["/log-filter", { method: "POST", answer: answerLogFilter }],
]);

async function answerStatus(target: ControlTarget): Promise<Response> {
  return jsonResponse(200, await target.status());
}

async function answerDrain(
  target: ControlTarget,
  body: string,
): Promise<Response> {
  const timeoutMs = timeoutOf(body);
  return timeoutMs === undefined
    ? textResponse(400, 'Expected {"timeoutMs": 0 to 86400000}')
    : jsonResponse(202, await target.drain(timeoutMs));
}

function answerLogFilter(
  target: ControlTarget,
  body: string,
): Promise<Response> {
  const malformed = target.setLogFilter(body);
  return Promise.resolve(
    malformed === undefined
      ? textResponse(200, "Changed")
      : textResponse(400, `Cannot read the log directive: ${malformed}`),
  );
}

function timeoutOf(body: string): number | undefined {
  try {
    const { timeoutMs } = JSON.parse(body);
    const isUsable = typeof timeoutMs === "number" && timeoutMs >= 0 &&
      timeoutMs <= DRAIN_LIMIT_MS;
    return isUsable ? timeoutMs : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the body, `undefined` when it is longer than any should be. */
async function bodyOf({ body }: Request): Promise<string | undefined> {
  if (!body) return "";
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > BODY_LIMIT_BYTES) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

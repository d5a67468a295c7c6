import type { MetricInputs } from "./metric_inputs.ts";
import { METRICS_CONTENT_TYPE, renderMetrics } from "./metrics_text.ts";
import type { Readiness } from "./readiness.ts";
import { jsonResponse, refuseMethod, textResponse } from "./responses.ts";

/** What is asked of a gateway over HTTP. `GatewayObserver` is one. */
export interface HealthSource {
  /** Tells whether the data worker answers. */
  isAlive(): Promise<boolean>;
  /** Tells whether clients can be served. */
  readiness(): Promise<Readiness>;
  /** Gathers what metrics are made from. */
  metricInputs(): Promise<MetricInputs>;
}

/** Answers whoever watches over a gateway from outside: GET and HEAD of `/healthz`, `/readyz` and `/metrics`. */
export async function answerHealth(
  request: Request,
  source: HealthSource,
): Promise<Response> {
  const url = new URL(request.url);
  const answer = ANSWERS.get(url.pathname);
  if (!answer) return textResponse(404, "Not found");
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refuseMethod("GET, HEAD");
  }
  const response = await answer(source, wantsJson(request, url));
  return request.method === "HEAD" ? new Response(null, response) : response;
}

type Answer = (source: HealthSource, asJson: boolean) => Promise<Response>;

const ANSWERS: ReadonlyMap<string, Answer> = new Map([
  ["/healthz", answerAlive],
  ["/readyz", answerReady],
  ["/metrics", answerMetrics],
]);

async function answerAlive(source: HealthSource): Promise<Response> {
  return await source.isAlive()
    ? textResponse(200, "alive")
    : textResponse(503, "The data worker does not answer");
}

async function answerReady(
  source: HealthSource,
  asJson: boolean,
): Promise<Response> {
  const readiness = await source.readiness();
  const status = readiness.ready ? 200 : 503;
  if (asJson) return jsonResponse(status, readiness);
  return textResponse(status, describeReadiness(readiness));
}

async function answerMetrics(source: HealthSource): Promise<Response> {
  const text = await renderMetrics(await source.metricInputs());
  return textResponse(200, text, METRICS_CONTENT_TYPE);
}

/** Returns a line that says what is missing. */
export function describeReadiness({ ready, checks }: Readiness): string {
  if (ready) return "ready";
  const missing = checks.filter(({ ok }) => !ok)
    .map(({ name, detail }) => `${name} ${detail}`);
  return `not ready: ${missing.join(", ")}`;
}

function wantsJson(request: Request, { searchParams }: URL): boolean {
  const format = searchParams.get("format");
  if (format !== null) return format === "json";
  return (request.headers.get("accept") ?? "").includes("application/json");
}

/** An HTTP response. */
export interface HttpAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Header fields beside those about the body's length. */
  readonly headers: Readonly<Record<string, string>>;
  /** Body text; may be empty. */
  readonly body: string;
}

/** The HTTP response that refuses an upgrade (portal spec §1.7) or a control call. */
export type Refusal = HttpAnswer;

/** Why a connect attempt or a control call is refused, as the portal's problem documents name it. */
export type ProblemCode =
  | "missing_token"
  | "invalid_token"
  | "invalid_connect_params"
  | "gateway_already_connected"
  | "rate_limit"
  | "unhandled_connect_error"
  | "method_not_allowed"
  | "unknown_client"
  | "unknown_gateway"
  | "unknown_resource";

const PROBLEMS: Readonly<
  Record<ProblemCode, { status: number; title: string; detail: string }>
> = {
  missing_token: {
    status: 401,
    title: "Unauthorized",
    detail: "Missing token",
  },
  invalid_token: {
    status: 401,
    title: "Unauthorized",
    detail: "Invalid token",
  },
  invalid_connect_params: {
    status: 400,
    title: "Bad Request",
    detail: "Invalid connection parameters",
  },
  gateway_already_connected: {
    status: 409,
    title: "Conflict",
    detail: "Gateway is already connected",
  },
  rate_limit: {
    status: 503,
    title: "Service Unavailable",
    detail: "Rate limit exceeded",
  },
  unhandled_connect_error: {
    status: 500,
    title: "Internal Server Error",
    detail: "The connection could not be established",
  },
  method_not_allowed: {
    status: 405,
    title: "Method Not Allowed",
    detail: "Control calls are made by POST",
  },
  unknown_client: {
    status: 404,
    title: "Not Found",
    detail: "No client of the policy has this name",
  },
  unknown_gateway: {
    status: 404,
    title: "Not Found",
    detail: "No gateway of the policy has this name",
  },
  unknown_resource: {
    status: 404,
    title: "Not Found",
    detail: "A resource is not named, or not in the policy",
  },
};

/** Builds a problem document, RFC 9457. A rate-limited node is told to come back in one second. */
export function problem(code: ProblemCode, detail?: string): Refusal {
  const known = PROBLEMS[code];
  const body = {
    type: "about:blank",
    title: known.title,
    status: known.status,
    detail: detail ?? known.detail,
    code,
  };
  return {
    status: known.status,
    headers: {
      "Content-Type": "application/problem+json; charset=utf-8",
      ...(code === "rate_limit" ? { "Retry-After": "1" } : {}),
    },
    body: JSON.stringify(body),
  };
}

/** Refuses what is no path of ours. */
export const NOT_FOUND: Refusal = {
  status: 404,
  headers: { "Content-Type": "text/plain; charset=utf-8" },
  body: "Not Found",
};

/** Refuses an unsupported serializer or a foreign origin. */
export const FORBIDDEN: Refusal = { status: 403, headers: {}, body: "" };

import type { UnixMs } from "../base/mod.ts";
import { parseProblem, type Problem } from "./problem.ts";
import { retryAfterMs } from "./retry_after.ts";

/** The portal's answer to an upgrade that it refused. */
export interface RejectedUpgrade {
  /** HTTP status. */
  readonly status: number;
  /** Value of `Retry-After`. */
  readonly retryAfter: string | undefined;
  /** Value of `Date`. */
  readonly date?: string | undefined;
  /** Value of `Content-Type`. */
  readonly contentType: string | undefined;
  /** As much of the body as came in time and under the limit. */
  readonly body: string;
  /** Wall clock at the end of the response. */
  readonly receivedAt: UnixMs;
}

/** The portal allows one attempt a second (portal spec §7.5). Our own choice. */
const CONFLICT_DELAY_MS = 2_000;

/** Why an attempt to connect, or a connection, failed. */
export type ConnectionFailure =
  | { readonly kind: "name-not-resolved"; readonly detail: string }
  | { readonly kind: "unreachable"; readonly detail: string }
  | { readonly kind: "tcp-timed-out"; readonly detail: string }
  | { readonly kind: "attempt-timed-out" }
  | { readonly kind: "tls-failed"; readonly detail: string }
  | { readonly kind: "invalid-response"; readonly detail: string }
  | { readonly kind: "rejected"; readonly response: RejectedUpgrade }
  | { readonly kind: "broken"; readonly detail: string }
  | { readonly kind: "protocol-violated"; readonly detail: string }
  | { readonly kind: "ended" }
  | { readonly kind: "closed"; readonly code: number }
  | { readonly kind: "truncated-frame" }
  | { readonly kind: "channel-closed" }
  | { readonly kind: "join-timed-out" }
  | { readonly kind: "heartbeats-unanswered" };

/** Why trying again cannot help. */
export type FatalReason =
  | {
    /** 401 with a problem code that blames the token. */
    readonly kind: "token-refused";
    readonly code: "invalid_token" | "missing_token";
    readonly detail: string | undefined;
  }
  | {
    /** 401 from something that does not blame the token, perhaps a proxy. */
    readonly kind: "authentication-failed";
    readonly detail: string | undefined;
  }
  | {
    /** The portal answered the join with an error. */
    readonly kind: "join-refused";
    readonly reason: string;
  }
  | { /** The portal ended the session. */ readonly kind: "token-expired" }
  | {
    /** No attempt succeeded for as long as we may try. */
    readonly kind: "budget-exhausted";
    readonly lastFailure: ConnectionFailure;
  };

/** Tells why a failure is final, or `undefined` when it is worth another attempt. Of all statuses only 401 is final, portal spec §3.4. */
export function fatalReasonOf(
  failure: ConnectionFailure,
): FatalReason | undefined {
  if (failure.kind !== "rejected" || failure.response.status !== 401) {
    return undefined;
  }
  const problem = problemOf(failure.response);
  const code = problem?.code;
  const detail = problem?.detail;
  return code === "invalid_token" || code === "missing_token"
    ? { kind: "token-refused", code, detail }
    : { kind: "authentication-failed", detail };
}

/** Returns the delay that the portal asked for, whatever the status, portal spec §3.5. */
export function requestedDelayMs(
  failure: ConnectionFailure,
): number | undefined {
  if (failure.kind !== "rejected") return undefined;
  const { retryAfter, receivedAt } = failure.response;
  return retryAfter === undefined
    ? undefined
    : retryAfterMs(retryAfter, receivedAt);
}

/**
 * Returns the longest wait that makes sense after a failure, in ms.
 *
 * A 409 means that a connection of ours is still registered whose network
 * vanished. It is gone after 37 s at most (portal spec §7.3), and until our next
 * attempt nobody can be sent to us: too dear for a wait that doubles.
 */
export function longestDelayMs(failure: ConnectionFailure): number {
  const isStillRegistered = failure.kind === "rejected" &&
    failure.response.status === 409;
  return isStillRegistered ? CONFLICT_DELAY_MS : Infinity;
}

/** Says in a few words what failed. Contains no secret. */
export function describeFailure(failure: ConnectionFailure): string {
  switch (failure.kind) {
    case "name-not-resolved":
      return `Failed to resolve the portal's name: ${failure.detail}`;
    case "unreachable":
      return `Failed to connect: ${failure.detail}`;
    case "tcp-timed-out":
      return `Failed to connect in time: ${failure.detail}`;
    case "attempt-timed-out":
      return "Failed to open the WebSocket in time";
    case "tls-failed":
      return `Failed to establish TLS: ${failure.detail}`;
    case "invalid-response":
      return `Failed to understand the answer to the upgrade: ${failure.detail}`;
    case "rejected":
      return describeRejection(failure.response);
    case "broken":
      return `Failed to use the connection: ${failure.detail}`;
    case "protocol-violated":
      return `Failed to read a frame: ${failure.detail}`;
    case "ended":
      return "The portal ended the connection without a close frame";
    case "closed":
      return `The portal closed the connection: ${failure.code}`;
    case "truncated-frame":
      return "The portal sent a truncated message";
    case "channel-closed":
      return "The portal closed the channel";
    case "join-timed-out":
      return "The portal did not answer the join";
    case "heartbeats-unanswered":
      return "The portal stopped answering heartbeats";
  }
}

function describeRejection(response: RejectedUpgrade): string {
  const problem = problemOf(response);
  const text = problem?.detail ?? problem?.code;
  const status = `The portal refused the connection: HTTP ${response.status}`;
  return text === undefined ? status : `${status} ${text}`;
}

function problemOf(response: RejectedUpgrade): Problem | undefined {
  return parseProblem(response.contentType, response.body);
}

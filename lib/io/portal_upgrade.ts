import { createHash } from "node:crypto";
import {
  err,
  type IpAddress,
  ok,
  randomBytes,
  type RandomSource,
  type Result,
  toBase64,
  type UnixMs,
  utf8,
} from "../base/mod.ts";
import {
  type ConnectionFailure,
  type LoginUrl,
  type UpgradeCredentials,
  upgradeRequest,
  UpgradeResponse,
  WEBSOCKET_KEY_BYTES,
} from "../portal/mod.ts";
import { dialFirst, messageOf } from "./portal_dial.ts";

/** Times that bound an attempt. */
export interface AttemptLimits {
  /** For TCP, all addresses together. */
  readonly tcpMs: number;
  /** For TCP, TLS and upgrade together. */
  readonly attemptMs: number;
  /** For the body of a refusal, from the end of its head. */
  readonly bodyMs: number;
}

/** Portal spec §1.6 and §3.4. */
export const ATTEMPT_LIMITS: AttemptLimits = {
  tcpMs: 5_000,
  attemptMs: 15_000,
  bodyMs: 5_000,
};

/** What an attempt needs. */
export interface UpgradeOptions {
  /** Where to connect to. */
  readonly url: LoginUrl;
  /** Who we are. */
  readonly credentials: UpgradeCredentials;
  /** For the WebSocket key. */
  readonly random: RandomSource;
  /** Reads the wall clock. */
  readonly unixNow: () => UnixMs;
  /** Bounds of the attempt. */
  readonly limits: AttemptLimits;
  /** PEM certificates to trust besides the built-in roots. */
  readonly caCerts?: readonly string[] | undefined;
}

/** A connection that speaks WebSocket from here on. */
export interface Upgraded {
  /** The TCP or TLS connection. */
  readonly conn: Deno.Conn;
  /** Bytes that came together with the response. */
  readonly rest: Uint8Array;
}

/** Appended to the key for the accept hash, RFC 6455 §1.3. */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const READ_BYTES = 16 * 1024;

/**
 * Makes one attempt: TCP to all addresses, TLS, upgrade. Never throws.
 *
 * `signal` abandons it; the result then means nothing. Redirects are not
 * followed: any status but 101 is a refusal.
 */
export async function upgrade(
  addresses: readonly IpAddress[],
  options: UpgradeOptions,
  signal: AbortSignal,
): Promise<Result<Upgraded, ConnectionFailure>> {
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  const timer = setTimeout(stop, options.limits.attemptMs);
  signal.addEventListener("abort", stop);
  try {
    const upgraded = await attemptUpgrade(addresses, options, attempt.signal);
    const isAnswer = upgraded.ok || upgraded.error.kind === "rejected";
    return isAnswer || !attempt.signal.aborted
      ? upgraded
      : err({ kind: "attempt-timed-out" });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

async function attemptUpgrade(
  addresses: readonly IpAddress[],
  options: UpgradeOptions,
  signal: AbortSignal,
): Promise<Result<Upgraded, ConnectionFailure>> {
  const { url, limits, caCerts } = options;
  const dialed = await dialFirst(addresses, url.port, limits.tcpMs, signal);
  if (!dialed.ok) return dialed;
  dialed.value.setNoDelay(true);

  const secured = url.secure
    ? await startTls(dialed.value, url.hostname, caCerts, signal)
    : dialed;
  if (!secured.ok) return secured;

  const conn = secured.value;
  const close = () => closeQuietly(conn);
  signal.addEventListener("abort", close);
  let upgraded: Result<Upgraded, ConnectionFailure>;
  try {
    upgraded = await exchange(conn, options);
  } catch (error) {
    upgraded = err({ kind: "broken", detail: messageOf(error) });
  }
  signal.removeEventListener("abort", close);
  if (!upgraded.ok) close();
  return upgraded;
}

async function startTls(
  tcp: Deno.TcpConn,
  hostname: string,
  caCerts: readonly string[] = [],
  signal: AbortSignal,
): Promise<Result<Deno.Conn, ConnectionFailure>> {
  let conn: Deno.Conn = tcp;
  const close = () => closeQuietly(conn);
  signal.addEventListener("abort", close);
  try {
    const tls = await Deno.startTls(tcp, { hostname, caCerts: [...caCerts] });
    conn = tls;
    await tls.handshake();
    return ok(tls);
  } catch (error) {
    close();
    return err({ kind: "tls-failed", detail: messageOf(error) });
  } finally {
    signal.removeEventListener("abort", close);
  }
}

async function exchange(
  conn: Deno.Conn,
  options: UpgradeOptions,
): Promise<Result<Upgraded, ConnectionFailure>> {
  const key = toBase64(randomBytes(options.random, WEBSOCKET_KEY_BYTES));
  const request = upgradeRequest(options.url, options.credentials, key);
  await writeAll(conn, utf8(request));

  const response = await readResponse(conn, options.limits.bodyMs);
  if (response.progress.kind === "invalid") {
    return err({ kind: "invalid-response", detail: response.progress.problem });
  }
  if (response.progress.kind === "reading-head") return err({ kind: "ended" });
  if (response.accepts(acceptOf(key))) return ok({ conn, rest: response.rest });
  if (response.status === 101) {
    return err({ kind: "invalid-response", detail: "wrong upgrade headers" });
  }
  return err({
    kind: "rejected",
    response: {
      status: response.status,
      retryAfter: response.header("retry-after"),
      date: response.header("date"),
      contentType: response.header("content-type"),
      body: response.body,
      receivedAt: options.unixNow(),
    },
  });
}

/** Reads until the response is complete, the stream ends, or the body takes too long. */
async function readResponse(
  conn: Deno.Conn,
  bodyMs: number,
): Promise<UpgradeResponse> {
  const response = new UpgradeResponse();
  const buffer = new Uint8Array(READ_BYTES);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      const length = await conn.read(buffer);
      if (length === null) return response;
      const { kind } = response.push(buffer.subarray(0, length));
      if (kind === "complete" || kind === "invalid") return response;
      if (kind === "reading-body") {
        timer ??= setTimeout(() => closeQuietly(conn), bodyMs);
      }
    }
  } catch (error) {
    if (response.progress.kind === "reading-body") return response;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Writes all of `bytes`. */
export async function writeAll(
  conn: Deno.Conn,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

/** Closes a connection that may be closed already. */
export function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It was closed by the other end of a race.
  }
}

function acceptOf(key: string): string {
  return createHash("sha1").update(key + ACCEPT_GUID).digest("base64");
}

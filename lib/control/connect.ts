import {
  err,
  formatIp,
  fromBase64,
  type Instant,
  type IpAddress,
  ok,
  parseIp,
  type Result,
  toHex,
  utf8,
} from "../base/mod.ts";
import { sha256 } from "../crypto/mod.ts";
import { MAX_PARAMETER_LENGTH } from "./constants.ts";
import type { Policy, TokenOwner } from "./policy.ts";
import type { RateLimit } from "./rate_limit.ts";
import { FORBIDDEN, NOT_FOUND, problem, type Refusal } from "./refusal.ts";
import { parseUserAgent, type UserAgent } from "./version.ts";

/** A request to upgrade to a WebSocket. */
export interface ConnectRequest {
  /** The path without the query. */
  readonly path: string;
  /** The decoded query. */
  readonly query: URLSearchParams;
  /** Header fields by lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The TCP peer. */
  readonly remoteIp: IpAddress;
}

/** Which set of event names a path stands for (portal spec §4.2, §5.1.1). */
export type Generation = "v1" | "v2";

/** Who has connected. */
export type Identity =
  | {
    readonly role: "gateway" | "client";
    /** Lower-case hex SHA-256 of the token it showed. */
    readonly tokenHash: string;
    /** The entry of the policy. */
    readonly id: string;
    readonly generation: Generation;
    /** WireGuard public key, base64. */
    readonly publicKey: string;
    readonly userAgent: UserAgent;
    readonly remoteIp: IpAddress;
  }
  | {
    readonly role: "relay";
    /** Lower-case hex SHA-256 of the token it showed. */
    readonly tokenHash: string;
    /** The entry of the policy. */
    readonly name: string;
    /** Advertised addresses; at least one is there. */
    readonly ipv4: IpAddress | undefined;
    readonly ipv6: IpAddress | undefined;
    readonly port: number;
  };

/** A gateway or client that has connected. */
export type NodeIdentity = Extract<Identity, { role: "gateway" | "client" }>;

/** A relay that has connected. */
export type RelayIdentity = Extract<Identity, { role: "relay" }>;

/** Any base path may stand in front, so that an API URL with a path can be tried out. */
const PATH = /(?:^|\/)(gateway|client|relay)(\/v2)?\/websocket\/?$/;
const PUBLIC_KEY_CHARACTERS = 44;
const DEFAULT_RELAY_PORT = 3478;
const TOKEN_KEY_DIGITS = 16;

/**
 * Makes the checks that come before the 101 response, in the portal's order (portal spec §1.7).
 *
 * `rateLimit` is undefined when connect attempts are not limited. Whether the
 * gateway is connected already is for the caller to check, last.
 */
export function identify(
  request: ConnectRequest,
  policy: Policy,
  rateLimit: RateLimit | undefined,
  now: Instant,
  nowS: number,
): Result<Identity, Refusal> {
  const path = PATH.exec(request.path);
  if (!path || (path[1] === "relay" && path[2])) return err(NOT_FOUND);
  if (!isSupportedSerializer(request) || !isOwnOrigin(request)) {
    return err(FORBIDDEN);
  }
  const token = tokenOf(request);
  if (token === undefined) return err(problem("missing_token"));

  const hash = toHex(sha256(utf8(token)));
  const bucket = `${formatIp(request.remoteIp)} ${
    hash.slice(0, TOKEN_KEY_DIGITS)
  }`;
  if (rateLimit && !rateLimit.allow(bucket, now)) {
    return err(problem("rate_limit"));
  }
  const owner = policy.tokens.get(hash);
  if (!owner || owner.role !== path[1] || isOver(policy, owner, nowS)) {
    return err(problem("invalid_token"));
  }
  return owner.role === "relay"
    ? readRelay(request, hash, owner.name)
    : readNode(request, hash, owner, path[2] ? "v2" : "v1");
}

function readNode(
  request: ConnectRequest,
  tokenHash: string,
  { role, id }: Exclude<TokenOwner, { role: "relay" }>,
  generation: Generation,
): Result<NodeIdentity, Refusal> {
  const { query, headers, remoteIp } = request;
  const userAgent = parseUserAgent(headers["user-agent"] ?? "");
  const publicKey = query.get("public_key") ?? "";
  const externalId = query.get("external_id") ?? query.get("firezone_id");
  const problems: string[] = [];

  if (publicKey === "") problems.push("public_key can't be blank");
  else if (!isPublicKey(publicKey)) problems.push("public_key is invalid");
  if (role === "client" && !externalId) {
    problems.push("external_id can't be blank");
  }
  if (role === "client" && userAgent.version === null) {
    problems.push("user_agent is invalid");
  }
  for (const [name, value] of [...query]) {
    if (value.length > MAX_PARAMETER_LENGTH) {
      problems.push(
        `${name} should be at most ${MAX_PARAMETER_LENGTH} character(s)`,
      );
    }
  }
  if (problems.length > 0) {
    return err(problem("invalid_connect_params", problems.join("; ")));
  }
  return ok({
    role,
    tokenHash,
    id,
    generation,
    publicKey,
    userAgent,
    remoteIp,
  });
}

function readRelay(
  { query }: ConnectRequest,
  tokenHash: string,
  name: string,
): Result<RelayIdentity, Refusal> {
  const ipv4 = parseIp(query.get("ipv4") ?? "");
  const ipv6 = parseIp(query.get("ipv6") ?? "");
  const port = Number(query.get("port") ?? DEFAULT_RELAY_PORT);
  const isUsable = (ipv4 || ipv6) && (ipv4?.family ?? 4) === 4 &&
    (ipv6?.family ?? 6) === 6 && Number.isInteger(port) && port > 0 &&
    port <= 0xffff;
  return isUsable
    ? ok({ role: "relay", tokenHash, name, ipv4, ipv6, port })
    : err(problem("unhandled_connect_error"));
}

/** A client's token dies with its session. */
function isOver(policy: Policy, owner: TokenOwner, nowS: number): boolean {
  if (owner.role !== "client") return false;
  const client = policy.clients.get(owner.id);
  return client === undefined || client.expiresAt <= nowS;
}

/** The header wins; one with another prefix counts as missing, and then the query is asked. */
function tokenOf({ headers, query }: ConnectRequest): string | undefined {
  const header = headers["x-authorization"] ?? "";
  const token = header.startsWith("Bearer ")
    ? header.slice("Bearer ".length)
    : query.get("token") ?? "";
  return token === "" ? undefined : token;
}

function isSupportedSerializer({ query }: ConnectRequest): boolean {
  return /^1\.0\.\d+$/.test(query.get("vsn") ?? "1.0.0");
}

function isOwnOrigin({ headers }: ConnectRequest): boolean {
  const origin = headers["origin"];
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === headers["host"];
}

function isPublicKey(text: string): boolean {
  return text.length === PUBLIC_KEY_CHARACTERS &&
    fromBase64(text)?.length === 32;
}

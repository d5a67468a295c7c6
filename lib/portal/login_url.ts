import {
  err,
  formatIp,
  type IpAddress,
  ok,
  parseIp,
  type Result,
  toBase64,
  toHex,
  utf8,
} from "../base/mod.ts";
import { sha256 } from "../crypto/mod.ts";
import type { Generation } from "./events.ts";
import type { ChannelProfile } from "./profiles.ts";

/** Where and what to connect to. */
export interface LoginUrl {
  /** Whether TLS is used. */
  readonly secure: boolean;
  /** Host name or address without brackets: what to resolve, and the TLS server name. */
  readonly hostname: string;
  /** The address, when the host is written as one. */
  readonly literal: IpAddress | undefined;
  /** TCP port. */
  readonly port: number;
  /** Value of the `Host` header: the host without port. */
  readonly hostHeader: string;
  /** Path and query, for the request line. */
  readonly target: string;
}

/** Names and values of the query, in the order in which they are sent. */
export type LoginParameters = readonly (readonly [string, string])[];

/** Portal spec §1.6: also for `ws`. */
const DEFAULT_PORT = 443;

/** The port that a parser of `ws` URLs removes because it is the scheme's default. */
const REMOVED_PORT = 80;
const HAS_REMOVED_PORT = /^(?:ws|http):[\\/]*[^/?#\\]*:0*80(?:[/?#\\]|$)/i;

const HEX = "[0-9a-fA-F]";
const HYPHENATED = `${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}`;
const UUID_FORMS = new RegExp(
  `^(?:${HYPHENATED}|${HEX}{32}|\\{${HYPHENATED}\\}|urn:uuid:${HYPHENATED})$`,
);

/**
 * Derives the login URL of a role from the configured API URL, portal spec §1.1.
 *
 * A base path is kept, query and fragment are replaced. `http` and `https`
 * stand for `ws` and `wss`. Upstream cannot dial a bracketed IPv6 host nor port
 * 80; both work here.
 */
export function loginUrl(
  apiUrl: string,
  profile: Pick<ChannelProfile<never, never>, "pathSegments">,
  parameters: LoginParameters,
  generation: Generation = 2,
): Result<LoginUrl, "invalid-url" | "invalid-scheme"> {
  const text = apiUrl.trim();
  const url = URL.parse(text);
  if (!url) return err("invalid-url");
  const secure = isSecure(url.protocol);
  if (secure === undefined) return err("invalid-scheme");
  if (url.hostname === "") return err("invalid-url");

  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const base = url.pathname.replace(/\/$/, "");
  const path = [base, ...profile.pathSegments[generation]].join("/");
  const query = new URLSearchParams(parameters.map(([name, value]) => [
    name,
    value,
  ]));
  return ok({
    secure,
    hostname,
    literal: parseIp(hostname),
    port: portOf(url, text),
    hostHeader: url.hostname,
    target: `${path}?${query}`,
  });
}

/** Returns the query of a gateway, portal spec §1.2. */
export function gatewayParameters(
  { identity, name, publicKey }: {
    readonly identity: string;
    readonly name: string;
    readonly publicKey: Uint8Array;
  },
): LoginParameters {
  return [
    ["external_id", externalId(identity)],
    ["name", name],
    ["public_key", toBase64(publicKey)],
  ];
}

/** Returns the query of a client, portal spec §1.2. */
export function clientParameters(
  client: {
    readonly identity: string;
    readonly name: string;
    readonly publicKey: Uint8Array;
    /** What is known of `device_serial`, `device_uuid` and the like. */
    readonly device?: LoginParameters;
  },
): LoginParameters {
  const { identity, name, publicKey, device = [] } = client;
  return [
    ["external_id", externalId(identity)],
    ["name", name],
    ...device,
    ["public_key", toBase64(publicKey)],
  ];
}

/** Returns the query of a relay, portal spec §1.2. It advertises at least one address. */
export function relayParameters(
  { name, ipv4, ipv6, port }: {
    readonly name?: string | undefined;
    readonly ipv4?: IpAddress | undefined;
    readonly ipv6?: IpAddress | undefined;
    readonly port: number;
  },
): LoginParameters {
  const parameters: [string, string][] = [];
  if (name) parameters.push(["name", name]);
  if (ipv4) parameters.push(["ipv4", formatIp(ipv4)]);
  if (ipv6) parameters.push(["ipv6", formatIp(ipv6)]);
  parameters.push(["port", String(port)]);
  return parameters;
}

/**
 * Returns what the portal knows an identity by, portal spec §1.3: an identity
 * in one of the four forms of a UUID is hashed exactly as written. Any change
 * here would make every installation appear as a new one.
 */
export function externalId(identity: string): string {
  return UUID_FORMS.test(identity) ? toHex(sha256(utf8(identity))) : identity;
}

function isSecure(protocol: string): boolean | undefined {
  switch (protocol) {
    case "wss:":
    case "https:":
      return true;
    case "ws:":
    case "http:":
      return false;
    default:
      return undefined;
  }
}

function portOf(url: URL, text: string): number {
  if (url.port !== "") return Number(url.port);
  return HAS_REMOVED_PORT.test(text) ? REMOVED_PORT : DEFAULT_PORT;
}

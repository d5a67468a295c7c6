import type { LoginUrl } from "./login_url.ts";

/** What the upgrade request carries besides the URL. */
export interface UpgradeCredentials {
  /** Connection token. White space inside it is removed. Secret. */
  readonly token: string;
  /** As `userAgent` makes it. */
  readonly userAgent: string;
}

/** Size of the random `Sec-WebSocket-Key`, RFC 6455 §4.1. */
export const WEBSOCKET_KEY_BYTES = 16;

/** White space as Unicode has it, which is what people paste. */
const WHITE_SPACE = /[\p{White_Space}\ufeff]+/gu;

/**
 * Removes all white space from a token, or returns `undefined` when what is
 * left cannot stand in a header.
 */
export function normalizeToken(token: string): string | undefined {
  const text = token.replaceAll(WHITE_SPACE, "");
  return /^[\x21-\x7e]+$/.test(text) ? text : undefined;
}

/**
 * Returns the head of the upgrade request, portal spec §1.4.
 *
 * The `Host` has no port and the token stands in `X-Authorization`. There is
 * no `Origin`, no extension and no sub-protocol.
 */
export function upgradeRequest(
  url: LoginUrl,
  { token, userAgent }: UpgradeCredentials,
  websocketKey: string,
): string {
  return [
    `GET ${url.target} HTTP/1.1`,
    `Host: ${url.hostHeader}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${websocketKey}`,
    `User-Agent: ${userAgent}`,
    `X-Authorization: Bearer ${normalizeToken(token) ?? ""}`,
    "\r\n",
  ].join("\r\n");
}

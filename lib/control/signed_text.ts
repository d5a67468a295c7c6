import { fromBase64, toBase64, utf8 } from "../base/mod.ts";
import { equalSecrets, hmacSha256 } from "../crypto/mod.ts";

/** Encodes text as base64url without padding, RFC 4648 §5. */
export function base64UrlOfText(text: string): string {
  return toBase64Url(utf8(text));
}

/** Returns `body` with its HMAC-SHA256 behind a dot, as in a JSON Web Signature. */
export function signText(key: Uint8Array, body: string): string {
  return `${body}.${toBase64Url(hmacSha256(key, utf8(body)))}`;
}

/** Returns the body of what `signText` made with the same key, or `undefined`. */
export function verifyText(
  key: Uint8Array,
  signed: string,
): string | undefined {
  const at = signed.lastIndexOf(".");
  if (at < 0) return undefined;
  const body = signed.slice(0, at);
  const signature = fromBase64Url(signed.slice(at + 1));
  if (!signature) return undefined;
  return equalSecrets(signature, hmacSha256(key, utf8(body)))
    ? body
    : undefined;
}

/** Decodes what `base64UrlOfText` made, or returns `undefined`. */
export function textOfBase64Url(encoded: string): string | undefined {
  const bytes = fromBase64Url(encoded);
  return bytes && new TextDecoder().decode(bytes);
}

function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes)
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64Url(text: string): Uint8Array | undefined {
  if (/[+/=]/.test(text)) return undefined;
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  return fromBase64(standard + "=".repeat((4 - standard.length % 4) % 4));
}

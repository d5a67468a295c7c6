import { concatBytes } from "../../lib/base/mod.ts";
import { writeHmacSha1 } from "../../lib/crypto/mod.ts";

/** Returns HMAC-SHA1 of the parts joined. */
export function hmacSha1(
  key: Uint8Array,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  const message = concatBytes(...parts, new Uint8Array(20));
  const end = message.length - 20;
  writeHmacSha1(key, message, 0, end, end);
  return message.slice(end);
}

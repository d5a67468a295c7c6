import { utf8, writeU16LE } from "../base/mod.ts";

const AF_UNIX = 1;

/** Room for the path in a `sockaddr_un`, unix(7). */
const PATH_BYTES = 108;
const FAMILY_BYTES = 2;

/**
 * Encodes the name of a Unix socket: a path, or with `@` in front an abstract name, which has a zero there.
 *
 * Returns `undefined` for a name that is neither, or too long.
 */
export function unixSocketName(
  name: string,
): Uint8Array<ArrayBuffer> | undefined {
  const isAbstract = name.startsWith("@");
  if (!isAbstract && !name.startsWith("/")) return undefined;
  const path = utf8(name);
  // A path is followed by a zero, an abstract name by nothing: its length counts.
  const length = path.length + (isAbstract ? 0 : 1);
  if (length > PATH_BYTES || path.length < 2) return undefined;
  const bytes = new Uint8Array(FAMILY_BYTES + length);
  writeU16LE(bytes, 0, AF_UNIX);
  bytes.set(path, FAMILY_BYTES);
  if (isAbstract) bytes[FAMILY_BYTES] = 0;
  return bytes;
}

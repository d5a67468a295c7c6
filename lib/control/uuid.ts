import { assert, toHex } from "../base/mod.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Formats the first 16 of `bytes` as a UUID, with version 4 and the RFC 9562 variant stamped over their bits. */
export function uuidFromBytes(bytes: Uint8Array): string {
  assert(bytes.length >= 16, "A UUID needs 16 bytes");
  const stamped = bytes.slice(0, 16);
  stamped[6] = (stamped[6]! & 0x0f) | 0x40;
  stamped[8] = (stamped[8]! & 0x3f) | 0x80;
  return toHex(stamped).replace(
    /^(.{8})(.{4})(.{4})(.{4})(.{12})$/,
    "$1-$2-$3-$4-$5",
  );
}

/** Tells whether `text` is a lower-case hyphenated UUID. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

import assert from "node:assert/strict";

/** What lies around the message: nothing, or noise that lengths and types can be mistaken in. */
const SURROUNDINGS = [
  { before: 0, after: 0, noise: 0 },
  { before: 7, after: 64, noise: 0xff },
  { before: 64, after: 300, noise: 0x00 },
  { before: 1, after: 9, noise: 0x04 },
];

/**
 * Reads `message` at several places of larger memory and returns what `read` found.
 *
 * Fails if it depends on the place or on what is around the message, or if
 * anything was written. `read` returns plain data, indices relative to `start`.
 */
export function readAnywhere<T>(
  message: Uint8Array,
  read: (bytes: Uint8Array, start: number, end: number) => T,
): T {
  const [first, ...others] = SURROUNDINGS.map(({ before, after, noise }) => {
    const bytes = new Uint8Array(before + message.length + after).fill(noise);
    bytes.set(message, before);
    const copy = bytes.slice();
    const found = read(bytes, before, before + message.length);
    assert.deepEqual(bytes, copy, "Reading has written");
    return found;
  });
  for (const other of others) assert.deepEqual(other, first);
  return first as T;
}

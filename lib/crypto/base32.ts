const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const BITS_PER_CHARACTER = 5;

/** Returns the bytes as base32 text, RFC 4648 §6, in lower case and without padding. */
export function base32LowerNoPad(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let bitCount = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xfff;
    bitCount += 8;
    while (bitCount >= BITS_PER_CHARACTER) {
      bitCount -= BITS_PER_CHARACTER;
      text += ALPHABET[(bits >>> bitCount) & 31];
    }
  }
  if (bitCount > 0) {
    text += ALPHABET[(bits << (BITS_PER_CHARACTER - bitCount)) & 31];
  }
  return text;
}

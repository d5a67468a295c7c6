/** The polynomial of ISO/IEC 13239 with its bits reversed. */
const POLYNOMIAL = 0xedb88320;
const TABLE = table();

/** Returns the CRC-32 of `bytes` from `start` up to `end`, unsigned. STUN's FINGERPRINT, RFC 8489 §14.7. */
export function crc32(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffff_ffff;
  for (let i = start; i < end; i++) {
    crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** The remainder of each byte value. */
function table(): Uint32Array {
  const remainders = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) {
      remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
    }
    remainders[byte] = remainder;
  }
  return remainders;
}

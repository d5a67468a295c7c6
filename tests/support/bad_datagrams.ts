import { utf8 } from "../../lib/base/mod.ts";
import { blake2s, blake2sMac } from "../../lib/crypto/mod.ts";
import { encodeCheckRequest } from "../../lib/ice/mod.ts";

const INITIATION_BYTES = 148;
const MAC1_AT = 116;
const MAC_BYTES = 16;

/** Bytes that are no message of any kind. */
export function randomDatagram(): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(INITIATION_BYTES));
  bytes[0]! |= 0x80;
  return bytes;
}

/** What has the shape of an initiation and nothing else. */
export function misshapenInitiation(): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(INITIATION_BYTES));
  bytes.set([1, 0, 0, 0]);
  return bytes;
}

/** What anybody can make who knows the gateway's public key, whitepaper §5.4.4. */
export function forgedInitiation(publicKey: Uint8Array): Uint8Array {
  const bytes = misshapenInitiation();
  const key = blake2s(utf8("mac1----"), publicKey);
  const mac1 = blake2sMac(key, MAC_BYTES, bytes.subarray(0, MAC1_AT));
  bytes.set(mac1, MAC1_AT);
  bytes.fill(0, MAC1_AT + MAC_BYTES);
  return bytes;
}

/** A check that looks like a peer's, for a user name that may exist. */
export function forgedCheck(username: string): Uint8Array {
  return encodeCheckRequest({
    transactionId: crypto.getRandomValues(new Uint8Array(12)),
    username,
    role: "controlling",
    tieBreaker: 1n,
    priority: 1_862_270_719,
    useCandidate: true,
  }, utf8("a password that is wrong"));
}

/** A data message for an index that may exist. */
export function forgedData(index: number): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(INITIATION_BYTES));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 4, true);
  view.setUint32(4, index, true);
  view.setBigUint64(8, 1n << 20n, true);
  return bytes;
}

import { readU32LE } from "../base/mod.ts";

/** The message types of WireGuard; 0 stands for "not WireGuard". */
export type WireguardMessageType = 0 | 1 | 2 | 3 | 4;

/** Layout of the first handshake message (type 1), p2p spec §5.2: offsets and length in bytes. */
export const HANDSHAKE_INITIATION = {
  TYPE: 1,
  SENDER: 4,
  EPHEMERAL: 8,
  STATIC: 40,
  TIMESTAMP: 88,
  MAC1: 116,
  MAC2: 132,
  LENGTH: 148,
} as const;

/** Layout of the second handshake message (type 2), p2p spec §5.2: offsets and length in bytes. */
export const HANDSHAKE_RESPONSE = {
  TYPE: 2,
  SENDER: 4,
  RECEIVER: 8,
  EPHEMERAL: 12,
  EMPTY: 44,
  MAC1: 60,
  MAC2: 76,
  LENGTH: 92,
} as const;

/** Layout of the cookie reply (type 3), p2p spec §5.2: offsets and length in bytes. */
export const COOKIE_REPLY = {
  TYPE: 3,
  RECEIVER: 4,
  NONCE: 8,
  COOKIE: 32,
  LENGTH: 64,
} as const;

/** Layout of a data message (type 4), p2p spec §5.2: offsets in bytes, and the length of an empty one. */
export const DATA_MESSAGE = {
  TYPE: 4,
  RECEIVER: 4,
  COUNTER: 8,
  PAYLOAD: 16,
  LENGTH_OF_EMPTY: 32,
} as const;

/**
 * Tells which WireGuard message the bytes in `[start, end)` are by type, reserved bytes and length.
 *
 * 0 when they are none. Nothing is known about the content yet.
 */
export function wireguardMessageType(
  bytes: Uint8Array,
  start: number,
  end: number,
): WireguardMessageType {
  const length = end - start;
  if (length < DATA_MESSAGE.LENGTH_OF_EMPTY) return 0;

  switch (readU32LE(bytes, start)) {
    case HANDSHAKE_INITIATION.TYPE:
      return length === HANDSHAKE_INITIATION.LENGTH ? 1 : 0;
    case HANDSHAKE_RESPONSE.TYPE:
      return length === HANDSHAKE_RESPONSE.LENGTH ? 2 : 0;
    case COOKIE_REPLY.TYPE:
      return length === COOKIE_REPLY.LENGTH ? 3 : 0;
    case DATA_MESSAGE.TYPE:
      return 4;
    default:
      return 0;
  }
}

/** Reads the index by which the receiver of a message of type 2, 3 or 4 knows the sender. */
export function wireguardReceiver(bytes: Uint8Array, start: number): number {
  const isResponse = bytes[start] === HANDSHAKE_RESPONSE.TYPE;
  return readU32LE(
    bytes,
    start + (isResponse ? HANDSHAKE_RESPONSE.RECEIVER : DATA_MESSAGE.RECEIVER),
  );
}

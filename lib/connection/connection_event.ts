/** Why a connection failed. */
export type FailureReason =
  | "no-candidates"
  | "ice-disconnected"
  | "wireguard-expired";

/** All send verdicts. */
export const SEND_VERDICTS = [
  "sent",
  "buffered",
  "connecting",
  "no-session",
  "no-relay",
  "no-channel",
  "too-long",
  "not-connected",
] as const;

/** What became of a packet for a peer. */
export type SendVerdict = typeof SEND_VERDICTS[number];

/** What a connection tells the node. */
export type ConnectionEvent =
  | {
    /** Packets can pass, or pass another way. */
    readonly kind: "established" | "path-changed";
    /** Whether packets pass a relay on either end. */
    readonly path: "direct" | "relayed";
    /** Time since the connection was created, in ms. */
    readonly tookMs: number;
  }
  | {
    /** Both sides have the keys of another session. */
    readonly kind: "handshake";
    /** From our message to the answer, in ms. */
    readonly tookMs: number;
  }
  | {
    /** The connection is of no more use. */
    readonly kind: "failed";
    /** Why. */
    readonly reason: FailureReason;
  };

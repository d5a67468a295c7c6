import type { Node, SendVerdict } from "../connection/mod.ts";

/** What the gateway needs of `Node`, so that tests can put something simpler in its place. */
export type GatewayNode = Pick<
  Node,
  | "received"
  | "updateRelays"
  | "verifyRelays"
  | "upsertConnection"
  | "closeConnection"
  | "addRemoteCandidate"
  | "removeRemoteCandidate"
  | "handleDatagram"
  | "sendPacket"
  | "sendControl"
  | "stop"
  | "handleTimeout"
  | "pollTimeout"
  | "pollTransmit"
  | "pollEvent"
  | "snapshot"
>;

/** All send verdicts, to make counters of. */
export const SEND_VERDICTS: Readonly<Record<SendVerdict, true>> = {
  "sent": true,
  "buffered": true,
  "connecting": true,
  "no-session": true,
  "no-relay": true,
  "no-channel": true,
  "too-long": true,
  "not-connected": true,
};

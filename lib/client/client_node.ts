import type { Node } from "../connection/mod.ts";

/** What the client needs of `Node` in `connection`, which must be the controlling side. */
export type ClientNode = Pick<
  Node,
  | "received"
  | "relayReadiness"
  | "publicKey"
  | "reset"
  | "updateRelays"
  | "upsertConnection"
  | "closeConnection"
  | "addRemoteCandidate"
  | "removeRemoteCandidate"
  | "handleDatagram"
  | "openAhead"
  | "sendPacket"
  | "stop"
  | "handleTimeout"
  | "pollTimeout"
  | "pollTransmit"
  | "pollEvent"
  | "snapshot"
>;

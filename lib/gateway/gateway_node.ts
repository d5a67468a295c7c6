import type { Node } from "../connection/mod.ts";

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
  | "lastActivityOf"
  | "snapshot"
  | "describeConnections"
>;

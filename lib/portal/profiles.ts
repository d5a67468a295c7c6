import { err, ok } from "../base/mod.ts";
import {
  type ClientMessage,
  type ClientRequest,
  encodeClientRequest,
  parseClientMessage,
} from "./client_messages.ts";
import {
  CLIENT_EVENTS,
  GATEWAY_EVENTS,
  type Generation,
  RELAY_EVENTS,
} from "./events.ts";
import {
  encodeGatewayRequest,
  type GatewayMessage,
  type GatewayRequest,
  parseGatewayMessage,
} from "./gateway_messages.ts";
import type { CandidateChange } from "./held_candidates.ts";
import type { OutgoingEvent, ParsedMessage } from "./payloads.ts";

/** Everything in which gateways, clients and relays differ on the channel. */
export interface ChannelProfile<Message, Request> {
  /** The room to join. */
  readonly topic: string;
  /** What the portal looks for in the user agent. */
  readonly component: string;
  /** What is appended to the path of the API URL. */
  readonly pathSegments: Readonly<Record<Generation, readonly string[]>>;
  /** Greatest sum of delays between attempts once the process has been joined. */
  readonly reconnectBudgetMs: number;
  /** Announces what our end can do, after each join. */
  readonly capabilitiesEvent: string | undefined;
  /** Reads an event of the portal. */
  parse(
    event: string,
    payload: unknown,
    generation: Generation,
  ): ParsedMessage<Message>;
  /** Gives a request its form on the wire. */
  encode(request: Request, generation: Generation): OutgoingEvent;
  /** Returns the change of candidates that a request announces, if it does. */
  candidateChangeOf(request: Request): CandidateChange | undefined;
  /** Announces a change of candidates. */
  announce(change: CandidateChange): Request | undefined;
}

/** A relay learns nothing from the portal but that it is known, portal spec §5.2. */
export interface RelayMessage {
  /** As in every message. */
  readonly kind: "init";
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/** How a gateway talks to the portal. */
export const GATEWAY_PROFILE: ChannelProfile<GatewayMessage, GatewayRequest> = {
  topic: "gateway",
  component: "gateway",
  pathSegments: {
    1: ["gateway", "websocket"],
    2: ["gateway", "v2", "websocket"],
  },
  reconnectBudgetMs: DAY_MS,
  capabilitiesEvent: GATEWAY_EVENTS.setCapabilities[2],
  parse: parseGatewayMessage,
  encode: encodeGatewayRequest,
  candidateChangeOf: gatewayCandidateChange,
  announce: ({ kind, peer, candidates }) => ({
    kind: kind === "added"
      ? "broadcast-ice-candidates"
      : "broadcast-invalidated-ice-candidates",
    clientId: peer,
    candidates,
  }),
};

/** How a client talks to the portal. */
export const CLIENT_PROFILE: ChannelProfile<ClientMessage, ClientRequest> = {
  topic: "client",
  component: "headless-client",
  pathSegments: {
    1: ["client", "websocket"],
    2: ["client", "v2", "websocket"],
  },
  reconnectBudgetMs: Infinity,
  capabilitiesEvent: CLIENT_EVENTS.setCapabilities[2],
  parse: parseClientMessage,
  encode: encodeClientRequest,
  candidateChangeOf: clientCandidateChange,
  announce: ({ kind, peer, candidates }) => ({
    kind: kind === "added" ? "new-ice-candidates" : "invalidate-ice-candidates",
    gatewayId: peer,
    candidates,
  }),
};

/** How a relay talks to the portal. It sends nothing but joins and heartbeats. */
export const RELAY_PROFILE: ChannelProfile<RelayMessage, never> = {
  topic: "relay",
  component: "relay",
  pathSegments: {
    1: ["relay", "websocket"],
    2: ["relay", "websocket"],
  },
  reconnectBudgetMs: DAY_MS,
  capabilitiesEvent: undefined,
  parse: (event) =>
    event === RELAY_EVENTS.init[2]
      ? ok({ kind: "init" })
      : err({ reason: "unknown-event", at: event }),
  encode: (request) => request,
  candidateChangeOf: () => undefined,
  announce: () => undefined,
};

/** Returns the payload with which a relay joins, portal spec §5.2. */
export function relayJoinPayload(stampSecretHex: string): unknown {
  return { stamp_secret: stampSecretHex };
}

function gatewayCandidateChange(
  request: GatewayRequest,
): CandidateChange | undefined {
  switch (request.kind) {
    case "broadcast-ice-candidates":
      return {
        kind: "added",
        peer: request.clientId,
        candidates: request.candidates,
      };
    case "broadcast-invalidated-ice-candidates":
      return {
        kind: "removed",
        peer: request.clientId,
        candidates: request.candidates,
      };
    default:
      return undefined;
  }
}

function clientCandidateChange(
  request: ClientRequest,
): CandidateChange | undefined {
  switch (request.kind) {
    case "new-ice-candidates":
      return {
        kind: "added",
        peer: request.gatewayId,
        candidates: request.candidates,
      };
    case "invalidate-ice-candidates":
      return {
        kind: "removed",
        peer: request.gatewayId,
        candidates: request.candidates,
      };
    default:
      return undefined;
  }
}

import type { SocketAddress } from "../base/mod.ts";
import { REALM, sealStun } from "../stun/mod.ts";
import { encodeStun, STUN_METHOD, type StunAttribute } from "../wire/mod.ts";

/** What we ask of a relay. */
export type TurnRequest =
  | { readonly kind: "binding" }
  | { readonly kind: "allocate" }
  | { readonly kind: "refresh" }
  | { readonly kind: "delete" }
  | {
    readonly kind: "channel-bind";
    readonly peer: SocketAddress;
    readonly channel: number;
  };

/** A request that carries credentials. */
export type SignedRequest = Exclude<TurnRequest, { kind: "binding" }>;

/** What signs a request. */
export interface TurnCredentials {
  /** As the portal gave it. */
  readonly username: string;
  /** The long-term key. */
  readonly key: Uint8Array;
  /** The relay's latest nonce, if it has given one. */
  readonly nonce: string | undefined;
}

/** Encodes a BINDING, which is not signed. */
export function encodeBinding(transactionId: Uint8Array): Uint8Array {
  return encodeStun({
    class: "request",
    method: STUN_METHOD.binding,
    transactionId,
    attributes: [SOFTWARE],
  });
}

/** Encodes and signs any other request, with the attributes in the order of p2p spec §4.2. */
export function encodeSigned(
  request: SignedRequest,
  transactionId: Uint8Array,
  credentials: TurnCredentials,
): Uint8Array {
  const attributes = attributesOf(request);
  attributes.push({ kind: "username", text: credentials.username });
  attributes.push({ kind: "realm", text: REALM });
  if (credentials.nonce !== undefined) {
    attributes.push({ kind: "nonce", text: credentials.nonce });
  }
  const method = methodOf(request.kind);
  const message = {
    class: "request",
    method,
    transactionId,
    attributes,
  } as const;
  return sealStun(encodeStun(message), credentials.key);
}

/** Returns the STUN method of a request. */
export function methodOf(kind: TurnRequest["kind"]): number {
  switch (kind) {
    case "binding":
      return STUN_METHOD.binding;
    case "allocate":
      return STUN_METHOD.allocate;
    case "refresh":
    case "delete":
      return STUN_METHOD.refresh;
    case "channel-bind":
      return STUN_METHOD.channelBind;
  }
}

/** The name that Firezone's own agents give; relays do not look at it (p2p spec §4.2). */
const SOFTWARE: StunAttribute = { kind: "software", text: "snownet" };

/** IP protocol number of UDP. */
const UDP = 17;

/** REFRESH carries the attributes of ALLOCATE too (p2p spec §4.2). */
const ALLOCATION: readonly StunAttribute[] = [
  { kind: "requested-transport", protocol: UDP },
  { kind: "additional-address-family", family: 6 },
  SOFTWARE,
];

function attributesOf(
  request: SignedRequest,
): StunAttribute[] {
  switch (request.kind) {
    case "allocate":
    case "refresh":
      return [...ALLOCATION];
    case "delete":
      return [...ALLOCATION, { kind: "lifetime", seconds: 0 }];
    case "channel-bind":
      return [
        { kind: "xor-peer-address", address: request.peer },
        { kind: "channel-number", channel: request.channel },
        SOFTWARE,
      ];
  }
}

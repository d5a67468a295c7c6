import type { Cidr, IpAddress, SocketAddress } from "../base/mod.ts";
import type { FailureReason } from "../connection/mod.ts";
import type { DnsTransport } from "../dns/mod.ts";
import type { ClientMessage, ClientRequest } from "../portal/mod.ts";

/** What the client asks of the shell, or tells it. Plain data. */
export type ClientEvent =
  /** Send this to the portal, in the order of the events. */
  | { readonly kind: "portal-request"; readonly request: ClientRequest }
  /** Give the TUN device these addresses and routes, and no others. */
  | {
    readonly kind: "configure-interface";
    readonly ipv4: IpAddress;
    readonly ipv6: IpAddress;
    readonly routes: readonly Cidr[];
    /** Further addresses of the device, for our DNS service. No packet is to leave from them by itself. */
    readonly services: readonly IpAddress[];
    /** Hosts that default routes among `routes` are not for. */
    readonly bypass: readonly IpAddress[];
  }
  /** The portal named another search domain. */
  | {
    readonly kind: "search-domain-changed";
    readonly searchDomain: string | undefined;
  }
  /** The answer to a query; `undefined` for one that deserves none. */
  | {
    readonly kind: "dns-answer";
    readonly id: number;
    readonly answer: Uint8Array | undefined;
  }
  /** Ask these servers, one after the other, and answer with what the first one says. */
  | {
    readonly kind: "dns-forward";
    readonly id: number;
    readonly query: Uint8Array;
    readonly servers: readonly SocketAddress[];
    readonly transport: DnsTransport;
    /** Whether the question must stay out of the tunnel. */
    readonly mark: boolean;
  }
  /** Close the UDP sockets and open others: the network changed under them. */
  | { readonly kind: "rebind-sockets" }
  /** Connect to the portal anew, with this public key. */
  | { readonly kind: "reconnect-portal"; readonly publicKey: Uint8Array }
  /** The portal does not let us use a resource. */
  | {
    readonly kind: "access-refused";
    readonly resourceId: string;
    readonly reason: string;
  }
  /** Packets can pass through a gateway. */
  | {
    readonly kind: "connection-established";
    readonly gatewayId: string;
    readonly path: ConnectionPath;
    readonly tookMs: number;
  }
  /** A connection moved to another kind of path. */
  | {
    readonly kind: "connection-path-changed";
    readonly gatewayId: string;
    readonly path: ConnectionPath;
  }
  /** A connection is gone; the next packet asks the portal again. Candidates held for it are void. */
  | {
    readonly kind: "connection-failed";
    readonly gatewayId: string;
    readonly reason: FailureReason;
  }
  /** A connection was ended. Candidates held for it are void. */
  | {
    readonly kind: "connection-closed";
    readonly gatewayId: string;
    readonly reason: CloseReason;
  };

/** What the client takes in: messages of the portal, and news of the host. */
export type ClientInput =
  | ClientMessage
  /** Our addresses changed. */
  | {
    readonly kind: "network-changed";
    /** 32 fresh random bytes, for a key that replaces ours. Secret. */
    readonly staticPrivateKey: Uint8Array;
  }
  /** An application of the host asks for a name. A `dns-answer` or a `dns-forward` follows, perhaps later. */
  | {
    readonly kind: "dns-query";
    /** A number that no other query has which has not been answered. */
    readonly id: number;
    readonly query: Uint8Array;
    readonly transport: DnsTransport;
  }
  /** The resolvers that the host has without us. */
  | {
    readonly kind: "system-resolvers";
    readonly addresses: readonly IpAddress[];
  }
  /** Where the portal is reached, which must not be through the tunnel. */
  | {
    readonly kind: "portal-addresses";
    readonly addresses: readonly IpAddress[];
  };

/** Whether packets pass a relay. */
export type ConnectionPath = "direct" | "relayed";

/** Why a connection was ended: the gateway said goodbye, or no resource is left that goes through it. */
export type CloseReason = "goodbye" | "no-resources";

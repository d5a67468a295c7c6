import type { Cidr, IpAddress } from "../base/mod.ts";
import type { FailureReason } from "../connection/mod.ts";
import type { FlowReport } from "../flow_log/mod.ts";
import type { GatewayMessage, GatewayRequest } from "../portal/mod.ts";

/** What the gateway asks of the shell, or tells it. Plain data. */
export type GatewayEvent =
  /** Send this to the portal, in the order of the events. */
  | { readonly kind: "portal-request"; readonly request: GatewayRequest }
  /** Give the TUN device these addresses and routes, and no others. */
  | {
    readonly kind: "configure-interface";
    readonly ipv4: IpAddress;
    readonly ipv6: IpAddress;
    readonly routes: readonly Cidr[];
  }
  /** Connect to the portal anew: the present connection may be from an address that is gone. */
  | { readonly kind: "reconnect-portal" }
  /** A client can exchange packets with us. */
  | {
    readonly kind: "connection-established";
    readonly clientId: string;
    readonly path: ConnectionPath;
    readonly tookMs: number;
  }
  /** A connection moved to another kind of path. */
  | {
    readonly kind: "connection-path-changed";
    readonly clientId: string;
    readonly path: ConnectionPath;
  }
  /** A connection is gone. The client's authorizations stay; candidates held for it are void. */
  | {
    readonly kind: "connection-failed";
    readonly clientId: string;
    readonly reason: FailureReason;
  }
  /** A client is gone, and its authorizations with it; candidates held for it are void. */
  | {
    readonly kind: "connection-closed";
    readonly clientId: string;
    readonly reason: CloseReason;
  }
  /** We drain, and no client is left. */
  | { readonly kind: "drained" }
  /** Flows started or ended. A thousand at most, and ten such events a second. */
  | { readonly kind: "flow-reports"; readonly reports: readonly FlowReport[] }
  /** Look up the addresses of a name and answer with `domain-resolved`. */
  | {
    readonly kind: "resolve-domain";
    readonly queryId: number;
    /** In presentation form without trailing dot, as a client wrote it. */
    readonly domain: string;
  }
  /** Nobody waits for the answer to a `resolve-domain` any more. */
  | { readonly kind: "abandon-domain"; readonly queryId: number };

/** What the gateway takes in: messages of the portal, and news of the host. */
export type GatewayInput =
  | GatewayMessage
  /** Our addresses changed. */
  | { readonly kind: "network-changed" }
  /** Take leave of each client as soon as it is silent. The portal must not send others any more. `drained` follows. */
  | { readonly kind: "drain" }
  /** The answer to `resolve-domain`: all addresses of the name, none if it has none. Without effect when it comes too late. */
  | {
    readonly kind: "domain-resolved";
    readonly queryId: number;
    readonly addresses: readonly IpAddress[];
  };

/** Whether packets pass a relay. */
export type ConnectionPath = "direct" | "relayed";

/** Why a client is gone: it said goodbye, or nothing was left that it may reach. */
export type CloseReason = "goodbye" | "no-authorizations";

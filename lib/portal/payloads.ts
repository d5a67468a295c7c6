import {
  type Cidr,
  type IngestToken,
  type IngestTokenClaims,
  type IpAddress,
  type Result,
  Secret,
  type SocketAddress,
} from "../base/mod.ts";
import type { FieldRefusal, Fields } from "./fields.ts";
import { parseIngestToken } from "./ingest_token.ts";

/** One relay, with all addresses that the portal lists under its id. */
export interface Relay {
  /** Stable while the relay process lives. */
  readonly id: string;
  /** Where it listens on IPv4. */
  readonly ipv4?: SocketAddress;
  /** Where it listens on IPv6. */
  readonly ipv6?: SocketAddress;
  /** TURN user name. */
  readonly username: string;
  /** TURN password. Secret. */
  readonly password: string;
}

/** Which traffic a resource admits. */
export type Filter =
  | {
    readonly protocol: "tcp" | "udp";
    /** First port. */
    readonly start: number;
    /** Last port. */
    readonly end: number;
  }
  | { readonly protocol: "icmp" };

/** Something behind a gateway. An empty filter list admits everything. */
export type Resource =
  | {
    readonly kind: "cidr";
    readonly id: string;
    readonly name: string;
    readonly address: Cidr;
    readonly filters: readonly Filter[];
  }
  | {
    readonly kind: "dns";
    readonly id: string;
    readonly name: string;
    /** A domain, or a pattern with `*`, `?`, `**`. */
    readonly address: string;
    readonly filters: readonly Filter[];
  }
  | { readonly kind: "internet"; readonly id: string };

/** Short-term credentials of one end of a connection. */
export interface IceCredentials {
  /** The user name fragment. */
  readonly username: string;
  /** The password. Secret. */
  readonly password: string;
}

/** Where flow logs go. */
export interface FlowLogConfig {
  /** Base URL of the upload. */
  readonly apiUrl: string;
  /** Time between uploads; 0 turns them off. */
  readonly uploadIntervalSecs: number;
  /** Records in one upload; 0 means the default. */
  readonly uploadBatchSize: number;
}

/** Relays that went away and relays to use. Remove first, then add. */
export interface RelaysPresence {
  /** As in every message. */
  readonly kind: "relays-presence";
  /** Ids of relays that must not be used any more. */
  readonly disconnectedIds: readonly string[];
  /** Relays to add or replace. */
  readonly connected: readonly Relay[];
}

/** What can be wrong with an event and its payload. */
export type MessageRefusal =
  | FieldRefusal
  | "unknown-event"
  | "obsolete-event"
  | "unsupported-event";

/** Why a message was dropped. Safe to log. */
export interface MessageProblem {
  /** What is wrong. */
  readonly reason: MessageRefusal;
  /** The place in the payload, or the event name when the event itself is refused. */
  readonly at: string;
}

/** A message that a role understands, or why it does not. */
export type ParsedMessage<M> = Result<M, MessageProblem>;

/** An event to the portal, ready for the channel. */
export interface OutgoingEvent {
  /** Its name on the wire. */
  readonly event: string;
  /** Any JSON value. */
  readonly payload: unknown;
}

/** What a token reads as after something went wrong; the whole message is then thrown away. */
const NO_TOKEN: IngestToken = {
  secret: new Secret(""),
  claims: {} as IngestTokenClaims,
};

/** Wire form of one entry of a relay list. */
interface RelayEntry {
  readonly id: string;
  readonly address: SocketAddress;
  readonly username: string;
  readonly password: string;
}

/**
 * Reads a list of relays and merges entries of one id, in whatever order they
 * come, into one relay with up to two addresses (portal spec §4.4.6). The
 * first of each family counts (p2p spec §1.4).
 */
export function readRelays(fields: Fields, name: string): Relay[] {
  const relays = new Map<string, Relay>();
  for (const entry of fields.listOrEmpty(name, readRelayEntry)) {
    if (!entry) continue;
    const { id, address, username, password } = entry;
    relays.set(id, {
      id,
      [address.ip.family === 4 ? "ipv4" : "ipv6"]: address,
      username,
      password,
      ...relays.get(id),
    });
  }
  return [...relays.values()];
}

/** Reads the payload of `relays_presence`. */
export function readRelaysPresence(fields: Fields): RelaysPresence {
  fields.values("connected");
  return {
    kind: "relays-presence",
    disconnectedIds: fields.uuids("disconnected_ids"),
    connected: readRelays(fields, "connected"),
  };
}

/** Reads the tunnel addresses of an `interface` object. */
export function readTunnelAddresses(
  fields: Fields,
): { ipv4: IpAddress; ipv6: IpAddress } {
  return { ipv4: fields.ip("ipv4", 4), ipv6: fields.ip("ipv6", 6) };
}

/** Reads the filters of a resource. */
export function readFilters(fields: Fields): Filter[] {
  return fields.list("filters", (filter) => {
    const protocol = filter.variant("protocol", ["tcp", "udp", "icmp"]);
    return protocol === "icmp" ? { protocol } : {
      protocol,
      start: filter.portOr("port_range_start", 0),
      end: filter.portOr("port_range_end", 0xffff),
    };
  });
}

/** Reads a resource as gateways get it. */
export function readResource(fields: Fields): Resource {
  const kind = fields.variant("type", ["cidr", "dns", "internet"]);
  const id = fields.uuid("id");
  if (kind === "internet") return { kind, id };

  const name = fields.string("name");
  const filters = readFilters(fields);
  return kind === "cidr"
    ? { kind, id, name, address: fields.cidr("address"), filters }
    : { kind, id, name, address: fields.string("address"), filters };
}

/** Reads short-term credentials. */
export function readIceCredentials(
  fields: Fields,
  name: string,
): IceCredentials {
  const credentials = fields.object(name);
  return {
    username: credentials.string("username"),
    password: credentials.string("password"),
  };
}

/** Reads the upload settings. */
export function readFlowLogConfig(fields: Fields): FlowLogConfig {
  return {
    apiUrl: fields.string("api_url"),
    uploadIntervalSecs: fields.unsigned("upload_interval_secs"),
    uploadBatchSize: fields.unsigned("upload_batch_size"),
  };
}

/** Reads a list of candidate lines. Elements that cannot be candidates are left out one by one. */
export function readCandidates(fields: Fields, name: string): string[] {
  return fields.values(name).filter(isCandidate);
}

/** Reads a flow-log ingest token and refuses one that lacks the structure. */
export function readIngestToken(fields: Fields, name: string): IngestToken {
  const token = parseIngestToken(fields.string(name));
  if (token !== undefined) return token;
  fields.refuse("invalid-ingest-token", name);
  return NO_TOKEN;
}

function readRelayEntry(fields: Fields): RelayEntry | undefined {
  const type = fields.variant("type", ["turn", "stun"]);
  const id = fields.uuid("id");
  const address = fields.socketAddress("addr");
  if (type === "stun") return undefined;

  fields.unsigned("expires_at");
  return {
    id,
    address,
    username: fields.string("username"),
    password: fields.string("password"),
  };
}

/** Portal spec §4.1: `candidate:` in front, an unsigned 32-bit priority in fourth place. */
function isCandidate(value: unknown): value is string {
  if (typeof value !== "string" || !value.startsWith("candidate:")) {
    return false;
  }
  const priority = value.split(/\s+/, 4)[3] ?? "";
  return /^\d{1,10}$/.test(priority) && Number(priority) <= 0xffff_ffff;
}

import {
  type Counters,
  equalIps,
  type Instant,
  type IpAddress,
  type Logger,
  type SocketAddress,
  type UnixMs,
} from "../base/mod.ts";
import { REALM } from "../stun/mod.ts";
import { STUN_METHOD, type StunAttribute } from "../wire/mod.ts";
import type { AllocationTable } from "./allocation_table.ts";
import { authenticate } from "./authentication.ts";
import type { ClientTable, RelayClient } from "./client_table.ts";
import type { RelayCount } from "./counts.ts";
import {
  allocatedFamilies,
  type ErrorCode,
  grantedLifetime,
  isWellFormed,
} from "./request.ts";
import type { Received, Responder } from "./responder.ts";

/** What requests are decided upon. */
export interface TurnServiceOptions {
  /** Shared with the portal, which makes credentials from it. */
  readonly stampSecret: string;
  /** Public address of allocations over IPv4, if there is one. */
  readonly publicIpv4: IpAddress | undefined;
  /** Public address of allocations over IPv6, if there is one. */
  readonly publicIpv6: IpAddress | undefined;
  /** First port for allocations. */
  readonly lowestPort: number;
  /** Last port for allocations. */
  readonly highestPort: number;
  /** Sockets and their nonces. */
  readonly clients: ClientTable;
  /** Ports and their owners. */
  readonly allocations: AllocationTable;
  /** Where answers go. */
  readonly responder: Responder;
  /** Where silence is counted. */
  readonly counters: Counters<RelayCount>;
  /** Where decisions are logged. */
  readonly log: Logger;
}

/** A request whose sender has proved that it has credentials of ours. */
interface SignedRequest extends Received {
  readonly client: RelayClient;
  readonly username: string;
  readonly key: Uint8Array;
}

/** Answers STUN and TURN requests (p2p spec §8.2 to §8.8). */
export class TurnService {
  readonly #options: TurnServiceOptions;
  readonly #responder: Responder;
  readonly #allocations: AllocationTable;

  /** Works on the tables of a relay. */
  constructor(options: TurnServiceOptions) {
    this.#options = options;
    this.#responder = options.responder;
    this.#allocations = options.allocations;
  }

  /** Answers a request whose attributes lie within the message. */
  handleRequest(request: Received, now: Instant, unixNow: UnixMs): void {
    const { stun, source } = request;
    if (!isWellFormed(stun)) return this.#responder.refuse(request, 400);
    if (stun.method === STUN_METHOD.binding) {
      const mapped = { kind: "xor-mapped-address", address: source } as const;
      return this.#responder.accept(request, "binding", [mapped]);
    }

    const { stampSecret, clients, counters } = this.#options;
    const verdict = authenticate(stun, source, stampSecret, clients, unixNow);
    switch (verdict.kind) {
      case "malformed-username":
        return counters.increment("malformed-username");
      case "challenge":
        return this.#challenge(request, verdict.code, verdict.key);
      case "authenticated":
        return this.#dispatch({ ...request, ...verdict }, now);
    }
  }

  #challenge(
    request: Received,
    code: 401 | 438,
    key: Uint8Array | undefined,
  ): void {
    const { clients } = this.#options;
    const nonce = clients.issueNonce(request.source, request.localIp);
    this.#responder.refuse(request, code, key, [
      { kind: "realm", text: REALM },
      { kind: "nonce", text: nonce },
    ]);
  }

  #dispatch(request: SignedRequest, now: Instant): void {
    switch (request.stun.method) {
      case STUN_METHOD.allocate:
        return this.#allocate(request, now);
      case STUN_METHOD.refresh:
        return this.#refresh(request, now);
      case STUN_METHOD.channelBind:
        return this.#bindChannel(request, now);
      case STUN_METHOD.createPermission:
        // Permissions have no effect: only channels carry data.
        return this.#accept(request, "create-permission", []);
    }
  }

  /** The order of checks is that of p2p spec §8.5. */
  #allocate(request: SignedRequest, now: Instant): void {
    const { stun, source, client, username } = request;
    if (client.allocation) return this.#refuse(request, 437);
    if (this.#allocations.isFull) return this.#refuse(request, 508);
    if (stun.requestedTransport() !== UDP) return this.#refuse(request, 400);
    const { publicIpv4, publicIpv6 } = this.#options;
    const families = allocatedFamilies(
      stun,
      publicIpv4 !== undefined,
      publicIpv6 !== undefined,
    );
    if (typeof families === "number") return this.#refuse(request, families);

    const seconds = grantedLifetime(stun);
    const { port } = this.#allocations.create(
      client,
      username,
      families,
      seconds * 1000,
      now,
    );
    this.#options.log.log("debug", "Made an allocation", { port, seconds });
    const attributes: StunAttribute[] = [];
    for (const family of families) {
      const ip = family === 4 ? publicIpv4 : publicIpv6;
      if (!ip) continue;
      attributes.push({ kind: "xor-relayed-address", address: { ip, port } });
    }
    attributes.push({ kind: "xor-mapped-address", address: source });
    attributes.push({ kind: "lifetime", seconds });
    this.#accept(request, "allocate", attributes);
  }

  #refresh(request: SignedRequest, now: Instant): void {
    const { allocation } = request.client;
    if (!allocation) return this.#refuse(request, 437);
    const seconds = grantedLifetime(request.stun);
    if (seconds === 0) this.#allocations.delete(allocation);
    else this.#allocations.extend(allocation, seconds * 1000, now);
    this.#accept(request, "refresh", [{ kind: "lifetime", seconds }]);
  }

  /** The order of checks is that of p2p spec §8.7. */
  #bindChannel(request: SignedRequest, now: Instant): void {
    const { allocation } = request.client;
    if (!allocation) return this.#refuse(request, 437);
    const number = request.stun.channelNumber();
    const peer = request.stun.xorPeer();
    if (number === undefined || !peer) return this.#refuse(request, 400);
    if (!allocation.families.includes(peer.ip.family)) {
      return this.#refuse(request, 443);
    }

    const isOwn = this.#isOwn(peer);
    switch (this.#allocations.bind(allocation, number, peer, isOwn, now)) {
      case "conflict":
        return this.#refuse(request, 400);
      case "full":
        return this.#refuse(request, 508);
      case "bound":
        return this.#accept(request, "channel-bind", []);
    }
  }

  /** Tells whether `address` is one that allocations of this relay have. */
  #isOwn({ ip, port }: SocketAddress): boolean {
    const { publicIpv4, publicIpv6, lowestPort, highestPort } = this.#options;
    const own = ip.family === 4 ? publicIpv4 : publicIpv6;
    return own !== undefined && equalIps(own, ip) && port >= lowestPort &&
      port <= highestPort;
  }

  #accept(
    request: SignedRequest,
    count: RelayCount,
    attributes: readonly StunAttribute[],
  ): void {
    this.#responder.accept(request, count, attributes, request.key);
  }

  #refuse(request: SignedRequest, code: ErrorCode): void {
    this.#responder.refuse(request, code, request.key);
  }
}

/** IP protocol number of UDP. */
const UDP = 17;

import {
  type IpAddress,
  type IpFamily,
  randomBytes,
  type RandomSource,
  randomU32,
  type SocketAddress,
  SocketTable,
  toHex,
} from "../base/mod.ts";
import { NONCE_USES } from "./constants.ts";
import type { RelayAllocation } from "./relay_allocation.ts";

/** A socket that has sent us requests. */
export interface RelayClient {
  /** Where it is. */
  readonly address: SocketAddress;
  /** Our address that it talks to, `null` if unknown. Answers and data leave from there. */
  readonly localIp: IpAddress | null;
  /** The nonce it was given. */
  nonce: string;
  /** Requests that the nonce is still good for. */
  usesLeft: number;
  /** Its allocation, if it has one. */
  allocation: RelayAllocation | undefined;
}

/**
 * The sockets that nonces were issued to, and their allocations.
 *
 * Holds at most `limit` of them. When full, the one without allocation that
 * was heard least recently is forgotten; it gets a fresh nonce when it comes back.
 */
export class ClientTable {
  readonly #limit: number;
  readonly #random: RandomSource;
  readonly #byAddress: SocketTable<RelayClient>;
  /** Those without allocation, least recently heard first. */
  readonly #idle = new Set<RelayClient>();

  /** Creates an empty table. */
  constructor(limit: number, random: RandomSource) {
    this.#limit = limit;
    this.#random = random;
    this.#byAddress = new SocketTable(randomU32(random));
  }

  /** The number of sockets. */
  get size(): number {
    return this.#byAddress.size;
  }

  /** Returns the client at `address`. */
  get(address: SocketAddress): RelayClient | undefined {
    return this.#byAddress.get(address);
  }

  /** Returns the client at the address whose 4 or 16 bytes are at the start of `ip`. Allocates nothing. */
  find(
    ip: Uint8Array,
    family: IpFamily,
    port: number,
  ): RelayClient | undefined {
    return this.#byAddress.find(ip, family, port);
  }

  /** Returns the nonce to challenge `address` with: the same until it is used up (p2p spec §8.4). */
  issueNonce(address: SocketAddress, localIp: IpAddress | null): string {
    const client = this.get(address) ?? this.#add(address, localIp);
    if (client.usesLeft === 0) {
      client.nonce = newNonce(this.#random);
      client.usesLeft = NONCE_USES;
    }
    this.#touch(client);
    return client.nonce;
  }

  /** Returns the client at `address` if `nonce` is the one it was given, and counts a use of it. */
  useNonce(address: SocketAddress, nonce: string): RelayClient | undefined {
    const client = this.get(address);
    if (!client || client.nonce !== nonce || client.usesLeft === 0) {
      return undefined;
    }
    client.usesLeft--;
    this.#touch(client);
    return client;
  }

  /** Ties an allocation to its client, or ends that with `undefined`. */
  setAllocation(
    client: RelayClient,
    allocation: RelayAllocation | undefined,
  ): void {
    client.allocation = allocation;
    this.#touch(client);
  }

  #add(address: SocketAddress, localIp: IpAddress | null): RelayClient {
    if (this.#byAddress.size >= this.#limit) this.#forgetOldest();
    const client: RelayClient = {
      address,
      localIp,
      nonce: "",
      usesLeft: 0,
      allocation: undefined,
    };
    this.#byAddress.set(address, client);
    return client;
  }

  #forgetOldest(): void {
    for (const client of this.#idle) {
      this.#idle.delete(client);
      this.#byAddress.delete(client.address);
      return;
    }
  }

  #touch(client: RelayClient): void {
    this.#idle.delete(client);
    if (!client.allocation) this.#idle.add(client);
  }
}

/** Returns a random UUID, RFC 9562 §5.4. */
function newNonce(random: RandomSource): string {
  const bytes = randomBytes(random, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}

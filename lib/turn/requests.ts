import {
  earlier,
  type Instant,
  NEVER,
  type SocketAddress,
  toHex,
} from "../base/mod.ts";
import type { Retransmission } from "../stun/mod.ts";
import type { TurnRequest } from "./messages.ts";

/** A request that waits for its answer. */
export interface PendingRequest {
  /** What was asked. */
  readonly request: TurnRequest;
  /** The relay's address that was asked. */
  readonly destination: SocketAddress;
  /** Id of the last transmission. An answer to an earlier one is ignored (p2p spec §4.2). */
  readonly transactionId: Uint8Array;
  /** Whether that transmission carried a nonce. */
  readonly hadNonce: boolean;
  /** How often the request was repeated because of its nonce. */
  readonly reauthentications: number;
  /** When to repeat it or give up. */
  readonly retransmission: Retransmission;
}

/**
 * The requests of one allocation that wait for their answers, by transaction id.
 *
 * Bounded by its user: one BINDING for each address, one ALLOCATE or REFRESH,
 * one CHANNEL-BIND for each of the 4096 channel numbers.
 */
export class PendingRequests {
  readonly #byId = new Map<string, PendingRequest>();
  #dueAt: Instant | undefined = NEVER;

  /** The number of requests. */
  get size(): number {
    return this.#byId.size;
  }

  /** When `listDue` has something to return. */
  get dueAt(): Instant {
    this.#dueAt ??= this.#earliest();
    return this.#dueAt;
  }

  /** Remembers a transmission. */
  add(pending: PendingRequest): void {
    this.#byId.set(toHex(pending.transactionId), pending);
    this.#dueAt = undefined;
  }

  /** Returns the request that was last sent with this id. */
  find(transactionId: Uint8Array): PendingRequest | undefined {
    return this.#byId.get(toHex(transactionId));
  }

  /** Forgets a request. */
  remove(pending: PendingRequest): void {
    this.#byId.delete(toHex(pending.transactionId));
    this.#dueAt = undefined;
  }

  /** Tells whether a request of one of these kinds is under way. */
  has(...kinds: readonly TurnRequest["kind"][]): boolean {
    for (const { request } of this.#byId.values()) {
      if (kinds.includes(request.kind)) return true;
    }
    return false;
  }

  /** Returns the requests whose wait is over, oldest first. */
  listDue(now: Instant): PendingRequest[] {
    if (now < this.dueAt) return [];
    return [...this.#byId.values()].filter(({ retransmission }) =>
      retransmission.dueAt <= now
    );
  }

  /** Forgets all requests but BINDINGs. */
  clearSigned(): void {
    for (const pending of [...this.#byId.values()]) {
      if (pending.request.kind !== "binding") this.remove(pending);
    }
  }

  /** Forgets all requests. */
  clear(): void {
    this.#byId.clear();
    this.#dueAt = NEVER;
  }

  #earliest(): Instant {
    let dueAt = NEVER;
    for (const { retransmission } of this.#byId.values()) {
      dueAt = earlier(dueAt, retransmission.dueAt);
    }
    return dueAt;
  }
}

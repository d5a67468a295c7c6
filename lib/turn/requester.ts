import {
  elapsedMs,
  type Instant,
  Queue,
  type RandomSource,
  type SocketAddress,
  type Transmit,
} from "../base/mod.ts";
import {
  newTransactionId,
  REALM,
  Retransmission,
  type RetransmitPolicy,
  STANDARD_POLICY,
  verifyIntegrity,
} from "../stun/mod.ts";
import type { StunView } from "../wire/mod.ts";
import { MAX_REAUTHENTICATIONS, OUTPUT_LIMIT } from "./constants.ts";
import {
  encodeBinding,
  encodeSigned,
  methodOf,
  type SignedRequest,
  type TurnCredentials,
  type TurnRequest,
} from "./messages.ts";
import { type PendingRequest, PendingRequests } from "./requests.ts";

/** Why a response was not taken for an answer. */
export type ResponseRefusal = "unknown-transaction" | "bad-integrity";

/** The part of a request that its transmissions have in common. */
type Attempt = Pick<
  PendingRequest,
  "destination" | "reauthentications" | "retransmission"
>;

/**
 * Asks a relay and finds the answers: credentials, transaction ids, retransmission.
 *
 * Every transmission of a signed request has its own transaction id, and only
 * the last one counts; a BINDING keeps its id (p2p spec §4.2).
 */
export class Requester {
  readonly #random: RandomSource;
  #credentials: TurnCredentials | undefined;
  #roundTripMs: number | undefined;
  readonly #pending = new PendingRequests();
  readonly #transmits = new Queue<Transmit>(OUTPUT_LIMIT);

  /** Starts with nothing under way. */
  constructor(credentials: TurnCredentials, random: RandomSource) {
    this.#credentials = credentials;
    this.#random = random;
  }

  /** Whether signed requests can be made. */
  get hasCredentials(): boolean {
    return this.#credentials !== undefined;
  }

  /** Smoothed round-trip time in ms, measured from the first transmission of each request. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Whether nothing is under way. */
  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  /** When `takeSilent` has something to do. */
  get dueAt(): Instant {
    return this.#pending.dueAt;
  }

  /** Tells whether a request of one of these kinds is under way. */
  isAsking(...kinds: readonly TurnRequest["kind"][]): boolean {
    return this.#pending.has(...kinds);
  }

  /** Sends a request for the first time. Without credentials nothing but a BINDING is sent. */
  ask(
    request: TurnRequest,
    destination: SocketAddress,
    now: Instant,
    policy: RetransmitPolicy = STANDARD_POLICY,
  ): void {
    this.#start(request, destination, now, policy, 0);
  }

  /** Takes the request that `stun` answers off the list, if the answer is genuine (p2p spec §4.2, §4.4). */
  take(stun: StunView, now: Instant): PendingRequest | ResponseRefusal {
    const pending = this.#pending.find(stun.transactionId());
    if (!pending || methodOf(pending.request.kind) !== stun.method) {
      return "unknown-transaction";
    }
    const isSigned = pending.request.kind !== "binding";
    const key = this.#credentials?.key;
    if (isSigned && !(key && verifyIntegrity(stun, key))) {
      return "bad-integrity";
    }
    this.#pending.remove(pending);
    this.#sample(elapsedMs(pending.retransmission.startedAt, now));
    return pending;
  }

  /** Sends a request again with the nonce of `stun`. Returns `false` when that is hopeless (p2p spec §4.7). */
  askWithNonce(pending: PendingRequest, stun: StunView, now: Instant): boolean {
    const nonce = stun.nonce();
    const isOurRealm = (stun.realm() ?? REALM) === REALM;
    const reauthentications = pending.reauthentications + 1;
    if (!this.#credentials || nonce === undefined || !isOurRealm) return false;
    if (reauthentications > MAX_REAUTHENTICATIONS) return false;

    this.#credentials = { ...this.#credentials, nonce };
    const { request, destination } = pending;
    this.#start(request, destination, now, STANDARD_POLICY, reauthentications);
    return true;
  }

  /** Repeats what is due. Returns where a request got no answer at all, if one did not. */
  takeSilent(now: Instant): SocketAddress | undefined {
    for (const pending of this.#pending.listDue(now)) {
      this.#pending.remove(pending);
      if (pending.retransmission.advance(now) === "give-up") {
        return pending.destination;
      }
      this.#repeat(pending);
    }
    return undefined;
  }

  /** Forgets the credentials, which the relay has rejected. */
  forgetCredentials(): void {
    this.#credentials = undefined;
  }

  /** Forgets all requests but BINDINGs. */
  dropSigned(): void {
    this.#pending.clearSigned();
  }

  /** Forgets all requests. */
  drop(): void {
    this.#pending.clear();
  }

  /** Returns the next datagram to send. */
  pollTransmit(): Transmit | undefined {
    return this.#transmits.shift();
  }

  #start(
    request: TurnRequest,
    destination: SocketAddress,
    now: Instant,
    policy: RetransmitPolicy,
    reauthentications: number,
  ): void {
    const retransmission = new Retransmission(policy, now);
    const attempt = { destination, reauthentications, retransmission };
    if (request.kind === "binding") {
      this.#sendBinding(attempt, newTransactionId(this.#random));
    } else this.#sendSigned(attempt, request);
  }

  #repeat(pending: PendingRequest): void {
    const { request, transactionId } = pending;
    if (request.kind === "binding") this.#sendBinding(pending, transactionId);
    else this.#sendSigned(pending, request);
  }

  #sendBinding(attempt: Attempt, transactionId: Uint8Array): void {
    const request = { kind: "binding" } as const;
    this.#pending.add({ ...attempt, request, transactionId, hadNonce: false });
    this.#push(attempt.destination, encodeBinding(transactionId));
  }

  #sendSigned(attempt: Attempt, request: SignedRequest): void {
    const credentials = this.#credentials;
    if (!credentials) return;
    const transactionId = newTransactionId(this.#random);
    const hadNonce = credentials.nonce !== undefined;
    this.#pending.add({ ...attempt, request, transactionId, hadNonce });
    const payload = encodeSigned(request, transactionId, credentials);
    this.#push(attempt.destination, payload);
  }

  #push(destination: SocketAddress, payload: Uint8Array): void {
    this.#transmits.push({ source: null, localPort: 0, destination, payload });
  }

  #sample(ms: number): void {
    const smoothed = this.#roundTripMs;
    this.#roundTripMs = smoothed === undefined ? ms : (7 * smoothed + ms) / 8;
  }
}

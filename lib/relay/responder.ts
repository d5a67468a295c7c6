import {
  type Counters,
  type IpAddress,
  Queue,
  type SocketAddress,
  type Transmit,
} from "../base/mod.ts";
import { sealStun } from "../stun/mod.ts";
import {
  encodeStun,
  type StunAttribute,
  type StunClass,
  type StunView,
} from "../wire/mod.ts";
import { TRANSMIT_LIMIT } from "./constants.ts";
import type { RelayCount } from "./counts.ts";
import { type ErrorCode, REASONS } from "./request.ts";

/** A request as it arrived. */
export interface Received {
  /** Valid during the call only. */
  readonly stun: StunView;
  /** Where the answer goes. */
  readonly source: SocketAddress;
  /** Our address that it was sent to, from which the answer leaves; `null` if unknown. */
  readonly localIp: IpAddress | null;
}

/** Writes and counts the answers of a relay. */
export class Responder {
  readonly #counters: Counters<RelayCount>;
  readonly #transmits = new Queue<Transmit>(TRANSMIT_LIMIT);

  /** Counts in `counters`. */
  constructor(counters: Counters<RelayCount>) {
    this.#counters = counters;
  }

  /** How many answers were lost because too many waited. */
  get lost(): number {
    return this.#transmits.refused;
  }

  /** Answers with a success, signed if there is a key. */
  accept(
    request: Received,
    count: RelayCount,
    attributes: readonly StunAttribute[],
    key?: Uint8Array,
  ): void {
    this.#counters.increment(count);
    this.#answer(request, "success", attributes, key);
  }

  /** Answers with an error, signed if there is a key. */
  refuse(
    request: Received,
    code: ErrorCode,
    key?: Uint8Array,
    attributes: readonly StunAttribute[] = [],
  ): void {
    this.#counters.increment(`error-${code}`);
    const reason = REASONS[code];
    const error: StunAttribute = { kind: "error-code", code, reason };
    this.#answer(request, "error", [error, ...attributes], key);
  }

  /** Returns the next answer to send. */
  pollTransmit(): Transmit | undefined {
    return this.#transmits.shift();
  }

  #answer(
    { stun, source, localIp }: Received,
    kind: StunClass,
    attributes: readonly StunAttribute[],
    key: Uint8Array | undefined,
  ): void {
    const message = encodeStun({
      class: kind,
      method: stun.method,
      transactionId: stun.transactionId(),
      attributes: [SOFTWARE, ...attributes],
    });
    this.#transmits.push({
      source: localIp,
      localPort: MAIN_PORT,
      destination: source,
      payload: key ? sealStun(message, key) : message,
    });
  }
}

/** The name that Firezone's relays give, without a revision (p2p spec §8.1). */
const SOFTWARE: StunAttribute = {
  kind: "software",
  text: "firezone-relay; rev=xxxx",
};

/** Stands for the port that clients talk to (`Transmit.localPort`). */
const MAIN_PORT = 0;

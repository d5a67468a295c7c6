import type { Instant, RandomSource, Transmit } from "../base/mod.ts";
import { ResponseCache } from "../path/mod.ts";
import { HANDSHAKE_INITIATION, wireguardReceiver } from "../wire/mod.ts";
import {
  HandshakeGate,
  type IndexTable,
  openInitiation,
} from "../wireguard/mod.ts";
import type { Arrival } from "./arrival.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionTable } from "./connection_table.ts";
import type { DatagramVerdict } from "./refusals.ts";

/** What `Handshakes` is made of: parts that it shares with the node. */
export interface HandshakesOptions {
  /** The node's static private key. */
  readonly staticPrivateKey: Uint8Array;
  /** The node's static public key. */
  readonly staticPublicKey: Uint8Array;
  /** The current time. */
  readonly now: Instant;
  /** Makes the cookie secret. */
  readonly random: RandomSource;
  /** The peers. */
  readonly connections: ConnectionTable;
  /** The peers by receiver index. */
  readonly indices: IndexTable<Connection>;
  /** Sends a message that takes the way back that another one came. */
  readonly transmit: (transmit: Transmit) => void;
}

/** Brings handshake messages to the tunnels they are for, p2p spec §5.3, and answers take the way back where that is the rule. */
export class Handshakes {
  readonly #options: HandshakesOptions;
  readonly #gate: HandshakeGate;
  readonly #responses = new ResponseCache<Connection>();

  /** Starts without having seen any. */
  constructor(options: HandshakesOptions) {
    this.#options = options;
    this.#gate = new HandshakeGate(options);
  }

  /** Takes the initiation or response in `[start, end)`. */
  handle(
    bytes: Uint8Array,
    start: number,
    end: number,
    arrival: Arrival,
    now: Instant,
  ): DatagramVerdict {
    const isInitiation = bytes[start] === HANDSHAKE_INITIATION.TYPE;
    if (isInitiation && this.#answerCopy(bytes, start, end, arrival, now)) {
      return "consumed";
    }
    const verdict = this.#gate.check(bytes, start, end, arrival, now);
    if (verdict !== "ok") {
      // Deviation: upstream sends cookies to the path that ICE selected, for
      // which it must do the key agreement that cookies are there to save.
      this.#answer(arrival, this.#gate.takeCookieReply(), now);
      return verdict;
    }
    if (!isInitiation) {
      return this.#handleResponse(bytes, start, end, arrival, now);
    }
    const outcome = this.#handleInitiation(bytes, start, end, arrival, now);
    if (outcome !== "consumed") {
      this.#gate.noteForgery(arrival.source.ip, now);
    }
    return outcome;
  }

  /** Takes the cookie reply in `[start, end)`. */
  handleCookieReply(
    bytes: Uint8Array,
    start: number,
    end: number,
    now: Instant,
  ): DatagramVerdict {
    const connection = this.#addressee(bytes, start);
    if (!connection) return "unknown-index";
    const { tunnel } = connection;
    const verdict = tunnel.handleCookieReply(bytes, start, end, now);
    return verdict === "accepted" ? "consumed" : "refused-handshake";
  }

  /** Without ICE an initiation comes many times. All copies get the response to the first, p2p spec §3.3. */
  #answerCopy(
    bytes: Uint8Array,
    start: number,
    end: number,
    arrival: Arrival,
    now: Instant,
  ): boolean {
    const response = this.#responses.find(bytes, start, end, now);
    if (!response) return false;
    const { owner, message } = response;
    if (this.#options.connections.get(owner.id) !== owner) return false;
    this.#answer(arrival, message, now);
    return true;
  }

  #handleInitiation(
    bytes: Uint8Array,
    start: number,
    end: number,
    arrival: Arrival,
    now: Instant,
  ): DatagramVerdict {
    const { staticPrivateKey, staticPublicKey, connections } = this.#options;
    const opened = openInitiation(
      staticPrivateKey,
      staticPublicKey,
      bytes,
      start,
      end,
    );
    if (!opened) return "unopenable-initiation";
    const owner = connections.ofPublicKey(opened.peerPublicKey);
    if (!owner) return "unknown-public-key";
    connections.touch(owner);
    const result = owner.handleInitiation(opened, arrival.ends, now);
    if (!result.ok) return "refused-handshake";
    const message = result.value;
    if (message) {
      this.#responses.add(bytes, start, end, { message, owner }, now);
      this.#answer(arrival, message, now);
    }
    return "consumed";
  }

  #handleResponse(
    bytes: Uint8Array,
    start: number,
    end: number,
    arrival: Arrival,
    now: Instant,
  ): DatagramVerdict {
    const connection = this.#addressee(bytes, start);
    if (!connection) return "unknown-index";
    const { ends } = arrival;
    const verdict = connection.handleResponse(bytes, start, end, ends, now);
    return verdict === "accepted" ? "consumed" : "refused-handshake";
  }

  #addressee(bytes: Uint8Array, start: number): Connection | undefined {
    const { connections, indices } = this.#options;
    const connection = indices.find(wireguardReceiver(bytes, start));
    if (connection) connections.touch(connection);
    return connection;
  }

  #answer(
    arrival: Arrival,
    message: Uint8Array | undefined,
    now: Instant,
  ): void {
    const transmit = message && arrival.answer(message, now);
    if (transmit) this.#options.transmit(transmit);
  }
}

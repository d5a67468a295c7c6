import {
  after,
  type Instant,
  ipFromBytes,
  parseSocketAddress,
  type SocketAddress,
  type Transmit,
} from "../../lib/base/mod.ts";
import type { Core } from "../../lib/io/mod.ts";
import {
  forgedCheck,
  forgedData,
  forgedInitiation,
  misshapenInitiation,
  randomDatagram,
} from "./bad_datagrams.ts";

/** What can be sent, each of which a gateway must refuse. */
export const FLOODS = [
  "random",
  "data",
  "check",
  "wrong-mac1",
  "right-mac1",
] as const;

/** One of `FLOODS`. */
export type FloodKind = typeof FLOODS[number];

/** What a flood is made of. */
export interface FloodSettings {
  readonly kind: FloodKind;
  /** Where it goes, such as `192.0.2.1:52625`. */
  readonly target: string;
  readonly perSecond: number;
  /** The gateway's; `right-mac1` needs it. */
  readonly publicKey: Uint8Array;
}

/** State of a flood. */
export interface FloodSnapshot {
  readonly sent: number;
}

/** Time between bursts, in ms. */
const INTERVAL_MS = 1;

/** Different datagrams, sent in turn. */
const VARIETY = 64;

/**
 * Sends bad datagrams at a steady rate, each from another address of 198.18.0.0/16.
 *
 * Its host must own that network: `ip route add local 198.18.0.0/16 dev lo`.
 */
export class FloodCore implements Core<never, never> {
  readonly #settings: FloodSettings;
  readonly #destination: SocketAddress;
  readonly #payloads: readonly Uint8Array[];
  readonly #startedAt: Instant;
  #dueAt: Instant;
  #sent = 0;
  #owed = 0;

  constructor(settings: FloodSettings, now: Instant) {
    const destination = parseSocketAddress(settings.target);
    if (!destination) throw new TypeError(`Not a target: ${settings.target}`);
    this.#settings = settings;
    this.#destination = destination;
    this.#payloads = Array.from(
      { length: VARIETY },
      () => payloadOf(settings),
    );
    this.#startedAt = now;
    this.#dueAt = now;
  }

  handleMessage(): void {}

  handleDatagram(): void {
    // Whoever answers is not heard.
  }

  handlePacket(): void {}

  stop(): void {}

  /** Owes what should have been sent by now, but never more than a tenth of a second's worth. */
  handleTimeout(now: Instant): void {
    const { perSecond } = this.#settings;
    const due = Math.floor((now - this.#startedAt) / 1e3 * perSecond);
    this.#sent = Math.max(this.#sent, due - perSecond / 10);
    this.#owed = due - this.#sent;
    this.#dueAt = after(now, INTERVAL_MS);
  }

  pollTimeout(): Instant {
    return this.#dueAt;
  }

  pollTransmit(): Transmit | undefined {
    if (this.#owed <= 0) return undefined;
    this.#owed--;
    const number = this.#sent++;
    const source = Uint8Array.of(198, 18, number >>> 8, number);
    return {
      source: ipFromBytes(source),
      localPort: 0,
      destination: this.#destination,
      payload: this.#payloads[number % VARIETY]!,
    };
  }

  pollEvent(): undefined {
    return undefined;
  }

  snapshot(): FloodSnapshot {
    return { sent: this.#sent };
  }
}

function payloadOf({ kind, publicKey }: FloodSettings): Uint8Array {
  switch (kind) {
    case "random":
      return randomDatagram();
    case "data":
      return forgedData(crypto.getRandomValues(new Uint32Array(1))[0]!);
    case "check":
      return forgedCheck("abcd:efgh");
    case "wrong-mac1":
      return misshapenInitiation();
    case "right-mac1":
      return forgedInitiation(publicKey);
  }
}

/** What went to a peer and came from it. Plain data. */
export interface TrafficSnapshot {
  /** Packets that came. */
  readonly packetsReceived: number;
  /** Their length, in bytes, without what the tunnel adds. */
  readonly bytesReceived: number;
  /** Packets that went out. */
  readonly packetsSent: number;
  /** Their length, in bytes, without what the tunnel adds. */
  readonly bytesSent: number;
}

const PACKETS_RECEIVED = 0;
const BYTES_RECEIVED = 1;
const PACKETS_SENT = 2;
const BYTES_SENT = 3;

/** Counts the packets of one connection, those of applications and in-tunnel messages. Counting allocates nothing. */
export class Traffic {
  readonly #counts = new Float64Array(4);

  /** Counts a packet that came. */
  noteReceived(length: number): void {
    this.#counts[PACKETS_RECEIVED]!++;
    this.#counts[BYTES_RECEIVED]! += length;
  }

  /** Counts a packet that went out. */
  noteSent(length: number): void {
    this.#counts[PACKETS_SENT]!++;
    this.#counts[BYTES_SENT]! += length;
  }

  /** Adds the counts of another connection. Allocates nothing. */
  add(other: Traffic): void {
    for (let i = 0; i < this.#counts.length; i++) {
      this.#counts[i]! += other.#counts[i]!;
    }
  }

  /** Returns a copy of all counts. */
  snapshot(): TrafficSnapshot {
    return {
      packetsReceived: this.#counts[PACKETS_RECEIVED]!,
      bytesReceived: this.#counts[BYTES_RECEIVED]!,
      packetsSent: this.#counts[PACKETS_SENT]!,
      bytesSent: this.#counts[BYTES_SENT]!,
    };
  }
}

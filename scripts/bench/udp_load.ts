/** What both ends are told. */
export interface UdpLoad {
  /** What is offered. */
  readonly packetsPerSecond: number;
  /** Bytes of each packet's payload. */
  readonly payloadBytes: number;
  /** How long to send, in s. */
  readonly seconds: number;
  /** Whether packets leave in groups. */
  readonly isGrouped: boolean;
}

/** What the sender prints. */
export interface UdpSent {
  /** Packets that the kernel took. */
  readonly packets: number;
  /** How long it sent. */
  readonly seconds: number;
}

/** What the receiver prints. */
export interface UdpReceived {
  /** Packets of the right size. */
  readonly packets: number;
  /** From the first to the last. */
  readonly seconds: number;
  /** Packets that came so far and found the receiver's own buffer full. */
  readonly overflowed: number;
}

/** Time between two system calls of the sender, as far as groups allow. */
const BURST_SECONDS = 100e-6;

/** Most packets of one system call: what `UDP_SEGMENT` allows, and bytes of one group. */
const MOST_IN_BURST = 64;
const GROUP_BYTES = 65_000;

/** What became of a load. */
export interface UdpTransfer {
  /** Packets sent in a second. */
  readonly sent: number;
  /** Packets received in a second. */
  readonly received: number;
  /** Share of those sent that did not arrive. */
  readonly lossPercent: number;
  /** Packets lost by the receiver itself. */
  readonly overflowed: number;
}

/** Reads what both ends printed. */
export function readTransfer(sender: string, receiver: string): UdpTransfer {
  const sent: UdpSent = lastLineOf(sender);
  const received: UdpReceived = lastLineOf(receiver);
  return {
    sent: sent.packets / sent.seconds,
    // What was still under way when the sender stopped took its time, too.
    received: received.packets / Math.max(sent.seconds, received.seconds),
    lossPercent: 100 * (1 - received.packets / sent.packets),
    overflowed: received.overflowed,
  };
}

/** Returns how many packets one system call sends. */
export function burstOf(load: UdpLoad): number {
  const { packetsPerSecond, payloadBytes, isGrouped } = load;
  const most = isGrouped
    ? Math.min(MOST_IN_BURST, Math.floor(GROUP_BYTES / payloadBytes))
    : MOST_IN_BURST;
  const wanted = Math.round(packetsPerSecond * BURST_SECONDS);
  return Math.min(most, Math.max(1, wanted));
}

function lastLineOf<T>(output: string): T {
  const line = output.trim().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error(`Cannot read what an end of a load found: ${line}`, {
      cause,
    });
  }
}

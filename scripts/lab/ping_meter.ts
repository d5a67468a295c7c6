import type { Lab } from "./lab.ts";
import type { LabProcess } from "./lab_process.ts";

/** Time between pings, in ms. */
const INTERVAL_MS = 100;

/** Replies further apart than this are an outage, in ms. One lost ping is none. */
const OUTAGE_MS = 3 * INTERVAL_MS;

/** What a fault did to the pings after it. */
export interface Outage {
  /** Longest time without a reply, in ms. */
  readonly longestMs: number;
  /** From the fault to the reply that ended the last outage, in ms; 0 when there was none. */
  readonly recoveredMs: number;
}

/** Pings a host ten times a second and tells how long the replies stayed away. */
export class PingMeter {
  readonly #ping: LabProcess;
  #faultAt = 0;

  /** Starts to ping `target` from a box of the lab. */
  constructor(lab: Lab, box: string, target: string) {
    this.#ping = lab.spawn(box, "ping", [
      ...["stdbuf", "-oL", "ping", "-n", "-D"],
      ...["-i", String(INTERVAL_MS / 1000), target],
    ]);
  }

  /** Notes that something is broken on purpose at this moment. */
  noteFault(): void {
    this.#faultAt = Date.now();
  }

  /** Waits until replies have come steadily for `steadyMs`, and returns what happened since the fault. */
  async settle(limitMs: number, steadyMs: number): Promise<Outage> {
    const deadline = Date.now() + limitMs;
    while (Date.now() < deadline) {
      if (this.#isSteady(steadyMs)) return this.#outage();
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
    throw new Error(
      `No steady replies within ${limitMs} ms\n${this.#ping.tail(10)}`,
    );
  }

  /** Ends the pings. */
  async stop(): Promise<void> {
    await this.#ping.stop();
  }

  #isSteady(steadyMs: number): boolean {
    const now = Date.now();
    const from = now - steadyMs;
    if (from < this.#faultAt) return false;
    const recent = [from, ...this.#replies().filter((at) => at > from), now];
    return gapsOf(recent).every(({ ms }) => ms <= OUTAGE_MS);
  }

  #outage(): Outage {
    const after = this.#replies().filter((at) => at > this.#faultAt);
    const gaps = gapsOf([this.#faultAt, ...after]);
    const outages = gaps.filter(({ ms }) => ms > OUTAGE_MS);
    return {
      longestMs: Math.round(Math.max(0, ...gaps.map(({ ms }) => ms))),
      recoveredMs: Math.round(
        Math.max(0, ...outages.map(({ end }) => end - this.#faultAt)),
      ),
    };
  }

  /** When each reply came, in Unix ms. */
  #replies(): number[] {
    return this.#ping.lines.flatMap((line) => {
      const seconds = /^\[(\d+\.\d+)\] \d+ bytes from /.exec(line)?.[1];
      return seconds === undefined ? [] : [Number(seconds) * 1000];
    });
  }
}

function gapsOf(times: readonly number[]): { ms: number; end: number }[] {
  return times.slice(1).map((end, i) => ({ ms: end - (times[i] ?? end), end }));
}

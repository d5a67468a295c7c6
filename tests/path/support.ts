import {
  formatSocketAddress,
  type Instant,
  instant,
  NO_LOG,
  type SocketAddress,
} from "../../lib/base/mod.ts";
import {
  formatPathCandidate,
  PathAgent,
  type PathCandidate,
  type PathKind,
  type PathTransmit,
  type SelectedPath,
  socketOf,
} from "../../lib/path/mod.ts";
import { addressOf } from "../support/datagram.ts";

/** What an agent sent. */
export interface Sent {
  readonly at: number;
  readonly kind: PathTransmit["kind"];
  /** `<local socket> > <remote>` */
  readonly path: string;
  readonly payload: Uint8Array;
}

/** Makes a candidate. */
export function candidate(
  kind: PathKind,
  address: string,
  base?: string,
): PathCandidate {
  return base === undefined
    ? { kind, address: addressOf(address) }
    : { kind, address: addressOf(address), base: addressOf(base) };
}

/** A `PathAgent` with a clock, whose output is drained after each call. */
export class TestPathAgent {
  readonly agent = new PathAgent({ log: NO_LOG });
  /** All that was sent so far. */
  readonly sent: Sent[] = [];
  /** All paths selected so far, `<local socket> > <remote>`. */
  readonly selected: string[] = [];
  #now = 0;

  get now(): Instant {
    return instant(this.#now);
  }

  get primary(): string | undefined {
    return this.agent.primary && textOf(this.agent.primary);
  }

  addLocal(...args: Parameters<typeof candidate>): boolean {
    const isNew = this.agent.addLocalCandidate(candidate(...args), this.now);
    this.#drain();
    return isNew;
  }

  removeLocal(...args: Parameters<typeof candidate>): boolean {
    const own = candidate(...args);
    const isKnown = this.agent.withdrawLocalCandidate(own, this.now);
    this.#drain();
    return isKnown;
  }

  addRemote(...args: Parameters<typeof candidate>): void {
    const line = formatPathCandidate(candidate(...args));
    this.agent.addRemoteCandidate(line, this.now);
    this.#drain();
  }

  removeRemote(...args: Parameters<typeof candidate>): void {
    const line = formatPathCandidate(candidate(...args));
    this.agent.withdrawRemoteCandidate(line, this.now);
    this.#drain();
  }

  /** An initiation of the peer arrives. */
  initiation(local: string, remote: string): void {
    this.agent.handleInitiation(endsOf(local, remote), this.now);
    this.#drain();
  }

  /** A response of the peer arrives. */
  response(local: string, remote: string): void {
    this.agent.handleResponse(endsOf(local, remote), this.now);
    this.#drain();
  }

  /** The tunnel wants to send an initiation. */
  sendInitiation(number = 1): void {
    this.agent.sendInitiation(Uint8Array.of(1, number), this.now);
    this.#drain();
  }

  /** A probe of the peer arrives. */
  probe(local: string, remote: string): void {
    this.agent.handleProbe(endsOf(local, remote), this.now);
    this.#drain();
  }

  /** A reply to a probe of ours arrives. */
  reply(local: string, remote: string, id: number, sequence: number): string {
    const ends = endsOf(local, remote);
    const verdict = this.agent.handleProbeReply(ends, id, sequence, this.now);
    this.#drain();
    return verdict;
  }

  /** The latest probe on a path is answered. */
  answerProbe(local: string, remote: string): string {
    const probe = this.probesOn(local, remote).at(-1);
    if (!probe) throw new Error(`No probe was sent from ${local} to ${remote}`);
    const { id, sequence } = probe;
    return this.reply(local, remote, id, sequence);
  }

  /** All probes sent on a path. */
  probesOn(
    local: string,
    remote: string,
  ): { at: number; id: number; sequence: number }[] {
    return this.sent.filter(({ kind, path }) =>
      kind === "packet" && path === `${local} > ${remote}`
    ).map(({ at, payload }) => {
      const view = new DataView(payload.buffer);
      return { at, id: view.getUint16(44), sequence: view.getUint16(46) };
    });
  }

  /** Lets time pass. `onSent` sees each thing that is sent when it is sent. */
  advance(ms: number, onSent: (sent: Sent) => void = () => {}): void {
    const end = this.#now + ms;
    while (this.agent.pollTimeout() <= end) {
      this.#now = Math.max(this.#now, this.agent.pollTimeout());
      const before = this.sent.length;
      this.agent.handleTimeout(this.now);
      this.#drain();
      for (const sent of this.sent.slice(before)) onSent(sent);
    }
    this.#now = end;
  }

  #drain(): void {
    const { agent } = this;
    for (let t = agent.pollTransmit(); t; t = agent.pollTransmit()) {
      const { kind, local, destination, payload } = t;
      const path = `${text(socketOf(local))} > ${text(destination)}`;
      this.sent.push({ at: this.#now, kind, path, payload });
    }
    for (let s = agent.pollSelection(); s; s = agent.pollSelection()) {
      this.selected.push(textOf(s));
    }
  }
}

function textOf({ local, remote }: SelectedPath): string {
  return `${text(socketOf(local))} > ${text(remote.address)}`;
}

function endsOf(
  local: string,
  remote: string,
): { local: SocketAddress; remote: SocketAddress } {
  return { local: addressOf(local), remote: addressOf(remote) };
}

function text(address: SocketAddress): string {
  return formatSocketAddress(address);
}

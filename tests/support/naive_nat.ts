/** Kinds of selectors that are translated. */
export type NaiveKind = "tcp" | "udp" | "echo";

/** A port or identifier at an address, of one kind. */
export interface NaiveTuple {
  readonly kind: NaiveKind;
  readonly value: number;
  readonly address: string;
}

/** What a packet says to the table. FIN and RST are of TCP. */
export interface NaiveFlags {
  readonly fin: boolean;
  readonly rst: boolean;
}

interface Session {
  readonly inside: NaiveTuple;
  readonly outside: NaiveTuple;
  sentAt: number;
  receivedAt: number | undefined;
  finSent: boolean;
  finReceived: boolean;
  reset: boolean;
}

/** A NAT table as data-plane spec §8.3 to §8.5 tells it: two lists and no cleverness. */
export class NaiveNat {
  sessions: Session[] = [];
  expired: { tuple: NaiveTuple; at: number }[] = [];

  /** Returns the outside of a packet, or what hinders it. */
  send(
    inside: NaiveTuple,
    real: string,
    flags: NaiveFlags,
    now: number,
  ): NaiveTuple | "exhausted" {
    const known = this.sessions.find((s) => equal(s.inside, inside));
    if (known !== undefined) {
      known.sentAt = now;
      known.finSent ||= flags.fin;
      known.reset ||= flags.rst;
      return known.outside;
    }
    const outside = this.#unused(inside, real);
    if (outside === undefined) return "exhausted";
    this.expired = this.expired.filter(({ tuple }) => !equal(tuple, outside));
    this.sessions.push({
      inside,
      outside,
      sentAt: now,
      receivedAt: undefined,
      finSent: false,
      finReceived: false,
      reset: false,
    });
    return outside;
  }

  /** Returns the inside of a packet from a resource, or why there is none. */
  receive(
    outside: NaiveTuple,
    flags: NaiveFlags,
    now: number,
  ): NaiveTuple | "expired" | "none" {
    const session = this.sessions.find((s) => equal(s.outside, outside));
    if (session === undefined) {
      return this.expired.some(({ tuple }) => equal(tuple, outside))
        ? "expired"
        : "none";
    }
    session.receivedAt = now;
    session.finReceived ||= flags.fin;
    session.reset ||= flags.rst;
    return session.inside;
  }

  /** Keeps house. */
  expire(now: number): void {
    const ended = this.sessions.filter((session) => endOf(session) <= now);
    this.sessions = this.sessions.filter((session) => endOf(session) > now);
    this.expired.push(
      ...ended.map(({ outside }) => ({ tuple: outside, at: now })),
    );
    this.expired = this.expired.filter(({ at }) => at + 7_440_000 > now);
  }

  /** Forgets everything. */
  clear(): void {
    this.sessions = [];
    this.expired = [];
  }

  #unused(
    { kind, value }: NaiveTuple,
    address: string,
  ): NaiveTuple | undefined {
    for (const candidate of candidates(value)) {
      const tuple = { kind, value: candidate, address };
      if (!this.sessions.some((s) => equal(s.outside, tuple))) return tuple;
    }
    return undefined;
  }
}

function endOf(session: Session): number {
  const { inside, sentAt, receivedAt } = session;
  const last = Math.max(sentAt, receivedAt ?? sentAt);
  const ends = [last + (inside.kind === "tcp" ? 7_440_000 : 120_000)];
  if (receivedAt === undefined) ends.push(sentAt + 60_000);
  if (session.finSent && session.finReceived) ends.push(last + 5_000);
  if (session.reset) ends.push(last);
  return Math.min(...ends);
}

function* candidates(value: number): Generator<number> {
  for (let v = value; v <= 65_535; v++) yield v;
  for (let v = 1; v < value; v++) yield v;
}

function equal(a: NaiveTuple, b: NaiveTuple): boolean {
  return a.kind === b.kind && a.value === b.value && a.address === b.address;
}

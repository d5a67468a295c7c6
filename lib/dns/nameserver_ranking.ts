import { formatIp, type IpAddress } from "../base/mod.ts";
import type { DnsTransport } from "./message.ts";

/** What one probe of a nameserver came to. */
export type ProbeOutcome =
  /** It resolves names. */
  | { readonly kind: "resolved"; readonly tookMs: number }
  /** It answers, but not with the name asked for. */
  | { readonly kind: "answered"; readonly tookMs: number }
  /** No answer in time. */
  | { readonly kind: "silent" };

/** How far a server is to be trusted, best first. */
const RESOLVED = 0;
const ANSWERED = 1;
const ANSWERED_BEFORE = 2;
const UNKNOWN = 3;
const FAILED = 4;

interface Standing {
  grade: number;
  tookMs: number;
}

/**
 * Knows which nameserver is the fastest, for each transport.
 *
 * The latest evaluation counts. A server that answered before comes after all
 * that answered in it, and one that never did comes last, but none is ruled
 * out: one lost probe must not leave us without (data-plane spec §11).
 * Servers of equal standing keep the order of the configuration.
 */
export class NameserverRanking {
  readonly #standings = new Map<string, Standing>();
  #nameservers: readonly IpAddress[] = [];

  /** The servers known, in the order of the configuration. */
  get nameservers(): readonly IpAddress[] {
    return this.#nameservers;
  }

  /** Takes over a configuration. What is known of servers that remain is kept. */
  setNameservers(nameservers: readonly IpAddress[]): void {
    this.#nameservers = nameservers;
    const keys = new Set(
      nameservers.flatMap((ip) => [keyOf(ip, "udp"), keyOf(ip, "tcp")]),
    );
    for (const key of this.#standings.keys()) {
      if (!keys.has(key)) this.#standings.delete(key);
    }
  }

  /** Takes in a probe. */
  note(ip: IpAddress, transport: DnsTransport, outcome: ProbeOutcome): void {
    const key = keyOf(ip, transport);
    const known = this.#standings.get(key);
    switch (outcome.kind) {
      case "resolved":
        this.#standings.set(key, { grade: RESOLVED, tookMs: outcome.tookMs });
        return;
      case "answered":
        this.#standings.set(key, { grade: ANSWERED, tookMs: outcome.tookMs });
        return;
      case "silent":
        if (known) known.grade = gradeAfterSilence(known.grade);
        else this.#standings.set(key, { grade: FAILED, tookMs: Infinity });
    }
  }

  /** Returns the server to ask, or `undefined` without any. */
  fastest(transport: DnsTransport): IpAddress | undefined {
    let best: IpAddress | undefined;
    for (const ip of this.#nameservers) {
      if (!best || this.#isBetter(ip, best, transport)) best = ip;
    }
    return best;
  }

  #isBetter(a: IpAddress, b: IpAddress, transport: DnsTransport): boolean {
    const first = this.#standing(a, transport);
    const second = this.#standing(b, transport);
    return first.grade < second.grade ||
      (first.grade === second.grade && first.tookMs < second.tookMs);
  }

  #standing(ip: IpAddress, transport: DnsTransport): Standing {
    return this.#standings.get(keyOf(ip, transport)) ??
      { grade: UNKNOWN, tookMs: Infinity };
  }
}

function gradeAfterSilence(grade: number): number {
  return grade === RESOLVED || grade === ANSWERED ? ANSWERED_BEFORE : FAILED;
}

function keyOf(ip: IpAddress, transport: DnsTransport): string {
  return `${transport} ${formatIp(ip)}`;
}

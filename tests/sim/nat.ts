import {
  equalSocketAddresses,
  formatIp,
  formatSocketAddress,
  type Instant,
  instant,
  type IpAddress,
  randomBelow,
  type RandomSource,
  type SocketAddress,
} from "../../lib/base/mod.ts";
import type { SimDatagram } from "./world.ts";

/** What part of the remote end something depends on, RFC 4787 §4.1 and §5. */
export type Dependence =
  | "endpoint-independent"
  | "address-dependent"
  | "address-and-port-dependent";

/** How a NAT behaves, in the terms of RFC 4787. */
export interface NatBehaviour {
  /** For which remote ends an inside socket keeps its outside port, §4.1. */
  readonly mapping: Dependence;
  /** From which remote ends a mapping lets datagrams in, once it has sent there, §5. */
  readonly filtering: Dependence;
  /** Whether a mapping gets the inside port where it is free, or any port, §4.2. */
  readonly ports: "preserved" | "random";
  /** Whether inside hosts reach each other by their outside addresses, §6. */
  readonly hairpinning: boolean;
  /** How long a mapping lives after the last datagram from inside, §4.3. Datagrams from outside do not extend it. */
  readonly mappingMs: number;
}

const USUAL = {
  ports: "random",
  hairpinning: false,
  mappingMs: 120_000,
} as const;

/** Anyone may send to the one outside port of a socket. */
export const FULL_CONE: NatBehaviour = {
  ...USUAL,
  mapping: "endpoint-independent",
  filtering: "endpoint-independent",
};

/** Hosts that the socket has sent to may answer from any port. */
export const ADDRESS_RESTRICTED: NatBehaviour = {
  ...USUAL,
  mapping: "endpoint-independent",
  filtering: "address-dependent",
};

/** Only sockets that the socket has sent to may answer. */
export const PORT_RESTRICTED: NatBehaviour = {
  ...USUAL,
  mapping: "endpoint-independent",
  filtering: "address-and-port-dependent",
};

/** Each remote socket sees another port, and only it may answer. */
export const SYMMETRIC: NatBehaviour = {
  ...USUAL,
  mapping: "address-and-port-dependent",
  filtering: "address-and-port-dependent",
};

/** A stateful filter without translation, as in front of an IPv6 network. */
const FIREWALL = {
  mapping: "endpoint-independent",
  ports: "preserved",
} as const;

const LOWEST_PORT = 1_024;
const PORT_COUNT = 65_536 - LOWEST_PORT;

interface Mapping {
  readonly inside: SocketAddress;
  readonly outside: SocketAddress;
  /** What of the remote end it is for, as its NAT's mapping behaviour asks. */
  readonly remote: string;
  /** What of remote ends may send to it, as its NAT's filtering behaviour asks. */
  readonly permitted: Set<string>;
  expiresAt: Instant;
}

/**
 * A NAT with one outside address: translates IPv4 and filters both families.
 *
 * IPv6 is not translated. Its filter is that of IPv4: what may come in
 * depends on what went out from the same socket.
 */
export class Nat {
  readonly behaviour: NatBehaviour;
  readonly #outsideIp: IpAddress;
  readonly #random: RandomSource;
  #mappings: Mapping[] = [];

  constructor(
    behaviour: NatBehaviour,
    outsideIp: IpAddress,
    random: RandomSource,
  ) {
    this.behaviour = behaviour;
    this.#outsideIp = outsideIp;
    this.#random = random;
  }

  /** Returns what becomes of a datagram from inside, as it leaves. */
  outbound(datagram: SimDatagram, now: Instant): SimDatagram {
    this.#expire(now);
    const { source, destination } = datagram;
    const { mapping, filtering, mappingMs } = this.#behaviourFor(source.ip);
    const remote = partOf(destination, mapping);
    const used =
      this.#mappings.find((it) =>
        it.remote === remote && equalSocketAddresses(it.inside, source)
      ) ?? this.#map(source, remote);
    used.expiresAt = instant(now + mappingMs);
    used.permitted.add(partOf(destination, filtering));
    return { ...datagram, source: used.outside };
  }

  /** Returns what becomes of a datagram from outside, as it goes on inside; `undefined` when it is filtered. */
  inbound(datagram: SimDatagram, now: Instant): SimDatagram | undefined {
    this.#expire(now);
    const { source, destination } = datagram;
    const { filtering } = this.behaviour;
    const used = this.#mappings.find((it) =>
      equalSocketAddresses(it.outside, destination)
    );
    const mayEnter = filtering === "endpoint-independent" ||
      used?.permitted.has(partOf(source, filtering));
    if (!used || !mayEnter) return undefined;
    return { ...datagram, destination: used.inside };
  }

  #behaviourFor(ip: IpAddress): NatBehaviour {
    const { behaviour } = this;
    return ip.family === 4 ? behaviour : { ...behaviour, ...FIREWALL };
  }

  #map(inside: SocketAddress, remote: string): Mapping {
    const outside = inside.ip.family === 4
      ? { ip: this.#outsideIp, port: this.#choosePort(inside.port) }
      : inside;
    const mapping = {
      inside,
      outside,
      remote,
      permitted: new Set<string>(),
      expiresAt: instant(0),
    };
    this.#mappings.push(mapping);
    return mapping;
  }

  /** Two mappings never share a port, RFC 4787 REQ-3. */
  #choosePort(wanted: number): number {
    const isTaken = (port: number) =>
      this.#mappings.some(({ outside }) =>
        outside.ip.family === 4 && outside.port === port
      );
    let port = wanted;
    if (this.behaviour.ports === "preserved" && !isTaken(port)) return port;
    do port = LOWEST_PORT + randomBelow(this.#random, PORT_COUNT); while (
      isTaken(port)
    );
    return port;
  }

  #expire(now: Instant): void {
    this.#mappings = this.#mappings.filter(({ expiresAt }) => now < expiresAt);
  }
}

/** Returns the part of a remote end that something depends on. */
function partOf(remote: SocketAddress, dependence: Dependence): string {
  switch (dependence) {
    case "endpoint-independent":
      return "";
    case "address-dependent":
      return formatIp(remote.ip);
    case "address-and-port-dependent":
      return formatSocketAddress(remote);
  }
}

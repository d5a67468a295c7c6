import type { Instant, IpAddress, RandomSource } from "../../lib/base/mod.ts";
import { equalIps } from "../../lib/base/mod.ts";
import { Nat, type NatBehaviour } from "./nat.ts";
import { hasAddress, type SimDatagram, type SimHost } from "./world.ts";

/** What a router is made of. */
export interface SimRouterOptions {
  readonly name: string;
  /** Its IPv4 address on the internet, which all hosts behind it share. */
  readonly outsideIp: IpAddress;
  readonly behaviour: NatBehaviour;
  readonly random: RandomSource;
  /** Whether hosts behind it cannot reach each other directly, as in a guest network. */
  readonly isolatesHosts?: boolean;
}

/** The router of a site: hosts behind one NAT, with the internet on the other side. */
export class SimRouter {
  readonly name: string;
  readonly behaviour: NatBehaviour;
  readonly #outsideIp: IpAddress;
  readonly #isolatesHosts: boolean;
  readonly #nat: Nat;
  readonly #hosts: SimHost[] = [];

  constructor(options: SimRouterOptions) {
    const { name, outsideIp, behaviour, random } = options;
    this.name = name;
    this.behaviour = behaviour;
    this.#outsideIp = outsideIp;
    this.#isolatesHosts = options.isolatesHosts ?? false;
    this.#nat = new Nat(behaviour, outsideIp, random);
  }

  /** Connects a host to the inside. */
  attach(host: SimHost): void {
    this.#hosts.push(host);
  }

  /** Tells whether the internet delivers datagrams to this address here. IPv6 addresses of hosts are their own. */
  answersFor(ip: IpAddress): boolean {
    if (ip.family === 4) return equalIps(ip, this.#outsideIp);
    return this.#hosts.some((host) => hasAddress(host, ip));
  }

  /** Returns the host behind this router that another one reaches directly. */
  neighbour(ip: IpAddress): SimHost | undefined {
    return this.#isolatesHosts ? undefined : this.#hostAt(ip);
  }

  /** Lets a datagram out to the internet. `undefined`: it would come straight back, and this router does not do that. */
  letOut(datagram: SimDatagram, now: Instant): SimDatagram | undefined {
    const left = this.#nat.outbound(datagram, now);
    const comesBack = this.answersFor(left.destination.ip);
    return comesBack && !this.behaviour.hairpinning ? undefined : left;
  }

  /** Hands a datagram from the internet to the host that it is for, unless it is filtered. */
  letIn(datagram: SimDatagram, now: Instant): void {
    const entered = this.#nat.inbound(datagram, now);
    if (!entered) return;
    this.#hostAt(entered.destination.ip)?.handleDatagram(entered, now);
  }

  #hostAt(ip: IpAddress): SimHost | undefined {
    return this.#hosts.find((host) => hasAddress(host, ip));
  }
}

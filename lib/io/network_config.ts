import {
  type Cidr,
  equalIps,
  formatCidr,
  formatIp,
  type IpAddress,
  type IpFamily,
  type Logger,
  MAX_PACKET_BYTES,
} from "../base/mod.ts";
import {
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EEXIST,
  ENODEV,
  EOPNOTSUPP,
  errnoName,
  ESRCH,
} from "./errno.ts";
import { kernelRefusal } from "./errors.ts";
import { PROC_SYS } from "./kernel_settings.ts";
import { cString, libc } from "./libc.ts";
import type { NetlinkRequest } from "./netlink_message.ts";
import { interfaceLosses } from "./kernel_losses.ts";
import { NetlinkSocket } from "./netlink_socket.ts";
import { type RoutingTables, routingTables } from "./routing_tables.ts";
import {
  addAddress,
  addException,
  addressOf,
  addRoute,
  addRule,
  addServiceAddress,
  bringUp,
  copyLinkRoute,
  disableLinkLocal,
  listAddresses,
  listRoutes,
  type MarkRule,
  removeAddress,
  removeException,
  removeListedRoute,
  removeRoute,
  removeRule,
  setMtu,
  setQueueLength,
} from "./route_messages.ts";

/** Mark of all packets that must not enter the tunnel, our own above all (data-plane spec §1.4). */
export const FIREZONE_MARK = 0xfd002021;

/** Where the host keeps its own routes. */
const MAIN_TABLE = 254;

/** Values of `rp_filter`, ip-sysctl. */
const STRICT = "1";
const LOOSE = "2";

const FAMILIES: readonly IpFamily[] = [4, 6];

/** Packets that wait for us before the kernel drops (data-plane spec §3.3). */
const QUEUE_LENGTH = 10_000;

/** What the interface shall be. */
export interface InterfaceConfig {
  /** Our IPv4 address in the tunnel. */
  readonly ipv4: IpAddress;
  /** Our IPv6 address in the tunnel. */
  readonly ipv6: IpAddress;
  /** What is routed into the tunnel. A default route goes to a table of its own. */
  readonly routes: readonly Cidr[];
  /** Further addresses that services of ours listen at; none unless told otherwise. No packet leaves from them by itself. */
  readonly services?: readonly IpAddress[];
  /** Hosts that a default route is not for; none unless told otherwise. */
  readonly bypass?: readonly IpAddress[];
}

/** Which families the host lets us use. */
export interface InterfaceFamilies {
  /** Whether the IPv4 address could be set. */
  readonly ipv4: boolean;
  /** Whether the IPv6 address could be set. */
  readonly ipv6: boolean;
}

/**
 * Addresses, routes and rules of the TUN interface, by rtnetlink.
 *
 * Running `ip` instead would lose the capability of the binary (data-path
 * spec §6). What is not there yet is added, what should not be there removed;
 * the rest is left alone, so that applying the same twice disturbs nothing.
 */
export class NetworkConfig {
  readonly #name: string;
  readonly #index: number;
  readonly #log: Logger;
  readonly #tables: RoutingTables;
  readonly #netlink = new NetlinkSocket();
  readonly #isLosing: () => boolean;
  /** The rules that lead to our tables. Who holds the interface has them to itself: one that is there already is left of an earlier run. */
  #rules: MarkRule[] = [];
  /** The routes that are ours, by their text form. */
  #routes = new Map<string, Cidr>();
  /** The hosts that our default route is not for, by their text form. */
  #exceptions = new Map<string, IpAddress>();

  /** Points at an interface that exists. */
  constructor(interfaceName: string, log: Logger) {
    this.#name = interfaceName;
    this.#index = libc().if_nametoindex(cString(interfaceName));
    this.#log = log;
    this.#tables = routingTables(interfaceName);
    if (this.#index === 0) {
      throw kernelRefusal(`find the interface ${interfaceName}`, ENODEV);
    }
    this.#isLosing = interfaceLosses(this.#netlink, this.#index);
  }

  /** Prepares the interface, and removes what an earlier run left in our tables. Refusals are only logged. */
  prepare(): void {
    this.#flushTables();
    this.#try("set queue length", setQueueLength(this.#index, QUEUE_LENGTH));
    this.#try("disable link-local address", disableLinkLocal(this.#index));
    if (this.#tables.answers) this.#loosenSourceCheck();
  }

  /**
   * Makes the interface as `config` says, and returns which families work.
   *
   * Throws when not even one address can be set, or the interface not be
   * brought up. Routes and rules that are refused are only logged.
   */
  apply(config: InterfaceConfig): InterfaceFamilies {
    this.#must("set the MTU", setMtu(this.#index, MAX_PACKET_BYTES));
    const { services = [], bypass = [] } = config;
    const ipv4 = this.#setAddress(config.ipv4, services);
    const ipv6 = this.#setAddress(config.ipv6, services);
    if (ipv4 !== 0 && ipv6 !== 0) {
      throw kernelRefusal(`set an address of ${this.#name}`, ipv4);
    }
    this.#must("bring up", bringUp(this.#index));

    const families = { ipv4: ipv4 === 0, ipv6: ipv6 === 0 };
    if (families.ipv4) this.#addRules(4);
    if (families.ipv6) this.#addRules(6);
    const works = ({ family }: IpAddress) =>
      family === 4 ? families.ipv4 : families.ipv6;
    for (const address of services.filter(works)) this.#addService(address);
    // Before the default routes: the connection to the portal must not notice.
    this.#setExceptions(bypass.filter(works));
    this.#setRoutes(config.routes.filter(({ ip }) => works(ip)));
    this.refreshLinkRoutes();
    return families;
  }

  /** Lets neighbouring networks be reached past our default routes, as they are at present. */
  refreshLinkRoutes(): void {
    for (const family of FAMILIES) {
      this.#flushTable(family, this.#tables.link.table);
      if (this.#hasDefaultRoute(family)) this.#copyLinkRoutes(family);
    }
  }

  /** Tells whether the kernel has dropped packets that were to come to us since it was asked last. */
  isLosing(): boolean {
    return this.#isLosing();
  }

  /** Removes the rules. Addresses and routes vanish with the interface. */
  close(): void {
    for (const rule of this.#rules) {
      this.#try("remove rule", removeRule(rule));
    }
    this.#rules = [];
    this.#netlink.close();
  }

  /** Clients' addresses may lead to another gateway's interface, too: a strict check would drop what comes in by ours. */
  #loosenSourceCheck(): void {
    const path = `net/ipv4/conf/${this.#name}/rp_filter`;
    if (PROC_SYS.read(path) !== STRICT) return;
    const code = PROC_SYS.write({ path, value: LOOSE });
    if (code !== 0) this.#refused("loosen source check", code);
  }

  #flushTables(): void {
    const { tunnel, link, defaults } = this.#tables;
    for (const family of FAMILIES) {
      for (const { table } of [tunnel, link, defaults]) {
        this.#flushTable(family, table);
      }
    }
  }

  #flushTable(family: IpFamily, table: number): void {
    const routes = this.#netlink.dump(listRoutes(family, table));
    // A table that nobody has used does not exist: nothing to flush.
    if (typeof routes === "number") return;
    for (const route of routes) {
      const request = removeListedRoute(route, table);
      if (request) this.#try("flush route", request, ESRCH);
    }
  }

  #hasDefaultRoute(family: IpFamily): boolean {
    return [...this.#routes.values()].some((route) =>
      route.ip.family === family && route.prefixLength === 0
    );
  }

  #copyLinkRoutes(family: IpFamily): void {
    const link = this.#tables.link.table;
    const routes = this.#netlink.dump(listRoutes(family, MAIN_TABLE));
    if (typeof routes === "number") return;
    for (const route of routes) {
      const copy = copyLinkRoute(route, MAIN_TABLE, link, this.#index);
      if (copy) this.#try("copy link route", copy, EEXIST);
    }
  }

  /** Leaves `wanted` and `services` as the only addresses of its family. Returns 0, or why it could not be set. */
  #setAddress(wanted: IpAddress, services: readonly IpAddress[]): number {
    const { family } = wanted;
    const present = this.#addresses(family);
    let isSet = false;
    for (const address of present) {
      if (isHost(address, wanted)) isSet = true;
      else if (!services.some((it) => isHost(address, it))) {
        this.#remove(address);
      }
    }
    if (isSet) return 0;

    const code = this.#netlink.request(
      addAddress(this.#index, hostNetwork(wanted)),
    );
    if (code === 0 || code === EEXIST) return 0;
    this.#refused("set address", code);
    return code;
  }

  #addService(address: IpAddress): void {
    const request = addServiceAddress(this.#index, hostNetwork(address));
    this.#try("set service address", request, EEXIST);
  }

  /** Takes away an address, which may have gone by itself. */
  #remove(address: Cidr): void {
    const code = this.#netlink.request(removeAddress(this.#index, address));
    if (code === 0 || code === EADDRNOTAVAIL) return;
    throw kernelRefusal(`flush the addresses of ${this.#name}`, code);
  }

  #addresses(family: IpFamily): Cidr[] {
    const replies = this.#netlink.dump(listAddresses(this.#index, family));
    // A kernel without the family has no addresses of it.
    if (typeof replies === "number") return [];
    return replies.map((reply) => addressOf(reply, this.#index))
      .filter((address) => address !== undefined);
  }

  #addRules(family: IpFamily): void {
    const { tunnel, link, defaults, answers } = this.#tables;
    for (const table of [tunnel, link, defaults]) {
      const mark = FIREZONE_MARK;
      this.#addRule({ family, mark, isForMarked: false, ...table });
    }
    if (answers) this.#addRule({ family, isForMarked: true, ...answers });
  }

  #addRule(rule: MarkRule): void {
    const code = this.#netlink.request(addRule(rule));
    if (code !== 0 && code !== EEXIST) {
      return this.#refused("add rule", code);
    }
    if (!this.#rules.some((it) => isSameRule(it, rule))) this.#rules.push(rule);
  }

  #setRoutes(wanted: readonly Cidr[]): void {
    const next = new Map(wanted.map((route) => [formatCidr(route), route]));
    for (const [text, route] of this.#routes) {
      if (next.has(text)) continue;
      const request = removeRoute(this.#index, this.#tableOf(route), route);
      this.#try("remove route", request, ESRCH);
    }
    for (const route of next.values()) {
      const request = addRoute(this.#index, this.#tableOf(route), route);
      const code = this.#netlink.request(request);
      if (code !== 0 && code !== EEXIST && code !== EOPNOTSUPP) {
        this.#refused("add route", code);
      }
    }
    this.#routes = next;
  }

  #setExceptions(wanted: readonly IpAddress[]): void {
    const next = new Map(wanted.map((host) => [formatIp(host), host]));
    for (const [text, host] of this.#exceptions) {
      if (next.has(text)) continue;
      this.#try(
        "remove exception",
        removeException(this.#tables.defaults.table, host),
        ESRCH,
      );
    }
    for (const host of next.values()) {
      this.#try(
        "add exception",
        addException(this.#tables.defaults.table, host),
        EEXIST,
      );
    }
    this.#exceptions = next;
  }

  #tableOf(route: Cidr): number {
    const { defaults, tunnel } = this.#tables;
    return route.prefixLength === 0 ? defaults.table : tunnel.table;
  }

  #must(action: string, request: NetlinkRequest): void {
    const code = this.#netlink.request(request);
    if (code === 0) return;
    throw kernelRefusal(`${action} of the interface ${this.#name}`, code);
  }

  #try(action: string, request: NetlinkRequest, tolerated = 0): void {
    const code = this.#netlink.request(request);
    if (code !== 0 && code !== tolerated) this.#refused(action, code);
  }

  #refused(action: string, code: number): void {
    // A host without IPv6, or with IPv6 switched off, is so on purpose.
    const isOnPurpose = code === EACCES || code === EAFNOSUPPORT;
    const level = isOnPurpose ? "info" : "warn";
    this.#log.log(level, "Network configuration refused", {
      action,
      reason: errnoName(code),
    });
  }
}

function hostNetwork(ip: IpAddress): Cidr {
  return { ip, prefixLength: ip.bytes.length * 8 };
}

function isHost({ ip, prefixLength }: Cidr, host: IpAddress): boolean {
  return equalIps(ip, host) && prefixLength === host.bytes.length * 8;
}

function isSameRule(a: MarkRule, b: MarkRule): boolean {
  return a.family === b.family && a.table === b.table &&
    a.priority === b.priority;
}

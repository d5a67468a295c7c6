import {
  type Cidr,
  formatCidr,
  formatIp,
  type IpAddress,
  type IpFamily,
  type Logger,
} from "../base/mod.ts";
import { EAFNOSUPPORT, EEXIST, EOPNOTSUPP, errnoName, ESRCH } from "./errno.ts";
import { NetworkChanges, type RouteKernel } from "./network_changes.ts";
import {
  addException,
  addRoute,
  addRule,
  copyLinkRoute,
  listRoutes,
  type MarkRule,
  removeException,
  removeListedRoute,
  removeRoute,
  removeRule,
} from "./route_messages.ts";
import { FIREZONE_MARK, type RoutingTables } from "./routing_tables.ts";

/** Where the host keeps its own routes. */
const MAIN_TABLE = 254;

const FAMILIES: readonly IpFamily[] = [4, 6];

/** Which routes there shall be. */
export interface WantedRoutes {
  /** The families that the interface has an address of. */
  readonly families: readonly IpFamily[];
  /** What is routed into the tunnel. A default route goes to a table of its own. */
  readonly routes: readonly Cidr[];
  /** Hosts that a default route is not for. */
  readonly bypass: readonly IpAddress[];
}

/** What the routes of one interface are made with. */
export interface TunnelRoutesOptions {
  /** Index of the interface. */
  readonly index: number;
  /** The tables for its routes. */
  readonly tables: RoutingTables;
  /** Who routes. */
  readonly kernel: RouteKernel;
  /** Hears what is refused. */
  readonly log: Logger;
}

/**
 * Routes into the tunnel, and the rules by which packets find them.
 *
 * A kernel may have been built without policy routing. There the routes are
 * among those of the host, in the main table. A gateway needs no more: the
 * networks of tunnels are nobody else's. What is lost: datagrams of our own
 * to an address in these networks enter the tunnel, there is room for one
 * gateway, and for no default route.
 */
export class TunnelRoutes {
  readonly #index: number;
  readonly #tables: RoutingTables;
  readonly #kernel: RouteKernel;
  readonly #log: Logger;
  readonly #changes: NetworkChanges;
  /** The families that the kernel has no rules for. */
  readonly #withoutRules = new Set<IpFamily>();
  /** The rules that lead to our tables. Who holds the interface has them to itself: one that is there already is left of an earlier run. */
  #rules: MarkRule[] = [];
  /** The routes that are ours, by their text form. */
  #routes = new Map<string, Cidr>();
  /** What was refused at the last attempt. */
  #unrouted: readonly string[] = [];
  /** The hosts that our default route is not for, by their text form. */
  #exceptions = new Map<string, IpAddress>();

  /** Changes nothing yet. */
  constructor({ index, tables, kernel, log }: TunnelRoutesOptions) {
    this.#index = index;
    this.#tables = tables;
    this.#kernel = kernel;
    this.#log = log;
    this.#changes = new NetworkChanges(kernel, log);
  }

  /** Removes what an earlier run left in our tables. */
  flush(): void {
    const { tunnel, link, defaults } = this.#tables;
    for (const family of FAMILIES) {
      for (const { table } of [tunnel, link, defaults]) {
        this.#flushTable(family, table);
      }
    }
  }

  /** Makes rules and routes so. Returns the networks that are not routed, each with the reason. */
  apply({ families, routes, bypass }: WantedRoutes): string[] {
    families.forEach((family) => this.#addRules(family));
    const works = ({ family }: IpAddress) => families.includes(family);
    // Before the default routes: the connection to the portal must not notice.
    this.#setExceptions(bypass.filter(works));
    const unrouted = this.#setRoutes(routes.filter(({ ip }) => works(ip)));
    this.refreshLinkRoutes();
    return unrouted;
  }

  /** Lets neighbouring networks be reached past our default routes, as they are at present. */
  refreshLinkRoutes(): void {
    for (const family of FAMILIES) {
      this.#flushTable(family, this.#tables.link.table);
      if (this.#hasDefaultRoute(family)) this.#copyLinkRoutes(family);
    }
  }

  /** Removes the rules, and routes among those of the host. The others vanish with the interface. */
  close(): void {
    for (const rule of this.#rules) {
      this.#changes.try("remove rule", removeRule(rule));
    }
    this.#rules = [];
    for (const [text, route] of this.#routes) {
      if (!this.#withoutRules.has(route.ip.family)) continue;
      this.#remove(route);
      this.#routes.delete(text);
    }
  }

  #flushTable(family: IpFamily, table: number): void {
    const routes = this.#kernel.dump(listRoutes(family, table));
    // A table that nobody has used does not exist: nothing to flush.
    if (typeof routes === "number") return;
    for (const route of routes) {
      const request = removeListedRoute(route, table);
      if (request) this.#changes.try("flush route", request, ESRCH);
    }
  }

  #hasDefaultRoute(family: IpFamily): boolean {
    return [...this.#routes.values()].some((route) =>
      route.ip.family === family && isDefault(route)
    );
  }

  #copyLinkRoutes(family: IpFamily): void {
    const link = this.#tables.link.table;
    const routes = this.#kernel.dump(listRoutes(family, MAIN_TABLE));
    if (typeof routes === "number") return;
    for (const route of routes) {
      const copy = copyLinkRoute(route, MAIN_TABLE, link, this.#index);
      if (copy) this.#changes.try("copy link route", copy, EEXIST);
    }
  }

  #addRules(family: IpFamily): void {
    const { tunnel, link, defaults, answers } = this.#tables;
    for (const table of [tunnel, link, defaults]) {
      if (this.#withoutRules.has(family)) return;
      const mark = FIREZONE_MARK;
      this.#addRule({ family, mark, isForMarked: false, ...table });
    }
    if (answers) this.#addRule({ family, isForMarked: true, ...answers });
  }

  #addRule(rule: MarkRule): void {
    const code = this.#kernel.request(addRule(rule));
    if (isUnknown(code)) return this.#doWithout(rule.family, code);
    if (code !== 0 && code !== EEXIST) {
      return this.#changes.noteRefused("add rule", code);
    }
    if (!this.#rules.some((it) => isSameRule(it, rule))) this.#rules.push(rule);
  }

  #doWithout(family: IpFamily, code: number): void {
    if (this.#withoutRules.size === 0) {
      this.#log.log(
        "info",
        "Kernel without policy routing, routes into the tunnel are in the main table",
        { reason: errnoName(code) },
      );
    }
    this.#withoutRules.add(family);
  }

  #setRoutes(wanted: readonly Cidr[]): string[] {
    const next = new Map(wanted.map((route) => [formatCidr(route), route]));
    for (const [text, route] of this.#routes) {
      if (!next.has(text)) this.#remove(route);
    }
    const unrouted: string[] = [];
    for (const [text, route] of next) {
      const code = this.#add(route, this.#routes.has(text));
      if (code === 0) continue;
      next.delete(text);
      const refused = `${text} (${errnoName(code)})`;
      unrouted.push(refused);
      if (!this.#unrouted.includes(refused)) this.#noteUnrouted(text, code);
    }
    this.#routes = next;
    this.#unrouted = unrouted;
    return unrouted;
  }

  #noteUnrouted(network: string, code: number): void {
    const message = code === EEXIST
      ? "The host has a route of its own for a network of the tunnel, remove it and start again"
      : "A network is not routed into the tunnel";
    this.#log.log("warn", message, { network, reason: errnoName(code) });
  }

  /** Adds a route; `isOurs` if it may be there. Returns 0, or why it is not. */
  #add(route: Cidr, isOurs: boolean): number {
    const isAmongOthers = this.#withoutRules.has(route.ip.family);
    if (isAmongOthers && isDefault(route)) return EOPNOTSUPP;
    // An interface that outlives its process keeps the route of an earlier run.
    if (isAmongOthers && !isOurs) this.#remove(route);
    const table = this.#tableOf(route);
    const code = this.#kernel.request(addRoute(this.#index, table, route));
    return code === EEXIST && (isOurs || !isAmongOthers) ? 0 : code;
  }

  #remove(route: Cidr): void {
    const request = removeRoute(this.#index, this.#tableOf(route), route);
    this.#changes.try("remove route", request, ESRCH);
  }

  #setExceptions(wanted: readonly IpAddress[]): void {
    const { table } = this.#tables.defaults;
    // Without a default route there is nothing to except from.
    const hosts = wanted.filter(({ family }) =>
      !this.#withoutRules.has(family)
    );
    const next = new Map(hosts.map((host) => [formatIp(host), host]));
    for (const [text, host] of this.#exceptions) {
      if (next.has(text)) continue;
      const request = removeException(table, host);
      this.#changes.try("remove exception", request, ESRCH);
    }
    for (const host of next.values()) {
      this.#changes.try("add exception", addException(table, host), EEXIST);
    }
    this.#exceptions = next;
  }

  #tableOf(route: Cidr): number {
    if (this.#withoutRules.has(route.ip.family)) return MAIN_TABLE;
    const { defaults, tunnel } = this.#tables;
    return isDefault(route) ? defaults.table : tunnel.table;
  }
}

/** Tells whether a kernel does not know rules, or not for this family. */
function isUnknown(code: number): boolean {
  return code === EOPNOTSUPP || code === EAFNOSUPPORT;
}

function isDefault({ prefixLength }: Cidr): boolean {
  return prefixLength === 0;
}

function isSameRule(a: MarkRule, b: MarkRule): boolean {
  return a.family === b.family && a.table === b.table &&
    a.priority === b.priority;
}

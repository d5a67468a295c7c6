import assert from "node:assert/strict";
import {
  formatIp,
  type IpFamily,
  ipFromBytes,
  NO_LOG,
} from "../../lib/base/mod.ts";
import type {
  NetlinkReply,
  NetlinkRequest,
} from "../../lib/io/netlink_message.ts";
import type { RouteKernel } from "../../lib/io/network_changes.ts";
import { routingTables } from "../../lib/io/routing_tables.ts";
import { TunnelRoutes, type WantedRoutes } from "../../lib/io/tunnel_routes.ts";
import { cidrOf, ipOf } from "../support/gateway_harness.ts";

const EPERM = 1;
const ESRCH = 3;
const EEXIST = 17;
const EOPNOTSUPP = 95;
const EAFNOSUPPORT = 97;

const MAIN = 254;
const OURS = 0x2021fd00;
const DEFAULTS = 0x2021fd02;

const TUN = 7;
const OTHER_DEVICE = 3;

/** What a gateway wants. */
const WANTED: WantedRoutes = {
  families: [4, 6],
  routes: [cidrOf("100.64.0.0/11"), cidrOf("fd00:2021:1111::/107")],
  bypass: [],
};

Deno.test("routes into the tunnel are in a table of ours that rules of both families lead to", () => {
  const { kernel, logged, routes } = routesOn("tun-firezone");

  const unrouted = routes.apply(WANTED);

  assert.deepEqual(unrouted, []);
  assert.deepEqual(kernel.routes, [
    `100.64.0.0/11 dev ${TUN} table ${OURS}`,
    `fd00:2021:1111::/107 dev ${TUN} table ${OURS}`,
  ]);
  assert.deepEqual(kernel.rules, [
    ...["4: 100", "4: 200", "4: 300"],
    ...["6: 100", "6: 200", "6: 300"],
  ]);
  assert.deepEqual(logged, []);
});

for (const code of [EOPNOTSUPP, EAFNOSUPPORT]) {
  Deno.test(`a kernel without policy routing (error ${code}) routes by the main table, which is said once, and has nothing left in it at the end`, () => {
    const { kernel, logged, routes } = routesOn("tun-firezone");
    kernel.ruleRefusal = () => code;

    const first = routes.apply(WANTED);
    const again = routes.apply(WANTED);
    const during = [...kernel.routes];
    routes.close();

    assert.deepEqual([first, again], [[], []]);
    assert.deepEqual(during, [
      `100.64.0.0/11 dev ${TUN} table ${MAIN}`,
      `fd00:2021:1111::/107 dev ${TUN} table ${MAIN}`,
    ]);
    assert.deepEqual(logged, [
      "info Kernel without policy routing, routes into the tunnel are in the main table",
    ]);
    assert.deepEqual(kernel.routes, []);
    assert.equal(kernel.ruleRequests, 2);
  });
}

Deno.test("only the family that has no rules routes by the main table", () => {
  const { kernel, routes } = routesOn("tun-firezone");
  kernel.ruleRefusal = (family) => family === 6 ? EAFNOSUPPORT : 0;

  routes.apply(WANTED);

  assert.deepEqual(kernel.routes, [
    `100.64.0.0/11 dev ${TUN} table ${OURS}`,
    `fd00:2021:1111::/107 dev ${TUN} table ${MAIN}`,
  ]);
});

Deno.test("a route that somebody else has in the main table stays, and the network is reported as not routed until that one is gone", () => {
  const { kernel, logged, routes } = routesOn("tun-firezone");
  kernel.ruleRefusal = () => EOPNOTSUPP;
  const foreign = `100.64.0.0/11 dev ${OTHER_DEVICE} table ${MAIN}`;
  kernel.routes.push(foreign);

  const blocked = [routes.apply(WANTED), routes.apply(WANTED)];
  const during = [...kernel.routes];
  kernel.routes = kernel.routes.filter((it) => it !== foreign);
  const free = routes.apply(WANTED);

  assert.deepEqual(blocked, [
    ["100.64.0.0/11 (EEXIST)"],
    ["100.64.0.0/11 (EEXIST)"],
  ]);
  assert.ok(during.includes(foreign));
  assert.deepEqual(logged.slice(1), [
    "warn The host has a route of its own for a network of the tunnel, remove it and start again",
  ]);
  assert.deepEqual(free, []);
});

Deno.test("a route that an earlier run left in the main table is taken over", () => {
  const { kernel, logged, routes } = routesOn("tun-firezone");
  kernel.ruleRefusal = () => EOPNOTSUPP;
  kernel.routes.push(`100.64.0.0/11 dev ${TUN} table ${MAIN}`);

  assert.deepEqual(routes.apply(WANTED), []);
  assert.equal(logged.length, 1);
});

Deno.test("without policy routing there is neither default route nor exception from it, which would cut the host off", () => {
  const { kernel, routes } = routesOn("tun-firezone");
  kernel.ruleRefusal = () => EOPNOTSUPP;

  const unrouted = routes.apply({
    ...WANTED,
    routes: [...WANTED.routes, cidrOf("0.0.0.0/0")],
    bypass: [ipOf("203.0.113.9")],
  });

  assert.deepEqual(unrouted, ["0.0.0.0/0 (EOPNOTSUPP)"]);
  assert.equal(kernel.routes.length, 2);
});

Deno.test("with policy routing a default route and its exceptions are in a table of their own", () => {
  const { kernel, routes } = routesOn("tun-firezone");

  routes.apply({
    families: [4],
    routes: [cidrOf("0.0.0.0/0")],
    bypass: [ipOf("203.0.113.9")],
  });
  routes.apply({ families: [4], routes: [], bypass: [] });

  assert.deepEqual(kernel.history, [
    `203.0.113.9/32 table ${DEFAULTS}`,
    `0.0.0.0/0 dev ${TUN} table ${DEFAULTS}`,
  ]);
  assert.deepEqual(kernel.routes, []);
});

Deno.test("any other refusal of a rule is a warning, and of a route a network that is not routed", () => {
  const { kernel, logged, routes } = routesOn("tun-firezone");
  kernel.ruleRefusal = (family) => family === 4 ? EPERM : 0;
  kernel.routeRefusal = EPERM;

  const unrouted = routes.apply({ ...WANTED, families: [4] });

  assert.deepEqual(unrouted, ["100.64.0.0/11 (EPERM)"]);
  assert.deepEqual(logged, [
    ...Array(3).fill("warn Network configuration refused"),
    "warn A network is not routed into the tunnel",
  ]);
});

function routesOn(tunName: string) {
  const kernel = new ScriptedKernel();
  const logged: string[] = [];
  const routes = new TunnelRoutes({
    index: TUN,
    tables: routingTables(tunName),
    kernel,
    log: {
      ...NO_LOG,
      log: (level, message) => void logged.push(`${level} ${message}`),
    },
  });
  return { kernel, logged, routes };
}

/** Message types and attributes of rtnetlink. */
const NEW_ROUTE = 24;
const DELETE_ROUTE = 25;
const NEW_RULE = 32;
const DELETE_RULE = 33;
const DESTINATION = 1;
const OUTPUT = 4;
const TABLE = 15;
const RULE_PRIORITY = 6;
const AF_INET = 2;

/** Keeps rules and routes as the kernel does, by what `ip` would print of them. */
class ScriptedKernel implements RouteKernel {
  rules: string[] = [];
  routes: string[] = [];
  /** All routes that ever were. */
  readonly history: string[] = [];
  ruleRequests = 0;
  ruleRefusal: (family: IpFamily) => number = () => 0;
  routeRefusal = 0;

  request(request: NetlinkRequest): number {
    const family = request.body[0] === AF_INET ? 4 : 6;
    switch (request.type) {
      case NEW_RULE:
        this.ruleRequests++;
        return this.ruleRefusal(family) ||
          added(this.rules, `${family}: ${valueOf(request, RULE_PRIORITY)}`);
      case DELETE_RULE:
        return removed(
          this.rules,
          `${family}: ${valueOf(request, RULE_PRIORITY)}`,
        );
      case NEW_ROUTE: {
        if (this.routeRefusal !== 0) return this.routeRefusal;
        const route = textOf(request);
        if (this.routes.some((it) => keyOf(it) === keyOf(route))) return EEXIST;
        this.history.push(route);
        return added(this.routes, route);
      }
      case DELETE_ROUTE:
        return removed(this.routes, textOf(request));
    }
    throw new Error(`Unknown request: ${request.type}`);
  }

  dump(): NetlinkReply[] {
    return [];
  }
}

function added(list: string[], entry: string): number {
  if (list.includes(entry)) return EEXIST;
  list.push(entry);
  return 0;
}

function removed(list: string[], entry: string): number {
  const at = list.indexOf(entry);
  if (at < 0) return ESRCH;
  list.splice(at, 1);
  return 0;
}

function valueOf(request: NetlinkRequest, type: number): unknown {
  return request.attributes.find((it) => it.type === type)?.value;
}

function textOf(request: NetlinkRequest): string {
  const destination = formatIp(
    ipFromBytes(valueOf(request, DESTINATION) as Uint8Array),
  );
  const device = valueOf(request, OUTPUT);
  return `${destination}/${request.body[1]}` +
    (device === undefined ? "" : ` dev ${device}`) +
    ` table ${valueOf(request, TABLE)}`;
}

/** Two routes with the same network and table exclude each other, whatever their device. */
function keyOf(route: string): string {
  return route.replace(/ dev \d+/, "");
}

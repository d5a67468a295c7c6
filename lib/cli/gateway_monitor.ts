import { type IpAddress, type Logger, unixMs } from "../base/mod.ts";
import type { GatewayInput } from "../gateway/mod.ts";
import {
  Clock,
  HttpServer,
  LinkEvents,
  LinkProbe,
  type LinkState,
  ListenError,
  processUsage,
  ServiceManager,
} from "../io/mod.ts";
import type { GatewayRequest } from "../portal/mod.ts";
import {
  answerControl,
  answerHealth,
  type ControlTarget,
  describeReadiness,
  type DrainStatus,
  GatewayObserver,
} from "../status/mod.ts";
import { hostName } from "./examine.ts";
import type { GatewaySettings } from "./gateway_settings.ts";
import type { NodeContext, PortalNews } from "./node_runner.ts";
import { StatusPage } from "./status_page.ts";
import { VERSION } from "./version.ts";

/** How often the interface is looked at, in ms. */
const LINK_INTERVAL_MS = 500;

/** How often the status page remembers how the gateway does, in ms. */
const SAMPLE_INTERVAL_MS = 1_000;

/** How often the service manager is told how we are when it does not say how often, in ms. */
const STATUS_INTERVAL_MS = 10_000;

/** Longest wait for an answer of the data worker, in ms. */
const ANSWER_LIMIT_MS = 800;

/** What a monitor works with. */
export interface GatewayMonitorOptions {
  /** Where it serves. */
  readonly settings: GatewaySettings;
  /** The gateway. */
  readonly context: NodeContext<GatewayRequest, GatewayInput>;
}

/** Watches over a gateway: serves health checks, metrics and the control socket, tells the service manager, keeps the interface configured, drains. */
export class GatewayMonitor implements ControlTarget {
  /** What is known. */
  readonly observer: GatewayObserver;
  readonly #options: GatewayMonitorOptions;
  readonly #log: Logger;
  readonly #link: LinkProbe;
  readonly #linkEvents: LinkEvents;
  readonly #manager: ServiceManager;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #servers: Promise<HttpServer | undefined>[];
  /** How the interface was at the last look; `new` before it was configured. */
  #linkState: LinkState["state"] | "new" = "new";
  #isReadyTold = false;
  #drain: Promise<void> | undefined;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;

  /** Starts to watch. */
  constructor(options: GatewayMonitorOptions) {
    const { settings, context } = options;
    const clock = new Clock();
    this.#options = options;
    this.#log = context.sink.logger("monitor");
    this.#link = new LinkProbe(settings.tunName);
    this.#linkEvents = new LinkEvents(settings.tunName);
    this.#manager = serviceManager();
    this.observer = new GatewayObserver({
      version: VERSION,
      interfaceName: settings.tunName,
      snapshot: (detailed) =>
        context.plane.snapshot(ANSWER_LIMIT_MS, { detailed }),
      link: () => this.#watchLink(),
      usage: processUsage,
      now: () => clock.now(),
      unixNow: () => unixMs(Date.now()),
    });
    this.#servers = [
      this.#serveHealth(),
      this.#serveControl(),
      this.#servePage(clock),
    ];
    const tellMs = this.#manager.watchdogMs === undefined
      ? STATUS_INTERVAL_MS
      : this.#manager.watchdogMs / 2;
    this.#timers = [
      setInterval(() => this.#watchLink(), LINK_INTERVAL_MS),
      setInterval(() => void this.#tellManager(), tellMs),
    ];
  }

  /** Hears how the connection to the portal is. */
  handlePortal(news: PortalNews): void {
    if (news.kind === "disconnected") {
      return this.observer.noteDisconnected(news.reason);
    }
    this.observer.noteJoined();
    if (!this.#isReadyTold) this.#manager.tell({ READY: 1 });
    this.#isReadyTold = true;
    void this.#tellManager();
  }

  /** Hears which addresses the interface has, and what is not routed into it. */
  handleInterface(
    { ipv4, ipv6, unrouted }: {
      readonly ipv4: IpAddress | undefined;
      readonly ipv6: IpAddress | undefined;
      readonly unrouted: readonly string[];
    },
  ): void {
    const addresses = [ipv4, ipv6].filter((ip) => ip !== undefined);
    this.observer.noteInterface(addresses, unrouted);
    if (this.#linkState !== "new") return;
    // From here on it is a fault when it goes down.
    this.#linkEvents.wasDown();
    this.#linkState = "up";
  }

  /** Hears that no client is left. */
  handleDrained(): void {
    this.#options.context.finish("drained");
  }

  /** Hears that the program begins to stop. */
  handleStopping(): void {
    this.#timers.forEach(clearInterval);
    clearTimeout(this.#drainTimer);
    this.#manager.tell({ STOPPING: 1, STATUS: "Taking leave of clients" });
  }

  /** Tells everything. */
  status(): ReturnType<ControlTarget["status"]> {
    return this.observer.status();
  }

  /** Leaves the portal, so that it prefers other gateways, and ends once no client is left or the time is over. */
  async drain(timeoutMs: number): Promise<Omit<DrainStatus, "clientsLeft">> {
    const { finish } = this.#options.context;
    const until = unixMs(Date.now() + timeoutMs);
    this.#log.log("info", "Draining", {
      until: new Date(until).toISOString(),
    });
    const drain = this.observer.noteDrain(until);
    clearTimeout(this.#drainTimer);
    this.#drainTimer = setTimeout(
      () => finish("drain timed out"),
      timeoutMs,
    );
    this.#drain ??= this.#leave();
    await this.#drain;
    return drain;
  }

  /** Changes which log lines there are. */
  setLogFilter(directives: string): string | undefined {
    const refused = this.#options.context.filter.set(directives);
    if (refused) return refused.malformed;
    this.#log.log("info", "Log filter changed", {
      cause: "control socket",
      filter: directives || "configured",
    });
    return undefined;
  }

  /** Stops watching. */
  async stop(): Promise<void> {
    const servers = await Promise.all(this.#servers);
    await Promise.all(servers.map((server) => server?.close()));
    this.#link.close();
    this.#linkEvents.close();
    this.#manager.close();
  }

  async #leave(): Promise<void> {
    const { portal, tell } = this.#options.context;
    await portal.leave();
    this.observer.noteDisconnected(null);
    tell({ kind: "drain" });
    await this.#tellManager();
  }

  /** Looks at the interface. One that was down lost its routes and IPv6 addresses, however soon it came back. */
  #watchLink(): LinkState {
    const link = this.#link.read();
    if (this.#linkState === "new") return link;
    const wasDown = this.#linkEvents.wasDown() || link.state !== "up";
    if (!wasDown && this.#linkState === "up") return link;
    const fields = { interface: this.#options.settings.tunName };
    if (this.#linkState === "up") {
      this.observer.noteInterfaceLost();
      this.#log.log("warn", "Interface does not carry packets", fields);
    }
    if (link.state === "up") {
      this.#log.log("info", "Interface is up again", fields);
      this.#options.context.plane.restoreInterface();
    }
    this.#linkState = link.state;
    return link;
  }

  async #tellManager(): Promise<void> {
    if (!this.#manager.isThere) return;
    const readiness = await this.observer.readiness();
    const isAlive = readiness.checks.every(({ name, ok }) =>
      name !== "data-plane" || ok
    );
    this.#manager.tell({
      STATUS: describeReadiness(readiness),
      ...(isAlive ? { WATCHDOG: 1 } : {}),
    });
  }

  async #serveHealth(): Promise<HttpServer | undefined> {
    const { healthCheckAddress } = this.#options.settings;
    return await this.#serve(
      "Health checks and metrics are not served",
      "choose another address with --health-check-addr",
      () =>
        Promise.resolve(
          HttpServer.listen(
            healthCheckAddress,
            (request) => answerHealth(request, this.observer),
          ),
        ),
    );
  }

  async #serveControl(): Promise<HttpServer | undefined> {
    const { controlSocket } = this.#options.settings;
    return await this.#serve(
      "The commands status, drain and log-level have no gateway to talk to",
      "choose another path below /run with --control-socket, whose directory the gateway may write to",
      () =>
        HttpServer.listenOnSocket(
          controlSocket,
          (request) => answerControl(request, this),
        ),
    );
  }

  async #servePage(clock: Clock): Promise<HttpServer | undefined> {
    const { statusPage } = this.#options.settings;
    if (statusPage === "off") return undefined;
    const page = new StatusPage({
      observer: this.observer,
      hostName: hostName(),
      now: () => clock.now(),
      unixNow: () => Date.now(),
    });
    const server = await this.#serve(
      "The status page is not served",
      "choose another address with --status-page, or off",
      () =>
        Promise.resolve(
          HttpServer.listen(
            statusPage.address,
            (request) => page.answer(request),
          ),
        ),
      statusPage.isAsked,
    );
    if (server) {
      this.#timers.push(
        setInterval(() => void page.sample(), SAMPLE_INTERVAL_MS),
      );
    }
    return server;
  }

  /** A gateway goes on without being watched. A path that we may not write to is usual for one that is tried out by hand. */
  async #serve(
    message: string,
    wayOut: string,
    start: () => Promise<HttpServer>,
    isExpected = true,
  ): Promise<HttpServer | undefined> {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      const isUsual = error.obstacle === "forbidden" || !isExpected;
      const level = isUsual ? "info" : "warn";
      const reason = `${error.message}; ${wayOut}`;
      this.#log.log(level, message, { reason });
      return undefined;
    }
  }
}

function serviceManager(): ServiceManager {
  return new ServiceManager({
    socket: Deno.env.get("NOTIFY_SOCKET"),
    watchdogUsec: Deno.env.get("WATCHDOG_USEC"),
    watchdogPid: Deno.env.get("WATCHDOG_PID"),
    pid: Deno.pid,
  });
}

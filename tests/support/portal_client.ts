import assert from "node:assert/strict";
import {
  instant,
  type IpAddress,
  type LogFields,
  type Logger,
  type LogLevel,
  parseIp,
  unixMs,
} from "../../lib/base/mod.ts";
import {
  PortalConnection,
  type PortalConnectionOptions,
  type PortalEvent,
} from "../../lib/io/portal_connection.ts";
import {
  GATEWAY_PROFILE,
  type GatewayMessage,
  gatewayParameters,
  type GatewayRequest,
  loginUrl,
} from "../../lib/portal/mod.ts";
import { type Answer, FakePortal } from "./fake_portal.ts";
import { SeededRandom } from "./random.ts";

/** No test waits longer for anything. */
const PATIENCE_MS = 10_000;

const TOKEN = " .SFMyNTY.g2gD\nbQAA.secret ";
/** The token as it is sent. */
export const CLEAN_TOKEN = ".SFMyNTY.g2gDbQAA.secret";
/** The user agent as it is sent. */
export const USER_AGENT = "Debian/12.0.0 gateway/1.6.0 (x86_64; 6.1.0)";

/** What a test may change about a connection. */
export type Options = PortalConnectionOptions<GatewayMessage, GatewayRequest>;

/** A gateway's connection whose events can be waited for. */
export class PortalClient {
  readonly connection: PortalConnection<GatewayMessage, GatewayRequest>;
  readonly events: PortalEvent<GatewayMessage>[] = [];
  readonly logged: string[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(apiUrl: string, options: Partial<Options> = {}) {
    const url = loginUrl(
      apiUrl,
      GATEWAY_PROFILE,
      gatewayParameters({
        identity: "gw-1",
        name: "edge gw",
        publicKey: new Uint8Array(32).fill(2),
      }),
    );
    assert.ok(url.ok);
    this.connection = new PortalConnection({
      profile: GATEWAY_PROFILE,
      url: url.value,
      credentials: { token: TOKEN, userAgent: USER_AGENT },
      capabilities: { iceless: false },
      now: () => instant(performance.now()),
      unixNow: () => unixMs(Date.now()),
      random: new SeededRandom(3),
      log: this.#logger(),
      onEvent: (event) => {
        this.events.push(event);
        for (const wake of this.#waiting.splice(0)) wake();
      },
      ...options,
    });
    this.connection.start();
  }

  /** Waits for the event of `kind` number `index`. */
  async event<K extends PortalEvent<GatewayMessage>["kind"]>(
    kind: K,
    index = 0,
  ): Promise<Extract<PortalEvent<GatewayMessage>, { kind: K }>> {
    for (;;) {
      const found = this.events.filter((event) => event.kind === kind)[index];
      if (found) {
        return found as Extract<PortalEvent<GatewayMessage>, { kind: K }>;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #logger(): Logger {
    const logger: Logger = {
      enabled: () => true,
      log: (level: LogLevel, message: string, fields?: LogFields) => {
        this.logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
      },
      child: () => logger,
    };
    return logger;
  }
}

/** Runs a test against fake portals, bounded in time, and closes everything. */
export function portalTest(
  name: string,
  run: (tools: {
    listen: typeof FakePortal.listen;
    client: (apiUrl: string, options?: Partial<Options>) => PortalClient;
  }) => Promise<void>,
): void {
  Deno.test(name, async () => {
    const portals: FakePortal[] = [];
    const clients: PortalClient[] = [];
    const timer = setTimeout(() => {
      console.error(`Out of patience: ${name}`);
      Deno.exit(1);
    }, PATIENCE_MS * 2);
    try {
      await run({
        listen: (options) => {
          const portal = FakePortal.listen(options);
          portals.push(portal);
          return portal;
        },
        client: (apiUrl, options) => {
          const client = new PortalClient(apiUrl, options);
          clients.push(client);
          return client;
        },
      });
    } finally {
      clearTimeout(timer);
      await Promise.all(clients.map((client) => client.connection.stop()));
      for (const portal of portals) portal.close();
    }
    for (const client of clients) {
      const text = client.logged.join("\n") + JSON.stringify(client.events);
      assert.ok(!text.includes("secret"), "the token is in logs or events");
    }
  });
}

export function urlOf(portal: FakePortal, path = ""): string {
  return `ws://127.0.0.1:${portal.port}${path}`;
}

export function ip(text: string): IpAddress {
  const parsed = parseIp(text);
  assert.ok(parsed);
  return parsed;
}

export function answers(...all: Answer[]): Answer[] {
  return all;
}

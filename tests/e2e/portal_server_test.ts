import assert from "node:assert/strict";
import * as ws from "ws";
import {
  type Epoch,
  formatIp,
  type Instant,
  instant,
  NO_LOG,
  parseSocketAddress,
  unixMs,
} from "../../lib/base/mod.ts";
import { parsePolicy, type Policy } from "../../lib/control/mod.ts";
import { PortalServer } from "../../lib/io/portal_server.ts";
import { SeededRandom } from "../support/random.ts";

const GATEWAY_KEY = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const QUERY = `external_id=x&name=x&public_key=${
  encodeURIComponent(GATEWAY_KEY)
}`;
const OPEN = 1; // WebSocket.readyState
const NETWORK_ID = "66666666-ffff-4fff-8fff-666666666666";
const GATEWAY = ["/gateway/v2/websocket", ".gateway", "gateway/1.6.0"] as const;
const CLIENT = [
  "/client/v2/websocket",
  "n.client",
  "headless-client/1.5.11",
] as const;

Deno.test("[portal 86] a gateway joins over a real socket and its heartbeats are answered", async () => {
  await using lab = await Lab.start();
  const gateway = await lab.connect(...GATEWAY);

  gateway.send({ topic: "gateway", event: "phx_join", payload: null, ref: 0 });
  const reply = await gateway.next();
  const init = await gateway.next();
  gateway.send({ topic: "phoenix", event: "heartbeat", payload: {}, ref: 1 });
  const heartbeat = await gateway.next();

  const payload = { status: "ok", response: {} };
  assert.deepEqual(reply, {
    topic: "gateway",
    event: "phx_reply",
    payload,
    ref: 0,
  });
  assert.equal(init.event, "init");
  assert.deepEqual(heartbeat, {
    topic: "phoenix",
    event: "phx_reply",
    payload,
    ref: 1,
  });
});

Deno.test("an authorization goes from a client to a gateway and back over real sockets", async () => {
  await using lab = await Lab.start();
  const gateway = await lab.join("gateway", ...GATEWAY);
  const client = await lab.join("client", ...CLIENT);

  client.send({
    topic: "client",
    event: "request_authorization",
    payload: { resource_id: NETWORK_ID, connected_gateway_ids: [] },
    ref: 1,
  });
  const grant = await gateway.nextEvent("create_authorization");
  gateway.send({
    topic: "gateway",
    event: "authorization_created",
    payload: { ref: grant.payload.ref },
    ref: 1,
  });
  const created = await client.nextEvent("authorization_created");

  assert.equal(
    created.payload.preshared_key,
    grant.payload.client.preshared_key,
  );
});

Deno.test("a refused upgrade carries status, header fields and body", async () => {
  await using lab = await Lab.start();

  const refusal = await lab.refused("/gateway/v2/websocket", "wrong");

  assert.equal(refusal.status, 401);
  assert.equal(
    refusal.headers["content-type"],
    "application/problem+json; charset=utf-8",
  );
  assert.equal(JSON.parse(refusal.body).code, "invalid_token");
});

Deno.test("[portal 87] the slot of a gateway is free as soon as its socket is gone", async () => {
  await using lab = await Lab.start();
  const first = await lab.join("gateway", ...GATEWAY);

  const refusal = await lab.refused(GATEWAY[0], GATEWAY[1]);
  assert.equal(refusal.status, 409);

  await first.close();
  await lab.until(() => lab.joinedCount() === 0);
  await lab.join("gateway", ...GATEWAY);
});

Deno.test("a fault can answer any status with Retry-After", async () => {
  await using lab = await Lab.start();
  lab.server.inject((control) => {
    control.faults.refuseUpgrades = {
      status: 429,
      headers: { "Retry-After": "7" },
      body: "slow down",
    };
  });

  const refusal = await lab.refused(GATEWAY[0], GATEWAY[1]);

  assert.deepEqual(
    [refusal.status, refusal.headers["retry-after"], refusal.body],
    [429, "7", "slow down"],
  );
});

Deno.test("a request that is no upgrade is answered 400, one with an endless head too", async () => {
  await using lab = await Lab.start();
  const { ip, port } = lab.server.addresses[0]!;

  const response = await fetch(`http://${formatIp(ip)}:${port}/`);
  await response.body?.cancel();
  assert.equal(response.status, 400);

  assert.match(await lab.raw("nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(
    await lab.raw(`GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}`),
    /^HTTP\/1\.1 400 /,
  );
});

Deno.test("a message above 8,000,000 bytes ends the socket with 1009", async () => {
  await using lab = await Lab.start();
  const gateway = await lab.join("gateway", ...GATEWAY);

  gateway.sendText("x".repeat(8_000_001));

  assert.equal(await gateway.closed, 1009);
});

Deno.test("a malformed envelope ends the socket with 1011", async () => {
  await using lab = await Lab.start();
  const gateway = await lab.join("gateway", ...GATEWAY);

  gateway.sendText("{");

  assert.equal(await gateway.closed, 1011);
});

Deno.test("the core's timers run: a relay is announced one second after it joined", async () => {
  await using lab = await Lab.start();
  const gateway = await lab.join("gateway", ...GATEWAY);
  const relay = await lab.connect(
    "/relay/websocket?ipv4=198.51.100.7&",
    ".relay",
    "relay/1.6.0",
  );

  const payload = { stamp_secret: "a".repeat(64) };
  relay.send({ topic: "relay", event: "phx_join", payload, ref: 0 });

  const presence = await gateway.nextEvent("relays_presence");
  assert.equal(presence.payload.connected[0].addr, "198.51.100.7:3478");
});

Deno.test("pings keep a socket open", async () => {
  const clock = new TestClock();
  await using lab = await Lab.start(clock);
  const quiet = await lab.join("gateway", ...GATEWAY);
  const pinging = await lab.join("client", ...CLIENT);

  clock.skip(30_000);
  const answered = new Promise<void>((resolve) =>
    pinging.socket.on("pong", resolve)
  );
  pinging.socket.ping();
  await answered;
  clock.skip(30_000);
  lab.server.inject((control, now) => control.handleTimeout(now));

  assert.equal(await quiet.closed, 1002);
  assert.equal(pinging.socket.readyState, OPEN);
});

Deno.test("an edited policy takes effect at once", async () => {
  await using lab = await Lab.start();
  const client = await lab.join("client", ...CLIENT);
  const file = policyFile();

  lab.server.setPolicy(policyOf({ ...file, policies: [] }));

  const deleted = await client.nextEvent("resource_deleted");
  assert.equal(deleted.payload, NETWORK_ID);
});

Deno.test("a control call over HTTP revokes access, and is refused without its token", async () => {
  await using lab = await Lab.start();
  const { control_token } = policyFile();
  const gateway = await lab.join("gateway", ...GATEWAY);
  const { port } = lab.server.addresses[0]!;
  const url = `http://127.0.0.1:${port}/control/revoke-access` +
    "?client=laptop&gateway=gw&resource=Net";
  const headers = { authorization: `Bearer ${control_token}` };

  const refused = await fetch(url, { method: "POST" });
  const answered = await fetch(url, { method: "POST", headers });

  assert.equal(refused.status, 401);
  assert.equal((await refused.json()).code, "missing_token");
  assert.equal(answered.status, 200);
  assert.deepEqual(await answered.json(), { revoked: ["Net"] });
  const rejected = await gateway.nextEvent("reject_access");
  assert.equal(rejected.payload.resource_id, NETWORK_ID);
});

Deno.test("closing the server closes its sockets with 1012 and does not wait for peers that do not answer", async () => {
  const lab = await Lab.start();
  const gateway = await lab.join("gateway", ...GATEWAY);
  const silent = await lab.openSilently();

  await lab.server.close();

  assert.equal(await gateway.closed, 1012);
  silent.close();
});

Deno.test("an address that is taken is refused by name", async () => {
  await using lab = await Lab.start();
  const [taken] = lab.server.addresses;

  await assert.rejects(
    Lab.start(new TestClock(), [taken!]),
    new RegExp(`Cannot listen on 127.0.0.1:${taken!.port}: EADDRINUSE`),
  );
});

/** A server on a free port of loopback, and its peers. */
class Lab {
  readonly server: PortalServer;
  readonly #peers: Peer[] = [];

  private constructor(server: PortalServer) {
    this.server = server;
  }

  static async start(
    clock = new TestClock(),
    listen = [parseSocketAddress("127.0.0.1:0")!],
  ): Promise<Lab> {
    return new Lab(
      await PortalServer.listen({
        listen,
        policy: policyOf(policyFile()),
        clock,
        random: new SeededRandom(1),
        log: NO_LOG,
      }),
    );
  }

  async connect(path: string, token: string, agent: string): Promise<Peer> {
    const peer = new Peer(
      new WebSocket(this.#url(path), options(token, agent)),
    );
    this.#peers.push(peer);
    await peer.opened;
    return peer;
  }

  async join(
    topic: string,
    path: string,
    token: string,
    agent: string,
  ): Promise<Peer> {
    const peer = await this.connect(path, token, agent);
    peer.send({ topic, event: "phx_join", payload: null, ref: 0 });
    await peer.nextEvent("init");
    return peer;
  }

  refused(path: string, token: string): Promise<Refused> {
    const socket = new WebSocket(
      this.#url(path),
      options(token, "gateway/1.6.0"),
    );
    return new Promise((resolve, reject) => {
      socket.on("open", () => reject(new Error("Was accepted")));
      socket.on("error", reject);
      socket.on("unexpected-response", (_request, response) => {
        let body = "";
        response.on("data", (chunk) => body += String(chunk));
        response.on("end", () => {
          const { statusCode: status, headers } = response;
          resolve({ status, headers, body });
        });
      });
    });
  }

  /** Sends bytes over TCP and returns all that comes back. */
  async raw(text: string): Promise<string> {
    using stream = await this.openSilently();
    await stream.write(new TextEncoder().encode(text));
    return await new Response(stream.readable).text().catch(() => "");
  }

  openSilently(): Promise<Deno.TcpConn> {
    const { port } = this.server.addresses[0]!;
    return Deno.connect({ hostname: "127.0.0.1", port });
  }

  joinedCount(): number {
    return this.server.inject((control) => control.snapshot()).length;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await Promise.all(this.#peers.map((peer) => peer.closed));
  }

  #url(path: string): string {
    return `ws://127.0.0.1:${this.server.addresses[0]!.port}${path}${
      path.includes("?") ? "" : "?"
    }${QUERY}`;
  }
}

interface ClientOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly perMessageDeflate: boolean;
}

/** The part of the client of `ws` that we use. */
interface ClientSocket {
  readonly readyState: number;
  send(text: string): void;
  ping(): void;
  close(code: number): void;
  on(event: "open" | "pong", then: () => void): void;
  on(event: "error", then: (error: Error) => void): void;
  on(event: "close", then: (code: number) => void): void;
  on(event: "message", then: (data: Uint8Array) => void): void;
  on(
    event: "unexpected-response",
    then: (request: unknown, response: ClientResponse) => void,
  ): void;
}

interface ClientResponse {
  readonly statusCode: number;
  readonly headers: Refused["headers"];
  on(event: "data", then: (chunk: Uint8Array) => void): void;
  on(event: "end", then: () => void): void;
}

const { WebSocket } = ws as unknown as {
  readonly WebSocket: new (url: string, options: ClientOptions) => ClientSocket;
};

interface Refused {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

// deno-lint-ignore no-explicit-any
type Json = any;

class Peer {
  readonly socket: ClientSocket;
  readonly opened: Promise<void>;
  /** The code that the socket was closed with. */
  readonly closed: Promise<number>;
  readonly #frames: Json[] = [];
  #wake: () => void = () => {};

  constructor(socket: ClientSocket) {
    this.socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.on("open", () => resolve());
      socket.on("error", reject);
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code) => resolve(code));
    });
    socket.on("message", (data) => {
      this.#frames.push(JSON.parse(String(data)));
      this.#wake();
    });
  }

  send(frame: unknown): void {
    this.sendText(JSON.stringify(frame));
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  async next(): Promise<Json> {
    while (this.#frames.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#frames.shift();
  }

  async nextEvent(event: string): Promise<Json> {
    for (;;) {
      const frame = await this.next();
      if (frame.event === event) return frame;
    }
  }

  async close(): Promise<void> {
    this.socket.close(1000);
    await this.closed;
  }
}

/** The real clock, which can be moved ahead. */
class TestClock {
  #skippedMs = 0;

  skip(ms: number): void {
    this.#skippedMs += ms;
  }

  now(): Instant {
    return instant(performance.now() + this.#skippedMs);
  }

  epoch(): Epoch {
    return { instant: this.now(), unix: unixMs(Date.now()) };
  }
}

function options(token: string, agent: string): ClientOptions {
  return {
    headers: { "X-Authorization": `Bearer ${token}`, "User-Agent": agent },
    perMessageDeflate: false,
  };
}

function policyFile() {
  return {
    secret: "test",
    control_token: "let-me",
    sites: [{ name: "HQ" }],
    gateways: [{ name: "gw", site: "HQ", token: ".gateway" }],
    clients: [{ name: "laptop", token: "n.client" }],
    relays: [{ name: "relay", token: ".relay" }],
    resources: [{
      name: "Net",
      id: NETWORK_ID,
      type: "cidr",
      address: "10.20.0.0/16",
      site: "HQ",
    }],
    policies: [{ client: "*", resource: "*" }],
  };
}

function policyOf(file: unknown): Policy {
  const policy = parsePolicy(JSON.stringify(file));
  if (!policy.ok) throw new Error(policy.error.join("\n"));
  return policy.value;
}

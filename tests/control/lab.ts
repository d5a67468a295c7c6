import assert from "node:assert/strict";
import {
  after,
  type Instant,
  instant,
  NO_LOG,
  parseIp,
  unixMs,
} from "../../lib/base/mod.ts";
import {
  type ConnectAnswer,
  Control,
  parsePolicy,
  type Policy,
} from "../../lib/control/mod.ts";
import { SeededRandom } from "../support/random.ts";

/** 2026-08-18T00:00:00Z. */
export const START_UNIX_S = 1_787_011_200;

/** 32 × 0x01 and so on, as a login parameter. */
export const CLIENT_KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
export const GATEWAY_KEY = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
export const OTHER_KEY = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";

export const CLIENT_ID = "11111111-aaaa-4aaa-8aaa-111111111111";
export const GATEWAY_ID = "22222222-bbbb-4bbb-8bbb-222222222222";
export const NETWORK_ID = "66666666-ffff-4fff-8fff-666666666666";
export const SITE_ID = "88888888-0000-4000-8000-888888888888";

/** A policy file with one of everything. Tests edit a copy. */
// deno-lint-ignore no-explicit-any
export function policyFile(): any {
  return {
    secret: "test",
    account: "acme",
    sites: [{ name: "HQ", id: SITE_ID }],
    gateways: [
      {
        name: "gw",
        id: GATEWAY_ID,
        site: "HQ",
        token: ".gateway",
        ipv4: "100.64.0.1",
        ipv6: "fd00:2021:1111::1",
      },
    ],
    clients: [
      {
        name: "laptop",
        id: CLIENT_ID,
        token: "n.client",
        ipv4: "100.64.0.2",
        ipv6: "fd00:2021:1111::2",
      },
    ],
    relays: [
      { name: "relay-1", token: ".relay-1" },
      { name: "relay-2", token: ".relay-2" },
      { name: "relay-3", token: ".relay-3" },
    ],
    resources: [{
      name: "Net",
      id: NETWORK_ID,
      type: "cidr",
      address: "10.20.0.0/16",
      site: "HQ",
    }],
    policies: [{ client: "laptop", resource: "Net" }],
  };
}

/** Parses a policy that the test wrote, so it must be right. */
export function policyOf(file: unknown): Policy {
  const policy = parsePolicy(JSON.stringify(file));
  if (!policy.ok) throw new Error(policy.error.join("\n"));
  return policy.value;
}

// deno-lint-ignore no-explicit-any
export type Json = any;

/** A portal, a clock and the frames that every socket has received. */
export class Lab {
  now: Instant = instant(1_000);
  readonly control: Control;
  readonly #received = new Map<number, Json[]>();
  readonly #closed = new Map<number, number>();
  #nextSocket = 0;
  #nextRef = 0;

  constructor(file: Json = policyFile(), seed = 1) {
    this.control = new Control({
      policy: policyOf(file),
      epoch: { instant: this.now, unix: unixMs(START_UNIX_S * 1_000) },
      random: new SeededRandom(seed),
      log: NO_LOG,
    });
  }

  /** Requests an upgrade of `url` with these headers. */
  request(
    url: string,
    headers: Record<string, string>,
    socket = this.#nextSocket++,
  ): { socket: number; answer: ConnectAnswer } {
    const [path = "", query = ""] = url.split("?", 2);
    const answer = this.control.handleConnect(socket, {
      path,
      query: new URLSearchParams(query),
      headers,
      remoteIp: parseIp("203.0.113.9")!,
    }, this.now);
    return { socket, answer };
  }

  /** Connects and requires success. Returns the socket. */
  connect(url: string, headers: Record<string, string>): number {
    const { socket, answer } = this.request(url, headers);
    assert.equal(answer.kind, "accept", JSON.stringify(answer));
    return socket;
  }

  gateway(
    { token = ".gateway", path = "/gateway/v2/websocket", key = GATEWAY_KEY } =
      {},
  ): number {
    return this.#joined(
      "gateway",
      this.connect(gatewayUrl(path, key), {
        "x-authorization": `Bearer ${token}`,
        "user-agent": "Debian/12.0.0 gateway/1.6.0 (x86_64)",
      }),
    );
  }

  client(
    {
      token = "n.client",
      path = "/client/v2/websocket",
      key = CLIENT_KEY,
      userAgent = "Debian/12.0.0 headless-client/1.5.11 (x86_64)",
    } = {},
  ): number {
    return this.#joined(
      "client",
      this.connect(clientUrl(path, key), {
        "x-authorization": `Bearer ${token}`,
        "user-agent": userAgent,
      }),
    );
  }

  relay(
    token = ".relay-1",
    stampSecret = "a".repeat(64),
    query = "ipv4=198.51.100.7&ipv6=2001:db8::7&port=3478",
  ): number {
    const socket = this.connect(`/relay/websocket?${query}`, {
      "x-authorization": `Bearer ${token}`,
    });
    return this.#joined("relay", socket, { stamp_secret: stampSecret });
  }

  /** Sends an event on the socket's topic; the `ref` is the next number. */
  send(socket: number, topic: string, event: string, payload: unknown): number {
    const ref = this.#nextRef++;
    this.sendRaw(socket, { topic, event, payload, ref });
    return ref;
  }

  sendRaw(socket: number, frame: unknown): void {
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    this.control.handleText(socket, text, this.now);
    this.drain();
  }

  /** Moves the clock, waking the core at each of its deadlines. */
  advance(ms: number): void {
    const end = after(this.now, ms);
    for (;;) {
      const next = this.control.pollTimeout();
      if (next > end) break;
      this.now = instant(Math.max(this.now, next));
      this.control.handleTimeout(this.now);
      this.drain();
    }
    this.now = end;
  }

  /** Puts an edited policy in force. */
  reload(file: Json): void {
    this.control.handlePolicy(policyOf(file), this.now);
    this.drain();
  }

  /** Returns and forgets what the socket has received. */
  take(socket: number): Json[] {
    this.drain();
    const frames = this.#received.get(socket) ?? [];
    this.#received.delete(socket);
    return frames;
  }

  /** Returns and forgets the names of the events received. */
  takeEvents(socket: number): string[] {
    return this.take(socket).map(({ event }) => event);
  }

  /** Returns the payload of the only event of this name, and forgets everything received. */
  takePayload(socket: number, event: string): Json {
    const frames = this.take(socket).filter((frame) => frame.event === event);
    assert.equal(frames.length, 1, `${frames.length} × ${event}`);
    return frames[0].payload;
  }

  /** The code the portal closed the socket with. */
  closeCode(socket: number): number | undefined {
    this.drain();
    return this.#closed.get(socket);
  }

  drain(): void {
    let output;
    while ((output = this.control.pollOutput())) {
      if (output.kind === "close") {
        this.#closed.set(output.socket, output.code);
      } else {
        const frames = this.#received.get(output.socket) ?? [];
        frames.push(parse(output.text));
        this.#received.set(output.socket, frames);
      }
    }
  }

  #joined(topic: string, socket: number, payload: unknown = null): number {
    this.send(socket, topic, "phx_join", payload);
    return socket;
  }
}

export function gatewayUrl(
  path = "/gateway/v2/websocket",
  key = GATEWAY_KEY,
): string {
  return `${path}?external_id=edge&name=edge&public_key=${
    encodeURIComponent(key)
  }`;
}

export function clientUrl(
  path = "/client/v2/websocket",
  key = CLIENT_KEY,
): string {
  return `${path}?external_id=laptop&name=laptop&public_key=${
    encodeURIComponent(key)
  }`;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

import {
  type Instant,
  instant,
  NO_LOG,
  type SocketAddress,
  utf8,
} from "../../lib/base/mod.ts";
import {
  Agent,
  type AgentEvent,
  type AgentTransmit,
  type CheckVerdict,
  type GatheredCandidate,
  type IceRole,
  TransactionTable,
} from "../../lib/ice/mod.ts";
import { addFingerprint, sealStun } from "../../lib/stun/mod.ts";
import {
  encodeStun,
  peerFormat,
  STUN_METHOD,
  type StunAttribute,
  StunView,
} from "../../lib/wire/mod.ts";
import { addressOf } from "../support/datagram.ts";
import { SeededRandom } from "../support/random.ts";

/** The socket of the gateway under test. */
export const OURS = "10.0.0.2:52625";
/** The socket of the client. */
export const PEER = "10.0.0.1:52625";
/** An address that nobody has signalled. */
export const STRANGER = "192.0.2.99:4000";

/** The credentials of p2p spec §10.4. */
export const CLIENT_CREDENTIALS = {
  username: "resc",
  password: "rqi3ibvfikfaxj3wgp7muh",
};
export const GATEWAY_CREDENTIALS = {
  username: "jbi4",
  password: "a6oeevhlutevykcifd5r2a",
};

/** The paces of p2p spec §2.9, written out again. */
const ACTIVE = {
  controlling: { initialMs: 250, maxMs: 1500, retransmits: 12 },
  controlled: { initialMs: 250, maxMs: 15_000, retransmits: 45 },
};

/** What became of a datagram that a `TestAgent` received. */
export type TestVerdict = CheckVerdict | "not-a-check" | "unknown-transaction";

/** An agent with a clock, which remembers what it said. */
export class TestAgent {
  readonly agent: Agent;
  readonly events: AgentEvent[] = [];
  now: Instant = instant(0);
  readonly #transactions = new TransactionTable();
  readonly #stun = new StunView();

  constructor(role: IceRole, { seed = 1 } = {}) {
    const isClient = role === "controlling";
    this.agent = new Agent({
      role,
      localCredentials: isClient ? CLIENT_CREDENTIALS : GATEWAY_CREDENTIALS,
      remoteCredentials: isClient ? GATEWAY_CREDENTIALS : CLIENT_CREDENTIALS,
      timing: ACTIVE[role],
      transactions: this.#transactions,
      random: new SeededRandom(seed),
      log: NO_LOG,
    });
  }

  /** Adds a host candidate, or another one on that base. Returns the lines to signal. */
  addLocal(
    address: string,
    kind: GatheredCandidate["kind"] = "host",
    base: string = address,
  ): string[] {
    this.agent.addLocalCandidate(
      { kind, address: addressOf(address), base: addressOf(base) },
      this.now,
    );
    return this.takeEvents().flatMap((event) =>
      event.kind === "local-candidate-added"
        ? [this.agent.formatAddition(event.candidate)]
        : []
    );
  }

  /** Adds a candidate of the peer from the part of its line that matters. */
  addRemote(
    address: string,
    kind = "host",
    priority = 2_130_706_175,
  ): string {
    const { ip, port } = split(address);
    const related = kind === "srflx" || kind === "relay"
      ? ` raddr ${ip.includes(":") ? "::" : "0.0.0.0"} rport 0`
      : "";
    const line =
      `candidate:x 1 udp ${priority} ${ip} ${port} typ ${kind}${related}`;
    this.agent.addRemoteCandidate(line, this.now);
    return line;
  }

  /** Lets the agent do what is due at `now`, and returns what it sends. */
  run(ms = 0): AgentTransmit[] {
    this.now = instant(this.now + ms);
    this.agent.handleTimeout(this.now);
    return this.takeTransmits();
  }

  /** Lets `ms` pass, answering nothing. Returns when, counted from the start, each message was sent. */
  runFor(ms: number): { atMs: number; transmit: AgentTransmit }[] {
    const start = this.now;
    const sent: { atMs: number; transmit: AgentTransmit }[] = [];
    const end = start + ms;
    for (;;) {
      const due = Math.max(this.now, this.agent.pollTimeout());
      if (due > end) break;
      this.now = instant(due);
      this.agent.handleTimeout(this.now);
      for (const transmit of this.takeTransmits()) {
        sent.push({ atMs: this.now - start, transmit });
      }
    }
    this.now = instant(end);
    return sent;
  }

  receive(
    payload: Uint8Array,
    source: string | SocketAddress,
    local: string | SocketAddress,
  ): TestVerdict {
    const from = toAddress(source);
    const to = toAddress(local);
    switch (peerFormat(payload, 0, payload.length, this.#stun)) {
      case "check-request":
        return this.agent.handleRequest(this.#stun, from, to, this.now);
      case "check-response": {
        const check = this.#transactions.find(
          this.#stun.transactionId(),
          this.now,
        );
        return check
          ? this.agent.handleResponse(this.#stun, check, this.now)
          : "unknown-transaction";
      }
      default:
        return "not-a-check";
    }
  }

  takeTransmits(): AgentTransmit[] {
    const transmits: AgentTransmit[] = [];
    for (
      let t = this.agent.pollTransmit();
      t;
      t = this.agent.pollTransmit()
    ) transmits.push(t);
    return transmits;
  }

  /** Returns the events since the last time; `events` keeps all of them. */
  takeEvents(): AgentEvent[] {
    const events: AgentEvent[] = [];
    for (let e = this.agent.pollEvent(); e; e = this.agent.pollEvent()) {
      events.push(e);
    }
    this.events.push(...events);
    return events;
  }

  /** The remote addresses selected since the last time, in order. */
  takeSelected(): string[] {
    return this.takeEvents().flatMap((event) =>
      event.kind === "path-selected" ? [textOf(event.remote.address)] : []
    );
  }
}

/** Delivers everything both agents have to say, without delay and loss, until they are silent. */
export function exchange(a: TestAgent, b: TestAgent): void {
  for (let round = 0; round < 100; round++) {
    const fromA = [...a.run(), ...a.takeTransmits()];
    const fromB = [...b.run(), ...b.takeTransmits()];
    if (fromA.length + fromB.length === 0) return;
    for (const t of fromA) b.receive(t.payload, t.local.base, t.destination);
    for (const t of fromB) a.receive(t.payload, t.local.base, t.destination);
  }
}

/** Attaches a view to a message that must be STUN. */
export function stunOf(payload: Uint8Array): StunView {
  const view = new StunView();
  if (!view.attach(payload, 0, payload.length)) throw new Error("Not STUN");
  return view;
}

export function textOf({ ip, port }: SocketAddress): string {
  const text = ip.family === 4
    ? ip.bytes.join(".")
    : hex(ip.bytes).match(/.{4}/g)?.join(":");
  return `${text}:${port}`;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function toAddress(address: string | SocketAddress): SocketAddress {
  return typeof address === "string" ? addressOf(address) : address;
}

function split(address: string): { ip: string; port: string } {
  const at = address.lastIndexOf(":");
  return {
    ip: address.slice(0, at).replace(/[[\]]/g, ""),
    port: address.slice(at + 1),
  };
}

/** Makes a gateway whose only pair the client has nominated. */
export function connectedGateway(): TestAgent {
  const gateway = new TestAgent("controlled");
  gateway.addLocal(OURS);
  gateway.addRemote(PEER);
  gateway.receive(request({ useCandidate: true }), PEER, OURS);
  gateway.run();
  gateway.takeEvents();
  return gateway;
}

/** Encodes a check as the client sends it. */
export function request({
  username = "jbi4:resc",
  password = GATEWAY_CREDENTIALS.password,
  useCandidate = false,
  priority = 7,
} = {}): Uint8Array {
  const attributes: StunAttribute[] = [
    { kind: "username", text: username },
    { kind: "priority", priority },
  ];
  if (useCandidate) attributes.push({ kind: "use-candidate" });
  return addFingerprint(sealStun(
    encodeStun({
      class: "request",
      method: STUN_METHOD.binding,
      transactionId: new Uint8Array(12),
      attributes,
    }),
    utf8(password),
  ));
}

/** Encodes the gateway's answer to a check of the client. */
export function answerTo(
  check: Uint8Array,
  password = GATEWAY_CREDENTIALS.password,
  mapped = PEER,
): Uint8Array {
  return sealStun(
    encodeStun({
      class: "success",
      method: STUN_METHOD.binding,
      transactionId: stunOf(check).transactionId(),
      attributes: [{ kind: "xor-mapped-address", address: addressOf(mapped) }],
    }),
    utf8(password),
  );
}

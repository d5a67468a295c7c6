/**
 * Plays many clients at once, in a process of its own, so that it can live in a namespace.
 *
 * Takes its options as JSON. Each client logs in at the portal, asks for
 * access by an echo request to a resource, connects to the gateway that the
 * portal names and waits for the reply; then it stays, idle, until SIGTERM.
 * Prints a line when the first, each hundredth and the last one is through,
 * and the gateway's key as soon as the portal has told it.
 */
import {
  type IpAddress,
  NO_LOG,
  parseIp,
  randomBytes,
  toBase64,
  unixMs,
} from "../../lib/base/mod.ts";
import { x25519PublicKey } from "../../lib/crypto/mod.ts";
import type { ClientInput } from "../../lib/client/mod.ts";
import {
  Clock,
  DataPlane,
  FIREZONE_MARK,
  PortalConnection,
  type PortalEvent,
  SYSTEM_RANDOM,
  systemInfo,
} from "../../lib/io/mod.ts";
import {
  type AuthorizationCreated,
  CLIENT_PROFILE,
  type ClientMessage,
  clientParameters,
  type ClientRequest,
  loginUrl,
  userAgent,
} from "../../lib/portal/mod.ts";
import type { SwarmEvent, SwarmMessage, SwarmSnapshot } from "./swarm_core.ts";

/** What the process is told. */
export interface SwarmOptions {
  /** The portal. */
  readonly apiUrl: string;
  /** One client for each. Their names are `swarm-N`, from `first` on. */
  readonly tokens: readonly string[];
  /** The number of the first client. */
  readonly first: number;
  /** UDP port of the first client; the others follow. */
  readonly firstPort: number;
  /** What they ping. */
  readonly target: string;
  /** Clients that may be under way to their first reply at the same time. */
  readonly concurrency: number;
  /** What they do once all are through, if they do not rest. */
  readonly storm?: {
    /** Where the gateway receives. */
    readonly target: string;
    /** How long it is watched, in s. */
    readonly seconds: number;
  };
}

interface Member {
  readonly portal: PortalConnection<ClientMessage, ClientRequest>;
  readonly staticPrivateKey: Uint8Array;
  isThrough: boolean;
  isPinging: boolean;
  /** What the portal said of the gateway. */
  access: AuthorizationCreated | undefined;
}

/** A client whose echo request or answer was lost asks again after this time, in ms. */
const PING_AGAIN_MS = 3_000;

/** Until code is compiled and cookies are told, in ms. */
const STORM_RISES_MS = 2_000;

class Swarm {
  readonly #options: SwarmOptions;
  readonly #target: IpAddress;
  readonly #members = new Map<number, Member>();
  readonly #clock = new Clock();
  readonly #startedAt = performance.now();
  #plane: DataPlane<SwarmMessage, SwarmEvent> | undefined;
  #started = 0;
  #through = 0;
  #failures = 0;
  #knowsKey = false;

  constructor(options: SwarmOptions) {
    const target = parseIp(options.target);
    if (!target) throw new TypeError(`Not an address: ${options.target}`);
    this.#options = options;
    this.#target = target;
  }

  async start(): Promise<void> {
    this.#plane = await DataPlane.start<null, SwarmMessage, SwarmEvent>({
      role: "swarm",
      settings: null,
      udp: { port: 0, orAny: true, mark: FIREZONE_MARK },
      logThresholds: { fallback: "warn", targets: [] },
      log: () => ({
        ...NO_LOG,
        log: (level, message, fields) =>
          console.log(`${level} ${message} ${JSON.stringify(fields)}`),
      }),
      onEvent: (event) => "port" in event && this.#handleEvent(event),
      onFailure: (error) => {
        console.log(`Swarm failed: ${error.message}\n${error.stack}`);
        Deno.exit(1);
      },
      spawn: () =>
        new Worker(new URL("./swarm_worker.ts", import.meta.url), {
          type: "module",
        }),
    });
    for (let i = 0; i < this.#options.concurrency; i++) this.#startNext();
  }

  async stop(): Promise<void> {
    const members = [...this.#members.values()];
    await Promise.all(members.map(({ portal }) => portal.stop()));
    await this.#plane?.stop(5_000);
  }

  #startNext(): void {
    const index = this.#started;
    const token = this.#options.tokens[index];
    if (token === undefined) return;
    this.#started++;
    const port = this.#options.firstPort + index;
    const staticPrivateKey = randomBytes(SYSTEM_RANDOM, 32);
    this.#plane?.send({ kind: "add", port, staticPrivateKey });
    const portal = this.#portalOf(
      `swarm-${this.#options.first + index}`,
      token,
      x25519PublicKey(staticPrivateKey),
      (event) => this.#handlePortal(port, event),
    );
    this.#members.set(port, {
      portal,
      staticPrivateKey,
      isThrough: false,
      isPinging: false,
      access: undefined,
    });
    portal.start();
  }

  #portalOf(
    name: string,
    token: string,
    publicKey: Uint8Array,
    onEvent: (event: PortalEvent<ClientMessage>) => void,
  ): PortalConnection<ClientMessage, ClientRequest> {
    const parameters = clientParameters({ identity: name, name, publicKey });
    const url = loginUrl(this.#options.apiUrl, CLIENT_PROFILE, parameters);
    if (!url.ok) throw new TypeError(`Not a portal: ${url.error}`);
    return new PortalConnection({
      profile: CLIENT_PROFILE,
      url: url.value,
      credentials: {
        token,
        userAgent: userAgent({
          ...systemInfo(),
          component: CLIENT_PROFILE.component,
          version: "1.6.0",
        }),
      },
      joinPayload: null,
      capabilities: { iceless: true },
      now: () => this.#clock.now(),
      unixNow: () => unixMs(Date.now()),
      random: SYSTEM_RANDOM,
      log: NO_LOG,
      onEvent,
    });
  }

  #handlePortal(port: number, event: PortalEvent<ClientMessage>): void {
    switch (event.kind) {
      case "message":
        this.#noteAccess(port, event.message);
        return this.#tell(port, event.message);
      case "fatal":
        console.log(`Portal refused a client: ${JSON.stringify(event.reason)}`);
        return Deno.exit(1);
      case "disconnected":
        return console.log(
          `Portal lost by ${port}: ${JSON.stringify(event.failure)}`,
        );
    }
  }

  #noteAccess(port: number, message: ClientMessage): void {
    if (message.kind !== "authorization-created") return;
    const member = this.#members.get(port);
    if (member) member.access = message;
    if (this.#knowsKey) return;
    this.#knowsKey = true;
    console.log(`Gateway's key: ${toBase64(message.gatewayPublicKey)}`);
  }

  #tell(port: number, message: ClientInput): void {
    this.#plane?.send({ kind: "portal", port, message });
  }

  #handleEvent({ port, event }: SwarmEvent): void {
    const member = this.#members.get(port);
    if (!member) return;
    switch (event.kind) {
      case "portal-request":
        member.portal.send(event.request);
        return;
      case "configure-interface":
        if (!member.isPinging) this.#ping(port, member);
        return;
      case "pong":
        return this.#noteReply(member);
      case "access-refused":
      case "connection-failed":
      case "connection-closed":
        this.#failures++;
        return console.log(`Client ${port}: ${event.kind} ${event.reason}`);
    }
  }

  #ping(port: number, member: Member): void {
    if (member.isThrough) return;
    member.isPinging = true;
    this.#plane?.send({ kind: "ping", port, destination: this.#target });
    setTimeout(() => this.#ping(port, member), PING_AGAIN_MS);
  }

  #noteReply(member: Member): void {
    if (member.isThrough) return;
    member.isThrough = true;
    this.#through++;
    const { length } = this.#options.tokens;
    const isRound = this.#through === 1 || this.#through % 100 === 0;
    if (isRound || this.#through === length) {
      const ms = Math.round(performance.now() - this.#startedAt);
      const of = `${this.#through} of ${length}`;
      console.log(`Through: ${of} after ${ms} ms, ${this.#failures} failures`);
    }
    if (this.#through === length) this.#storm();
    else this.#startNext();
  }

  /** Lets all clients renew their keys without end, and prints how many of their initiations are answered in a second. */
  async #storm(): Promise<void> {
    const { storm } = this.#options;
    if (!storm || !this.#plane) return;
    for (const [port, { access, staticPrivateKey }] of this.#members) {
      if (!access) continue;
      const { gatewayPublicKey, presharedKey } = access;
      const { target } = storm;
      const keys = { staticPrivateKey, gatewayPublicKey, presharedKey };
      this.#plane.send({ kind: "storm", port, target, ...keys });
    }
    await wait(STORM_RISES_MS);
    console.log("Storm begins");
    const before = await this.#answered();
    const startedAt = performance.now();
    await wait(storm.seconds * 1e3);
    const answered = await this.#answered() - before;
    const seconds = (performance.now() - startedAt) / 1e3;
    console.log(`Storm ends: ${(answered / seconds).toFixed(0)} a second`);
  }

  async #answered(): Promise<number> {
    const snapshot = await this.#plane?.snapshot(5_000);
    return (snapshot?.core as SwarmSnapshot).answered;
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) {
  const swarm = new Swarm(JSON.parse(Deno.args[0] ?? "{}") as SwarmOptions);
  Deno.addSignalListener("SIGTERM", async () => {
    await swarm.stop();
    Deno.exit(0);
  });
  await swarm.start();
}

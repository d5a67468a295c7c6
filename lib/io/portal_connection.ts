import {
  type Instant,
  type IpAddress,
  type Logger,
  NEVER,
  parseIp,
  type RandomSource,
  type UnixMs,
} from "../base/mod.ts";
import {
  Channel,
  type ChannelCount,
  type ChannelEvent,
  type ChannelProfile,
  type ConnectionFailure,
  type FatalReason,
  type Generation,
  type LoginUrl,
  type RequestVerdict,
  type UpgradeCredentials,
} from "../portal/mod.ts";
import { PortalSocket } from "./portal_socket.ts";
import {
  ATTEMPT_LIMITS,
  type AttemptLimits,
  upgrade,
  type Upgraded,
} from "./portal_upgrade.ts";
import { type Resolve, resolveBySystem } from "./resolver.ts";

/** What a portal connection has to tell. */
export type PortalEvent<Message> =
  | { readonly kind: "joined" }
  | {
    /** These addresses of the portal are about to be dialed. */
    readonly kind: "resolved";
    readonly addresses: readonly IpAddress[];
  }
  | { readonly kind: "message"; readonly message: Message }
  | {
    /** The connection or attempt failed. It goes on by itself. */
    readonly kind: "disconnected";
    readonly failure: ConnectionFailure;
    readonly retryInMs: number;
  }
  | {
    /** Nothing more will happen. */
    readonly kind: "fatal";
    readonly reason: FatalReason;
  };

/** What a portal connection needs. */
export interface PortalConnectionOptions<Message, Request> {
  /** Whose connection it is. */
  readonly profile: ChannelProfile<Message, Request>;
  /** Where to connect to, as `loginUrl` makes it for the same generation. */
  readonly url: LoginUrl;
  /** Token and user agent. */
  readonly credentials: UpgradeCredentials;
  /** Which path `url` has; 2 unless told otherwise. */
  readonly generation?: Generation;
  /** Payload of the join; `null` unless told otherwise. */
  readonly joinPayload?: unknown;
  /** What to announce after each join; nothing unless told otherwise. */
  readonly capabilities?: { readonly iceless: boolean };
  /** Greatest sum of delays after a loss; the profile's unless told otherwise. */
  readonly reconnectBudgetMs?: number;
  /** Reads the monotonic clock. */
  readonly now: () => Instant;
  /** Reads the wall clock. */
  readonly unixNow: () => UnixMs;
  /** For keys and jitter. */
  readonly random: RandomSource;
  /** Where decisions are logged. */
  readonly log: Logger;
  /** Takes in what there is to tell. May call back. */
  readonly onEvent: (event: PortalEvent<Message>) => void;
  /** Finds the portal's addresses; the operating system unless told otherwise. */
  readonly resolve?: Resolve;
  /** Bounds of an attempt; those of the spec unless told otherwise. */
  readonly limits?: AttemptLimits;
  /** PEM certificates to trust besides the built-in roots. */
  readonly caCerts?: readonly string[];
}

/** Longest single sleep: timers stand still while the machine is suspended, and overflow after 24 days. */
const MAX_SLEEP_MS = 30_000;

/**
 * The portal, for as long as the process lives: runs a `Channel` on sockets,
 * resolver and clock. It decides nothing; see `Channel` for what happens when.
 */
export class PortalConnection<Message, Request> {
  readonly #options: PortalConnectionOptions<Message, Request>;
  readonly #channel: Channel<Message, Request>;
  #url: LoginUrl;
  #address: IpAddress | undefined;
  #socket: PortalSocket | undefined;
  #attempt = new AbortController();
  #closing: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isDraining = false;

  /** Prepares a connection that does nothing until `start`. */
  constructor(options: PortalConnectionOptions<Message, Request>) {
    this.#options = options;
    this.#url = options.url;
    this.#channel = new Channel(options);
  }

  /** Whether the portal acknowledged the join on the present connection. */
  get joined(): boolean {
    return this.#channel.joined;
  }

  /** Counters of everything refused, dropped or noteworthy. */
  get counters(): Record<ChannelCount, number> {
    return this.#channel.counters;
  }

  /** Connects. */
  start(): void {
    this.#channel.connect();
    this.#drain();
  }

  /** Connects again at once, because the network changed; to another URL from now on, if there is one. */
  reconnect(url: LoginUrl = this.#url): void {
    this.#url = url;
    this.start();
  }

  /** The portal's address on the present or last connection. */
  get address(): IpAddress | undefined {
    return this.#address;
  }

  /** Sends a request, or holds or drops it while there is no connection. */
  send(request: Request): RequestVerdict {
    const verdict = this.#channel.send(request);
    this.#drain();
    return verdict;
  }

  /** Forgets what is held for a peer whose connection failed or was closed. */
  forgetPeer(peer: string): void {
    this.#channel.forgetPeer(peer);
  }

  /** Closes the connection for good. Resolves within about a second. */
  async stop(): Promise<void> {
    this.#channel.stop();
    this.#drain();
    await this.#closing;
  }

  /** Lets the channel speak until it has nothing to say, then sets the timer. */
  #drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      while (this.#handleNextEvent() || this.#writeNext());
    } finally {
      this.#isDraining = false;
    }
    this.#setTimer();
  }

  #handleNextEvent(): boolean {
    const event = this.#channel.pollEvent();
    if (event) this.#handleEvent(event);
    return event !== undefined;
  }

  #writeNext(): boolean {
    if (!this.#socket?.writable) return false;
    const text = this.#channel.pollTransmit();
    if (text !== undefined) this.#socket.write(text);
    return text !== undefined;
  }

  #handleEvent(event: ChannelEvent<Message>): void {
    switch (event.kind) {
      case "connect":
        this.#attempt = new AbortController();
        this.#connect(event.delayMs, this.#attempt.signal);
        return;
      case "release":
        return this.#release(event.how);
      default:
        return this.#options.onEvent(event);
    }
  }

  #release(how: "close" | "drop"): void {
    this.#attempt.abort();
    const socket = this.#socket;
    this.#socket = undefined;
    if (how === "close" && socket) this.#closing = socket.close();
    else socket?.drop();
  }

  /**
   * Waits, resolves, dials and upgrades.
   *
   * Deviation: upstream resolves before it waits. Resolving afterwards cannot
   * use addresses that went stale meanwhile, and spares a look-up when the wait
   * is called off.
   */
  async #connect(delayMs: number, signal: AbortSignal): Promise<void> {
    await this.#closing;
    await this.#sleep(delayMs, signal);
    if (signal.aborted) return;
    const { limits = ATTEMPT_LIMITS } = this.#options;
    const url = this.#url;
    const addresses = await this.#addresses();
    if (signal.aborted) return;
    if (addresses.length === 0) {
      return this.#handleFailure({
        kind: "name-not-resolved",
        detail: url.hostname,
      });
    }

    this.#options.onEvent({ kind: "resolved", addresses });
    const upgraded = await upgrade(
      addresses,
      { ...this.#options, url, limits },
      signal,
    );
    if (signal.aborted) {
      if (upgraded.ok) upgraded.value.conn.close();
    } else if (upgraded.ok) this.#handleUpgraded(upgraded.value);
    else this.#handleFailure(upgraded.error);
  }

  async #addresses(): Promise<readonly IpAddress[]> {
    const { resolve = resolveBySystem } = this.#options;
    const url = this.#url;
    return url.literal ? [url.literal] : await resolve(url.hostname);
  }

  #handleUpgraded(upgraded: Upgraded): void {
    const now = this.#options.now;
    this.#address = remoteAddressOf(upgraded.conn);
    this.#socket = new PortalSocket(upgraded, {
      text: (text) => {
        this.#channel.handleText(text, now());
        this.#drain();
      },
      binary: () => this.#channel.handleBinary(),
      writable: () => this.#drain(),
      failed: (failure) => this.#handleFailure(failure),
    });
    this.#channel.handleConnected(now());
    this.#drain();
  }

  #handleFailure(failure: ConnectionFailure): void {
    this.#channel.handleFailure(failure);
    this.#drain();
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const at = this.#channel.pollTimeout();
    if (at === NEVER) return;
    this.#timer = setTimeout(() => {
      this.#channel.handleTimeout(this.#options.now());
      this.#drain();
    }, Math.max(0, at - this.#options.now()));
  }

  /** Sleeps by the monotonic clock, so that suspended time counts. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const until = this.#options.now() + ms;
    for (;;) {
      const restMs = until - this.#options.now();
      if (restMs <= 0 || signal.aborted) return;
      await abortableDelay(Math.min(restMs, MAX_SLEEP_MS), signal);
    }
  }
}

function remoteAddressOf({ remoteAddr }: Deno.Conn): IpAddress | undefined {
  return remoteAddr.transport === "tcp"
    ? parseIp(remoteAddr.hostname)
    : undefined;
}

function abortableDelay(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    resolve();
  }, { once: true });
  return promise;
}

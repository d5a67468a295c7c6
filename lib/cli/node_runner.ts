import {
  formatIp,
  type IpAddress,
  type Logger,
  randomBytes,
  type RandomSource,
  type Secret,
  unixMs,
} from "../base/mod.ts";
import {
  Clock,
  DataPlane,
  type MainPort,
  NetworkWatch,
  PortalConnection,
  type PortalEvent,
  type ShellNews,
  SYSTEM_RANDOM,
  systemInfo,
  type UdpOptions,
} from "../io/mod.ts";
import {
  type ChannelProfile,
  describeFailure,
  type LoginParameters,
  type LoginUrl,
  loginUrl,
  userAgent,
} from "../portal/mod.ts";
import { EXIT_FAILED, EXIT_STOPPED } from "./exit_code.ts";
import { explainDataPlane, explainPortal } from "./fatal.ts";
import type { LogFilter } from "./log_filter.ts";
import type { LogSink } from "./log_sink.ts";
import { VERSION } from "./version.ts";

/** How long the data plane may take to say goodbye and clean up, in ms (operations spec §1.4). */
const STOP_LIMIT_MS = 5_000;

/** How one role uses portal and data plane. `News`: what its core can be told of the host. */
export interface NodeRole<Message, Request, Event, News = never> {
  /** How it talks to the portal. */
  readonly profile: ChannelProfile<Message, Request>;
  /** Its name in the worker. */
  readonly role: "gateway" | "client" | "relay";
  /** What its core is made from. Plain data. */
  readonly coreSettings: unknown;
  /** Name of its TUN interface, if it has one. */
  readonly tunName: string | undefined;
  /** Whether checksums of packets from that interface are looked at. */
  readonly validatesChecksums?: boolean;
  /** Its UDP sockets. */
  readonly udp: MainPort & UdpOptions;
  /** API URL of the portal. */
  readonly apiUrl: string;
  /** Query of the login URL. */
  readonly parameters: LoginParameters;
  /** Token. */
  readonly token: Secret;
  /** What to say when joining. */
  readonly joinPayload: unknown;
  /** Announced after each join, if anything. */
  readonly capabilities: { readonly iceless: boolean } | undefined;
  /** Reconnect budget, if not the role's own. */
  readonly maxPartitionMs: number | undefined;
  /** Makes the message that tells the core of a changed network; `undefined` if it does not care. */
  readonly networkNews: (() => News) | undefined;
  /** Makes the message that tells the core where the portal is reached, if it cares. */
  readonly portalNews?: (addresses: readonly IpAddress[]) => News;
  /** Prepares the host once the TUN interface exists. What it returns undoes that. */
  readonly prepareHost?: (log: Logger) => { stop(): void };
  /** Starts what the role does beside its core. */
  readonly serve: (
    context: NodeContext<Request, News>,
  ) => NodeService<Event, Message>;
}

/** What a role does on the main thread: it handles events, and may keep servers of its own. */
export interface NodeService<Event, Message = never> {
  /** Looks at a message of the portal before the core gets it. */
  handleMessage?(message: Message): void;
  /** Handles an event of the core or of its loop. */
  handleEvent(event: Event | ShellNews): void;
  /** Hears how the connection to the portal is. */
  handlePortal?(news: PortalNews): void;
  /** Hears that the program begins to stop. */
  handleStopping?(): void;
  /** Ends what it keeps, after the core has taken leave. */
  stop(): Promise<void>;
}

/** How the connection to the portal is. */
export type PortalNews =
  | { readonly kind: "joined" }
  | { readonly kind: "disconnected"; readonly reason: string };

/** What a role's service works with. */
export interface NodeContext<Request, News> {
  /** The portal. */
  readonly portal: NodePortal<Request>;
  /** Tells the core something. Without effect once it is ending. */
  readonly tell: (news: News) => void;
  /** The data worker, for those who watch over it. */
  readonly plane: Pick<
    DataPlane<never, never>,
    "snapshot" | "restoreInterface"
  >;
  /** Ends the program with a sentence for a person. */
  readonly fail: (sentence: string) => void;
  /** Ends the program in good order, because of `cause`. */
  readonly finish: (cause: string) => void;
  /** Where the role's log lines go. */
  readonly log: Logger;
  /** Makes loggers for other targets. */
  readonly sink: LogSink;
  /** Which lines are made. */
  readonly filter: LogFilter;
}

/** The portal as the events of a core see it. */
export interface NodePortal<Request> {
  /** Sends a request. */
  send(request: Request): void;
  /** Connects again at once, with other parameters from now on if there are any. */
  reconnect(parameters?: LoginParameters): void;
  /** Forgets candidates held for a peer that is gone. */
  forgetPeer(peer: string): void;
  /** Leaves it for good. */
  leave(): Promise<void>;
}

/** What the runner needs of the process. */
export interface Process {
  /** Where log lines go. */
  readonly sink: LogSink;
  /** Which lines are made. Changes at any time. */
  readonly filter: LogFilter;
  /** Prints a sentence for a person. */
  readonly complain: (sentence: string) => void;
  /** Settles with the name of the signal that asks us to stop. */
  readonly stopRequested: Promise<string>;
  /** Settles with a sentence when something of ours breaks that nobody handles. */
  readonly crashed: Promise<string>;
}

/** Runs a role until it is asked to stop or cannot go on, and returns the exit code. */
export async function runNode<Message, Request, Event, News>(
  node: NodeRole<Message, Request, Event, News>,
  process: Process,
): Promise<number> {
  const log = process.sink.logger(node.role);
  const failed = Promise.withResolvers<string>();
  const plane = await startDataPlane(
    node,
    process,
    (event) => service.handleEvent(event),
    failed,
  );
  if (typeof plane === "string") {
    process.complain(plane);
    return EXIT_FAILED;
  }
  process.filter.onChange((thresholds) => plane.setLogThresholds(thresholds));
  // Not before: holding the interface keeps others with the same one out.
  const host = node.prepareHost?.(process.sink.logger("host"));
  let isJoined = false;
  const portal = connectionTo(node, process, (event) => {
    switch (event.kind) {
      case "message":
        service.handleMessage?.(event.message);
        return plane.send(event.message);
      case "resolved":
        return node.portalNews && plane.send(node.portalNews(event.addresses));
      case "fatal":
        return failed.resolve(explainPortal(event.reason, node.apiUrl));
      case "joined":
        isJoined = true;
        log.log("info", "Joined the portal");
        return service.handlePortal?.({ kind: "joined" });
      case "disconnected": {
        const reason = describeFailure(event.failure);
        log.log("info", isJoined ? "Lost the portal" : "Portal not reached", {
          reason,
          retryInMs: Math.round(event.retryInMs),
        });
        isJoined = false;
        service.handlePortal?.({ kind: "disconnected", reason });
      }
    }
  });
  const finished = Promise.withResolvers<string>();
  const service = node.serve({
    portal: nodePortalOf(node, portal),
    plane,
    tell: (news) => plane.send(news),
    fail: (sentence) => failed.resolve(sentence),
    finish: (cause) => finished.resolve(cause),
    log,
    sink: process.sink,
    filter: process.filter,
  });
  portal.start();
  const unwatch = watchNetwork(node, portal, log, (news) => plane.send(news));

  const outcome = await Promise.race([
    failed.promise.then((sentence) => ({ sentence })),
    process.crashed.then((sentence) => ({ sentence })),
    process.stopRequested.then((signal) => ({ cause: { signal } })),
    finished.promise.then((cause) => ({ cause: { cause } })),
  ]);
  if ("cause" in outcome) log.log("info", "Stopping", outcome.cause);
  service.handleStopping?.();
  unwatch();
  // The portal first: it must not send the peers back to us that hear our goodbye.
  await portal.stop();
  host?.stop();
  await plane.stop(STOP_LIMIT_MS);
  await service.stop();
  if ("cause" in outcome) {
    log.log("info", "Stopped");
    return EXIT_STOPPED;
  }
  log.log("error", "Cannot go on", { reason: outcome.sentence });
  process.complain(outcome.sentence);
  return EXIT_FAILED;
}

/** Makes fresh key material of `length` bytes. */
export function freshSecret(
  length: number,
  random: RandomSource = SYSTEM_RANDOM,
): Uint8Array {
  return randomBytes(random, length);
}

async function startDataPlane<Message, Request, Event, News>(
  node: NodeRole<Message, Request, Event, News>,
  process: Process,
  onEvent: (event: Event | ShellNews) => void,
  failed: PromiseWithResolvers<string>,
): Promise<DataPlane<Message | News, Event> | string> {
  try {
    return await DataPlane.start<unknown, Message | News, Event>({
      role: node.role,
      settings: node.coreSettings,
      ...(node.tunName === undefined ? {} : { tunName: node.tunName }),
      validatesChecksums: node.validatesChecksums ?? false,
      udp: node.udp,
      logThresholds: process.filter.thresholds,
      log: (target) => process.sink.logger(target),
      onEvent,
      onFailure: (error) => failed.resolve(explainDataPlane(error)),
    });
  } catch (error) {
    if (error instanceof Error) return explainDataPlane(error);
    throw error;
  }
}

/** Tells the core when packets leave from another address than before, and whenever SIGHUP says so. Returns how to stop. */
function watchNetwork<Message, Request, Event, News>(
  { networkNews, udp }: NodeRole<Message, Request, Event, News>,
  portal: PortalConnection<Message, Request>,
  log: Logger,
  tell: (news: News) => void,
): () => void {
  if (!networkNews) return () => {};
  const handle = (cause: string) => {
    watch.acknowledge();
    log.log("info", "Network changed", { cause });
    tell(networkNews());
  };
  const onSignal = () => handle("SIGHUP");
  const watch = new NetworkWatch({
    target: () => portal.address,
    udp,
    onChange: (address) => handle(`now at ${formatIp(address)}`),
  });
  Deno.addSignalListener("SIGHUP", onSignal);
  return () => {
    watch.stop();
    Deno.removeSignalListener("SIGHUP", onSignal);
  };
}

function nodePortalOf<Message, Request, Event, News>(
  node: NodeRole<Message, Request, Event, News>,
  portal: PortalConnection<Message, Request>,
): NodePortal<Request> {
  return {
    send: (request) => portal.send(request),
    reconnect: (parameters = node.parameters) =>
      portal.reconnect(urlOf(node, parameters)),
    forgetPeer: (peer) => portal.forgetPeer(peer),
    leave: () => portal.stop(),
  };
}

function urlOf<Message, Request, Event, News>(
  { apiUrl, profile }: NodeRole<Message, Request, Event, News>,
  parameters: LoginParameters,
): LoginUrl {
  const url = loginUrl(apiUrl, profile, parameters);
  if (!url.ok) throw new TypeError(`Cannot use the API URL: ${url.error}`);
  return url.value;
}

function connectionTo<Message, Request, Event, News>(
  node: NodeRole<Message, Request, Event, News>,
  { sink }: Process,
  onEvent: (event: PortalEvent<Message>) => void,
): PortalConnection<Message, Request> {
  const clock = new Clock();
  return new PortalConnection({
    profile: node.profile,
    url: urlOf(node, node.parameters),
    credentials: {
      token: node.token.reveal(),
      userAgent: userAgent({
        ...systemInfo(),
        component: node.profile.component,
        version: VERSION,
      }),
    },
    joinPayload: node.joinPayload,
    ...(node.capabilities ? { capabilities: node.capabilities } : {}),
    ...(node.maxPartitionMs === undefined
      ? {}
      : { reconnectBudgetMs: node.maxPartitionMs }),
    now: () => clock.now(),
    unixNow: () => unixMs(Date.now()),
    random: SYSTEM_RANDOM,
    log: sink.logger("portal"),
    onEvent,
  });
}

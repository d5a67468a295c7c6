import {
  type Logger,
  randomBytes,
  type RandomSource,
  unixMs,
} from "../base/mod.ts";
import {
  Clock,
  DataPlane,
  type MainPort,
  PortalConnection,
  type PortalEvent,
  SYSTEM_RANDOM,
  systemInfo,
  type UdpOptions,
} from "../io/mod.ts";
import {
  type ChannelProfile,
  describeFailure,
  type LoginParameters,
  loginUrl,
  userAgent,
} from "../portal/mod.ts";
import { EXIT_FAILED, EXIT_STOPPED } from "./exit_code.ts";
import { explainDataPlane, explainPortal } from "./fatal.ts";
import type { LogSink } from "./log_sink.ts";
import type { Secret } from "./secret.ts";
import type { LogSettings } from "./settings.ts";
import { VERSION } from "./version.ts";

/** How long the data plane may take to say goodbye and clean up, in ms (operations spec §1.4). */
const STOP_LIMIT_MS = 5_000;

/** How one role uses portal and data plane. */
export interface NodeRole<Message, Request, Event> {
  /** How it talks to the portal. */
  readonly profile: ChannelProfile<Message, Request>;
  /** Its name in the worker. */
  readonly role: "gateway" | "client" | "relay";
  /** What its core is made from. Plain data. */
  readonly coreSettings: unknown;
  /** Name of its TUN interface, if it has one. */
  readonly tunName: string | undefined;
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
  /** Handles an event of the core. */
  readonly onEvent: (
    event: Event,
    portal: NodePortal<Request>,
    log: Logger,
  ) => void;
}

/** The portal as the events of a core see it. */
export interface NodePortal<Request> {
  /** Sends a request. */
  send(request: Request): void;
  /** Forgets candidates held for a peer that is gone. */
  forgetPeer(peer: string): void;
}

/** What the runner needs of the process. */
export interface Process {
  /** Where log lines go. */
  readonly sink: LogSink;
  /** Which lines are made. */
  readonly logSettings: LogSettings;
  /** Prints a sentence for a person. */
  readonly complain: (sentence: string) => void;
  /** Settles with the name of the signal that asks us to stop. */
  readonly stopRequested: Promise<string>;
}

/** Runs a role until it is asked to stop or cannot go on, and returns the exit code. */
export async function runNode<Message, Request, Event>(
  node: NodeRole<Message, Request, Event>,
  process: Process,
): Promise<number> {
  const log = process.sink.logger(node.role);
  const failed = Promise.withResolvers<string>();
  const plane = await startDataPlane(
    node,
    process,
    (event) => node.onEvent(event, portal, log),
    failed,
  );
  if (typeof plane === "string") {
    process.complain(plane);
    return EXIT_FAILED;
  }
  const portal = connectionTo(node, process, (event) => {
    switch (event.kind) {
      case "message":
        return plane.send(event.message);
      case "fatal":
        return failed.resolve(explainPortal(event.reason, node.apiUrl));
      default:
        return logPortal(event, log);
    }
  });
  portal.start();

  const outcome = await Promise.race([
    failed.promise.then((sentence) => ({ sentence })),
    process.stopRequested.then((signal) => ({ signal })),
  ]);
  if ("signal" in outcome) {
    log.log("info", "Stopping", { signal: outcome.signal });
  }
  await Promise.all([portal.stop(), plane.stop(STOP_LIMIT_MS)]);
  if ("signal" in outcome) {
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

async function startDataPlane<Message, Request, Event>(
  node: NodeRole<Message, Request, Event>,
  process: Process,
  onEvent: (event: Event) => void,
  failed: PromiseWithResolvers<string>,
): Promise<DataPlane<Message, Event> | string> {
  try {
    return await DataPlane.start<unknown, Message, Event>({
      role: node.role,
      settings: node.coreSettings,
      ...(node.tunName === undefined ? {} : { tunName: node.tunName }),
      udp: node.udp,
      logThresholds: process.logSettings.thresholds,
      log: (target) => process.sink.logger(target),
      onEvent,
      onFailure: (error) => failed.resolve(explainDataPlane(error)),
    });
  } catch (error) {
    if (error instanceof Error) return explainDataPlane(error);
    throw error;
  }
}

function connectionTo<Message, Request, Event>(
  node: NodeRole<Message, Request, Event>,
  { sink }: Process,
  onEvent: (event: PortalEvent<Message>) => void,
): PortalConnection<Message, Request> {
  const clock = new Clock();
  const url = loginUrl(node.apiUrl, node.profile, node.parameters);
  if (!url.ok) throw new TypeError(`Cannot use the API URL: ${url.error}`);
  return new PortalConnection({
    profile: node.profile,
    url: url.value,
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

function logPortal(
  event: Exclude<PortalEvent<never>, { kind: "message" | "fatal" }>,
  log: Logger,
): void {
  if (event.kind === "joined") return log.log("info", "Joined the portal");
  log.log("info", "Lost the portal", {
    reason: describeFailure(event.failure),
    retryInMs: Math.round(event.retryInMs),
  });
}

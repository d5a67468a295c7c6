import { Counters, type Instant, type IpAddress } from "../base/mod.ts";
import { isProxyAddress } from "../policy/mod.ts";
import {
  encodeDomainStatus,
  type IpPacketView,
  P2P_ASSIGNED_IPS,
  P2P_PAYLOAD_REFUSALS,
  p2pControlEvent,
  readAssignedIps,
} from "../wire/mod.ts";
import type { Client } from "./client.ts";
import type { ClientDirectory } from "./client_directory.ts";
import { DomainQuestions } from "./domain_questions.ts";
import type { GatewayNode } from "./gateway_node.ts";
import type { Outbox } from "./outbox.ts";
import type { Announcement } from "./translations.ts";

/** What became of an in-tunnel message of a client, and how an announcement was answered. */
export type ControlOutcome = (typeof CONTROL_OUTCOMES)[number];

/** All control outcomes, to make counters of. */
export const CONTROL_OUTCOMES = [
  ...P2P_PAYLOAD_REFUSALS,
  "unknown-event",
  "not-authorized",
  "not-a-proxy-address",
  "not-the-resource's-name",
  "too-many-questions",
  "resolving",
  "resolved",
  "resolution-timed-out",
  "displaced",
  "revoked-meanwhile",
] as const;

/**
 * Turns clients' announcements of names into translations (data-plane spec §9.2).
 *
 * Every announcement that can be read gets one answer, at once or when the
 * shell has found the addresses of the name, but for those that find all
 * places for questions taken.
 *
 * Two checks come earlier than the spec has them, before the question: a name
 * that is not the resource's is not looked up at a client's wish, and
 * addresses outside the proxy range are refused. The latter would otherwise
 * take the place of addresses that belong to other resources.
 */
export class DomainService {
  /** In-tunnel messages by what became of them. */
  readonly counters: Counters<ControlOutcome> = new Counters(CONTROL_OUTCOMES);
  readonly #node: GatewayNode;
  readonly #clients: ClientDirectory;
  readonly #outbox: Outbox;
  readonly #questions = new DomainQuestions();

  /** Creates a service that asks by way of `outbox`. */
  constructor(node: GatewayNode, clients: ClientDirectory, outbox: Outbox) {
    this.#node = node;
    this.#clients = clients;
    this.#outbox = outbox;
  }

  /** The number of names that are being looked up. */
  get questionCount(): number {
    return this.#questions.size;
  }

  /** Takes an in-tunnel message of a client. */
  handleControl(packet: IpPacketView, client: Client, now: Instant): void {
    this.counters.increment(this.#take(packet, client, now));
  }

  /** Takes the addresses of a name, if the question still waits. */
  handleResolved(
    queryId: number,
    addresses: readonly IpAddress[],
    now: Instant,
  ): void {
    const question = this.#questions.take(queryId);
    if (question === undefined) return;
    const { clientId, announcement } = question;
    const client = this.#clients.byId(clientId);
    const isActive = client?.translate(announcement, addresses) ?? false;
    this.counters.increment(isActive ? "resolved" : "revoked-meanwhile");
    this.#answer(clientId, announcement, isActive, now);
  }

  /** Answers for the names whose addresses do not come. */
  handleTimeout(now: Instant): void {
    let question = this.#questions.takeExpired(now);
    while (question !== undefined) {
      this.counters.increment("resolution-timed-out");
      this.#answer(question.clientId, question.announcement, false, now);
      question = this.#questions.takeExpired(now);
    }
  }

  /** Returns when `handleTimeout` is due. */
  pollTimeout(): Instant {
    return this.#questions.pollTimeout();
  }

  /** Drops the questions of a client whose record is gone. */
  forget(clientId: string): void {
    this.#questions.forget(clientId).forEach((id) => this.#abandon(id));
  }

  /** Drops all questions. */
  clear(): void {
    this.#questions.clear();
  }

  #take(packet: IpPacketView, client: Client, now: Instant): ControlOutcome {
    if (p2pControlEvent(packet) !== P2P_ASSIGNED_IPS) return "unknown-event";
    const announcement = readAssignedIps(packet);
    return announcement.ok
      ? this.#announce(client, announcement.value, now)
      : announcement.error;
  }

  #announce(
    client: Client,
    announcement: Announcement,
    now: Instant,
  ): ControlOutcome {
    const refusal = refusalOf(client, announcement);
    if (refusal !== undefined) {
      this.#answer(client.id, announcement, false, now);
      return refusal;
    }
    if (this.#questions.isFull) {
      const displaced = this.#questions.makeRoomFor(client.id);
      if (displaced === undefined) return "too-many-questions";
      this.#abandon(displaced);
      this.counters.increment("displaced");
    }
    const queryId = this.#questions.add(client.id, announcement, now);
    const { domain } = announcement;
    this.#outbox.emit({ kind: "resolve-domain", queryId, domain });
    return "resolving";
  }

  /** The shell looks up so many names at a time, too: one that nobody waits for must not take a place there. */
  #abandon(queryId: number): void {
    this.#outbox.emit({ kind: "abandon-domain", queryId });
  }

  #answer(
    clientId: string,
    { resourceId, domain }: Announcement,
    isActive: boolean,
    now: Instant,
  ): void {
    const status = encodeDomainStatus({ resourceId, domain, isActive });
    this.#node.sendControl(clientId, status, now);
  }
}

function refusalOf(
  client: Client,
  announcement: Announcement,
): ControlOutcome | undefined {
  if (!client.isAuthorized(announcement.resourceId)) return "not-authorized";
  const { proxyIps } = announcement;
  if (!proxyIps.every((ip) => isProxyAddress(ip.family, ip.bytes, 0))) {
    return "not-a-proxy-address";
  }
  return client.acceptsAnnouncement(announcement)
    ? undefined
    : "not-the-resource's-name";
}

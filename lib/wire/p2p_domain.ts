import {
  err,
  formatIp,
  type IpAddress,
  ok,
  parseIp,
  type Result,
  utf8,
} from "../base/mod.ts";
import type { IpPacketView } from "./ip_packet.ts";
import {
  encodeP2pControl,
  P2P_ASSIGNED_IPS,
  P2P_DOMAIN_STATUS,
  p2pControlPayloadAt,
} from "./p2p_control.ts";

/** A client's announcement of the addresses that stand for a name (data-plane spec §9.2). */
export interface AssignedIps {
  /** Lower-case UUID of the resource. */
  readonly resourceId: string;
  /** The name, in presentation form without trailing dot. */
  readonly domain: string;
  /** The addresses, as many as the client wishes, in its order. */
  readonly proxyIps: readonly IpAddress[];
}

/** A gateway's answer to an announcement (data-plane spec §9.3). */
export interface DomainStatus {
  /** Lower-case UUID of the resource. */
  readonly resourceId: string;
  /** The name as it was announced. */
  readonly domain: string;
  /** Whether packets to the addresses are translated. */
  readonly isActive: boolean;
}

/** Why the payload of an in-tunnel message cannot be used. */
export type P2pPayloadRefusal = (typeof P2P_PAYLOAD_REFUSALS)[number];

/** All refusals, to make counters of. */
export const P2P_PAYLOAD_REFUSALS = [
  "payload-not-utf8",
  "payload-not-json",
  "payload-not-an-object",
  "payload-invalid-resource",
  "payload-invalid-domain",
  "payload-invalid-proxy-ips",
  "payload-invalid-status",
] as const;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** One octet of a label in presentation form: a plain character, or one that a backslash escapes. */
const OCTET = String
  .raw`(?:[ -\-/-\[\]-~]|\\(?:[01]\d\d|2[0-4]\d|25[0-5])|\\[ -/:-~])`;
const LABEL = `${OCTET}{1,63}`;
const DOMAIN = new RegExp(String.raw`^(?:\.|(?:${LABEL}\.)*${LABEL}\.?)$`);

/**
 * Longest name that is taken, in characters. Our own choice.
 *
 * A name has at most 253 octets (RFC 1035 §2.3.4), so this leaves room for
 * escapes; and with all of its characters escaped again by JSON, an answer
 * still fits into a packet.
 */
const MAX_DOMAIN_LENGTH = 510;

const DECODER = new TextDecoder("utf-8", { fatal: true });

/** Reads the payload of an announcement. */
export function readAssignedIps(
  packet: IpPacketView,
): Result<AssignedIps, P2pPayloadRefusal> {
  const payload = readPayload(packet);
  if (!payload.ok) return payload;
  const { resourceId, domain, fields } = payload.value;

  const texts: unknown = fields["proxy_ips"];
  if (!Array.isArray(texts)) return err("payload-invalid-proxy-ips");
  const proxyIps: IpAddress[] = [];
  for (const text of texts as unknown[]) {
    const ip = typeof text === "string" ? parseIp(text) : undefined;
    if (ip === undefined) return err("payload-invalid-proxy-ips");
    proxyIps.push(ip);
  }
  return ok({ resourceId, domain, proxyIps });
}

/** Reads the payload of an answer. Every status but `Active` is inactive. */
export function readDomainStatus(
  packet: IpPacketView,
): Result<DomainStatus, P2pPayloadRefusal> {
  const payload = readPayload(packet);
  if (!payload.ok) return payload;
  const { resourceId, domain, fields } = payload.value;

  const status: unknown = fields["status"];
  if (typeof status !== "string") return err("payload-invalid-status");
  return ok({ resourceId, domain, isActive: status === "Active" });
}

/** Builds the packet of an announcement. */
export function encodeAssignedIps(
  { resourceId, domain, proxyIps }: AssignedIps,
): Uint8Array {
  const payload = {
    resource: resourceId,
    domain,
    proxy_ips: proxyIps.map(formatIp),
  };
  return encodeP2pControl(P2P_ASSIGNED_IPS, utf8(JSON.stringify(payload)));
}

/** Builds the packet of an answer. */
export function encodeDomainStatus(
  { resourceId, domain, isActive }: DomainStatus,
): Uint8Array {
  const payload = {
    resource: resourceId,
    domain,
    status: isActive ? "Active" : "Inactive",
  };
  return encodeP2pControl(P2P_DOMAIN_STATUS, utf8(JSON.stringify(payload)));
}

/** What both payloads have in common, and all of their fields. */
interface Payload {
  readonly resourceId: string;
  readonly domain: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function readPayload(packet: IpPacketView): Result<Payload, P2pPayloadRefusal> {
  const document = readJson(
    packet.bytes.subarray(p2pControlPayloadAt(packet), packet.end),
  );
  if (!document.ok) return document;
  const fields = document.value;
  if (!isObject(fields)) return err("payload-not-an-object");

  const resource: unknown = fields["resource"];
  if (typeof resource !== "string" || !UUID.test(resource)) {
    return err("payload-invalid-resource");
  }
  const domain: unknown = fields["domain"];
  if (typeof domain !== "string" || !isDomain(domain)) {
    return err("payload-invalid-domain");
  }
  return ok({
    resourceId: resource.toLowerCase(),
    domain: withoutTrailingDot(domain),
    fields,
  });
}

function readJson(
  bytes: Uint8Array,
): Result<unknown, "payload-not-utf8" | "payload-not-json"> {
  let text: string;
  try {
    text = DECODER.decode(bytes);
  } catch {
    return err("payload-not-utf8");
  }
  try {
    return ok(JSON.parse(text));
  } catch {
    return err("payload-not-json");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDomain(text: string): boolean {
  return text.length <= MAX_DOMAIN_LENGTH && DOMAIN.test(text);
}

/** The root keeps its dot. A dot that a backslash escapes ends a label's octet, not the name. */
function withoutTrailingDot(domain: string): string {
  const isAbsolute = domain.length > 1 && domain.endsWith(".") &&
    !endsInEscape(domain.slice(0, -1));
  return isAbsolute ? domain.slice(0, -1) : domain;
}

/** Tells whether `text` ends in a backslash that escapes what follows. */
function endsInEscape(text: string): boolean {
  const backslashes = /\\*$/.exec(text)?.[0].length ?? 0;
  return backslashes % 2 === 1;
}

import { formatIp, ipFromBytes } from "../../lib/base/mod.ts";
import type { PacketFacts } from "./naive_gateway.ts";

/** A packet in words, whether sent or quoted by an ICMP error. */
export interface NaivePacket {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** Both ports, or twice the echo identifier; nothing for what has neither. */
  readonly selectors: readonly number[];
  readonly kind: PacketFacts["kind"];
}

/** Data-plane spec §2.1 rules V1 to V11, §2.2 and §2.3, read line by line. Returns `undefined` for what is refused. */
export function naivePacket(bytes: Uint8Array): NaivePacket | undefined {
  if (bytes.length === 0 || bytes.length > 1280) return undefined;
  const outer = naiveHeader(bytes);
  if (!outer || outer.length !== bytes.length || outer.isFragment) {
    return undefined;
  }
  const { protocol, payload, isV6 } = outer;
  if (protocol === 17) {
    if (payload.length < 8 || word(payload, 4) !== payload.length) {
      return undefined;
    }
  }
  if (protocol === 6) {
    const offset = ((payload[12] ?? 0) >> 4) * 4;
    if (payload.length < 20 || offset < 20 || offset > payload.length) {
      return undefined;
    }
  }
  if (protocol === 1 && isV6 || protocol === 58 && !isV6) return undefined;
  if ((protocol === 1 || protocol === 58) && payload.length < 8) {
    return undefined;
  }
  const { source, destination } = outer;
  return { source, destination, protocol, ...naiveTransport(outer) };
}

interface NaiveHeader {
  readonly isV6: boolean;
  /** What the length field declares the whole to be. */
  readonly length: number;
  readonly source: string;
  readonly destination: string;
  readonly isFragment: boolean;
  readonly isLaterFragment: boolean;
  readonly protocol: number;
  readonly payload: Uint8Array;
}

function naiveHeader(bytes: Uint8Array): NaiveHeader | undefined {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4) return naiveIpv4(bytes);
  return version === 6 ? naiveIpv6(bytes) : undefined;
}

function naiveIpv4(bytes: Uint8Array): NaiveHeader | undefined {
  const headerLength = ((bytes[0] ?? 0) & 15) * 4;
  if (bytes.length < 20 || headerLength < 20) return undefined;
  if (bytes.length < headerLength) return undefined;
  const fragment = word(bytes, 6);
  return {
    isV6: false,
    length: word(bytes, 2),
    source: text(bytes.slice(12, 16)),
    destination: text(bytes.slice(16, 20)),
    isFragment: (fragment & 0x2000) !== 0 || (fragment & 0x1fff) !== 0,
    isLaterFragment: (fragment & 0x1fff) !== 0,
    protocol: bytes[9]!,
    payload: bytes.slice(headerLength),
  };
}

function naiveIpv6(bytes: Uint8Array): NaiveHeader | undefined {
  if (bytes.length < 40) return undefined;
  let protocol = bytes[6]!;
  let payload = bytes.slice(40);
  let isFragment = false;
  let isLaterFragment = false;
  while ([0, 43, 44, 60, 135, 139, 140, 253, 254].includes(protocol)) {
    if (payload.length < 8) return undefined;
    if (protocol === 44) {
      const offset = word(payload, 2) >> 3;
      const hasMore = (payload[3]! & 1) === 1;
      if (offset !== 0) isLaterFragment = true;
      if (offset !== 0 || hasMore) isFragment = true;
    }
    const length = protocol === 44 ? 8 : (payload[1]! + 1) * 8;
    if (payload.length < length) return undefined;
    protocol = payload[0]!;
    payload = payload.slice(length);
  }
  return {
    isV6: true,
    length: 40 + word(bytes, 4),
    source: text(bytes.slice(8, 24)),
    destination: text(bytes.slice(24, 40)),
    isFragment,
    isLaterFragment,
    protocol,
    payload,
  };
}

/** Tells whether a whole packet names further destinations: RFC 791 §3.1, RFC 8200 §4.4. */
export function naiveSourceRoute(bytes: Uint8Array): boolean {
  if (bytes[0]! >> 4 === 4) {
    let options = bytes.slice(20, (bytes[0]! & 15) * 4);
    while (options.length > 0 && options[0] !== 0) {
      if (options[0] === 131 || options[0] === 137) return true;
      const length = options[0] === 1 ? 1 : options[1] ?? 0;
      if (options[0] !== 1 && length < 2) return false;
      options = options.slice(length);
    }
    return false;
  }
  let protocol = bytes[6]!;
  let rest = bytes.slice(40);
  while ([0, 43, 44, 60, 135, 139, 140, 253, 254].includes(protocol)) {
    if (protocol === 43 && rest[3] !== 0) return true;
    const length = protocol === 44 ? 8 : (rest[1]! + 1) * 8;
    protocol = rest[0]!;
    rest = rest.slice(length);
  }
  return false;
}

function naiveTransport(
  { protocol, payload, isV6 }: NaiveHeader,
): Pick<NaivePacket, "kind" | "selectors"> {
  const ports = [word(payload, 0), word(payload, 2)];
  switch (protocol) {
    case 6:
      return { kind: "tcp", selectors: ports };
    case 17:
      return { kind: "udp", selectors: ports };
    case 1:
    case 58: {
      const [type, code] = payload;
      const echo = isV6 ? [128, 129] : [8, 0];
      if (code === 0 && echo.includes(type!)) {
        const identifier = word(payload, 4);
        return { kind: "echo", selectors: [identifier, identifier] };
      }
      const isError = isV6
        ? type === 1 || type === 3 || type === 2 && code === 0
        : type === 3 || type === 11;
      const quoted = isError && naiveQuoted(payload.slice(8), isV6);
      return { kind: quoted ? "icmp-error" : "other-icmp", selectors: [] };
    }
    default:
      return { kind: "other-protocol", selectors: [] };
  }
}

/** What an ICMP error quotes, if it can be made sense of: data-plane spec §2.3. Lengths are not looked at. */
export function naiveQuoted(
  body: Uint8Array,
  isV6: boolean,
): NaivePacket | undefined {
  const header = naiveHeader(body);
  if (!header || header.isV6 !== isV6 || header.isLaterFragment) {
    return undefined;
  }
  const { protocol, payload, source, destination } = header;
  const ports = [word(payload, 0), word(payload, 2)];
  if (protocol === 6 || protocol === 17) {
    if (payload.length < 4) return undefined;
    const kind = protocol === 6 ? "tcp" : "udp";
    return { source, destination, protocol, kind, selectors: ports };
  }
  if (protocol !== (isV6 ? 58 : 1) || payload.length < 8) return undefined;
  const isRequest = payload[0] === (isV6 ? 128 : 8) && payload[1] === 0;
  if (!isRequest) return undefined;
  const identifier = word(payload, 4);
  const selectors = [identifier, identifier];
  return { source, destination, protocol, kind: "echo", selectors };
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
}

function text(bytes: Uint8Array): string {
  return formatIp(ipFromBytes(bytes));
}

import fc from "fast-check";
import { writeU16 } from "../../lib/base/mod.ts";
import type { NaiveFlags, NaiveKind } from "../support/naive_nat.ts";
import {
  addressBytes,
  naiveChecksum,
  transportChecksum,
} from "../support/ip_packet.ts";

/** What a packet between a client and a resource is made of. */
export interface FlowPacket {
  readonly source: string;
  readonly destination: string;
  readonly kind: NaiveKind;
  /** Source and destination port; of an echo, the first is the identifier. */
  readonly values: readonly [number, number];
  readonly flags: NaiveFlags;
  readonly payload: Uint8Array;
  /** How many words of IPv4 options or eights of IPv6 extension headers there are. */
  readonly extras: number;
  /** Whether a UDP packet has no checksum. */
  readonly isUnsummed: boolean;
}

const PROTOCOLS = { tcp: 6, udp: 17 } as const;
const DESTINATION_OPTIONS = 60;

/** Kinds of packets that are translated. */
export function kinds(): fc.Arbitrary<NaiveKind> {
  return fc.constantFrom<NaiveKind>("tcp", "udp", "echo");
}

/** Flags of TCP packets, mostly none. */
export function tcpFlags(): fc.Arbitrary<NaiveFlags> {
  const rare = fc.integer({ min: 0, max: 3 }).map((n) => n === 0);
  return fc.record({ fin: rare, rst: rare });
}

/** Packets with right checksums between two addresses. */
export function flowPackets(
  source: string,
  destination: string,
): fc.Arbitrary<FlowPacket> {
  const value = fc.integer({ min: 0, max: 0xffff });
  return fc.record({
    source: fc.constant(source),
    destination: fc.constant(destination),
    kind: kinds(),
    values: fc.tuple(value, value),
    flags: tcpFlags(),
    payload: fc.uint8Array({ maxLength: 40 }),
    extras: fc.integer({ min: 0, max: 3 }),
    isUnsummed: fc.boolean(),
  });
}

/** Builds a packet. */
export function buildFlowPacket(flow: FlowPacket): Uint8Array {
  const message = buildMessage(flow);
  return flow.source.includes(":")
    ? ipv6Packet(flow, protocolOf(flow), message)
    : ipv4Packet(flow, protocolOf(flow), message);
}

/** Builds a packet without payload and extras. */
export function bareFlowPacket(
  source: string,
  destination: string,
  kind: NaiveKind,
  values: readonly [number, number],
  flags: NaiveFlags = { fin: false, rst: false },
): Uint8Array {
  return buildFlowPacket({
    source,
    destination,
    kind,
    values,
    flags,
    payload: new Uint8Array(0),
    extras: 0,
    isUnsummed: false,
  });
}

/** Builds an ICMP error with a right checksum, options or extension headers included. */
export function buildIcmpError(
  addresses: Pick<FlowPacket, "source" | "destination" | "extras">,
  header: readonly number[],
  body: Uint8Array,
): Uint8Array {
  const isV6 = addresses.source.includes(":");
  const message = Uint8Array.from([...header, ...body]);
  message.set([0, 0], 2);
  const checksum = isV6
    ? transportChecksum(addresses, 58, message)
    : naiveChecksum(message);
  writeU16(message, 2, checksum);
  return isV6
    ? ipv6Packet(addresses, 58, message)
    : ipv4Packet(addresses, 1, message);
}

function protocolOf({ kind, source }: FlowPacket): number {
  if (kind !== "echo") return PROTOCOLS[kind];
  return source.includes(":") ? 58 : 1;
}

function buildMessage(flow: FlowPacket): Uint8Array {
  const { kind, values: [from, to], flags, payload } = flow;
  const ports = [from >> 8, from & 0xff, to >> 8, to & 0xff];
  const protocol = protocolOf(flow);
  switch (kind) {
    case "tcp": {
      const bits = 0x10 | (flags.fin ? 1 : 0) | (flags.rst ? 4 : 0);
      const rest = [0, 0, 0, 1, 0, 0, 0, 2, 0x50, bits, 1, 0, 0, 0, 0, 0];
      return summed(flow, [...ports, ...rest, ...payload], 16);
    }
    case "udp": {
      const length = 8 + payload.length;
      const bytes = [...ports, length >> 8, length & 0xff, 0, 0, ...payload];
      return flow.isUnsummed ? Uint8Array.from(bytes) : summed(flow, bytes, 6);
    }
    case "echo": {
      const type = protocol === 1 ? 8 : 128;
      const bytes = [type, 0, 0, 0, from >> 8, from & 0xff, 0, 1, ...payload];
      return summed(flow, bytes, 2);
    }
  }
}

function summed(
  flow: FlowPacket,
  bytes: readonly number[],
  at: number,
): Uint8Array {
  const message = Uint8Array.from(bytes);
  const protocol = protocolOf(flow);
  const checksum = protocol === 1
    ? naiveChecksum(message)
    : transportChecksum(flow, protocol, message);
  writeU16(message, at, checksum === 0 ? 0xffff : checksum);
  return message;
}

function ipv4Packet(
  { source, destination, extras }: Pick<
    FlowPacket,
    "source" | "destination" | "extras"
  >,
  protocol: number,
  message: Uint8Array,
): Uint8Array {
  const length = 20 + 4 * extras + message.length;
  const header = Uint8Array.from([
    ...[0x45 + extras, 0, length >> 8, length & 0xff, 0, 1, 0x40, 0],
    ...[64, protocol, 0, 0],
    ...addressBytes(source),
    ...addressBytes(destination),
    ...new Array<number>(4 * extras).fill(1),
  ]);
  writeU16(header, 10, naiveChecksum(header));
  return Uint8Array.from([...header, ...message]);
}

function ipv6Packet(
  { source, destination, extras }: Pick<
    FlowPacket,
    "source" | "destination" | "extras"
  >,
  protocol: number,
  message: Uint8Array,
): Uint8Array {
  const length = 8 * extras + message.length;
  const chain = Array.from({ length: extras }, (_, i) => {
    const next = i === extras - 1 ? protocol : DESTINATION_OPTIONS;
    return [next, 0, 1, 4, 0, 0, 0, 0];
  });
  const first = extras === 0 ? protocol : DESTINATION_OPTIONS;
  return Uint8Array.from([
    ...[0x60, 0, 0, 0, length >> 8, length & 0xff, first, 64],
    ...addressBytes(source),
    ...addressBytes(destination),
    ...chain.flat(),
    ...message,
  ]);
}

import { addressBytes, naiveChecksum, transportChecksum } from "./ip_packet.ts";

/** What a TCP or UDP packet says; all else has a default. */
export interface FlowPacket {
  readonly version?: 4 | 6;
  readonly protocol?: "tcp" | "udp";
  readonly payload: Uint8Array;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  /** The flags of TCP, ACK unless told. */
  readonly flags?: number;
  /** The options of TCP, a multiple of 4 bytes. */
  readonly options?: readonly number[];
  readonly window?: number;
  readonly identification?: number;
  readonly trafficClass?: number;
  readonly ttl?: number;
  /** Flags and fragment offset of IPv4. */
  readonly fragment?: number;
  /** The options of IPv4, a multiple of 4 bytes. */
  readonly ipOptions?: readonly number[];
  readonly flowLabel?: number;
  /** Last byte of the destination address. */
  readonly host?: number;
}

/** Builds a packet of any length with right checksums. */
export function flowPacket(fields: FlowPacket): Uint8Array {
  const { version = 4, protocol = "tcp", host = 2 } = fields;
  const addresses = version === 4
    ? { source: "10.1.2.3", destination: `100.64.0.${host}` }
    : { source: "2001:db8::1", destination: `fd00::${host}` };
  const number = protocol === "tcp" ? 6 : 17;
  const message = protocol === "tcp" ? tcp(fields) : udp(fields);
  const checksum = transportChecksum(addresses, number, message);
  const isZero = protocol === "udp" && checksum === 0;
  message.set(word(isZero ? 0xffff : checksum), protocol === "tcp" ? 16 : 6);
  const ends = [
    ...addressBytes(addresses.source),
    ...addressBytes(addresses.destination),
  ];
  return version === 4
    ? ipv4(fields, ends, number, message)
    : ipv6(fields, ends, number, message);
}

function tcp(
  {
    payload,
    sourcePort = 80,
    destinationPort = 40_000,
    sequence = 1,
    acknowledgement = 7,
    flags = 0x10,
    options = [],
    window = 500,
  }: FlowPacket,
): Uint8Array {
  return Uint8Array.from([
    ...word(sourcePort),
    ...word(destinationPort),
    ...long(sequence),
    ...long(acknowledgement),
    ...[(5 + options.length / 4) << 4, flags],
    ...[...word(window), 0, 0, 0, 0],
    ...options,
    ...payload,
  ]);
}

function udp(
  { payload, sourcePort = 53, destinationPort = 40_000 }: FlowPacket,
): Uint8Array {
  return Uint8Array.from([
    ...word(sourcePort),
    ...word(destinationPort),
    ...word(8 + payload.length),
    ...[0, 0],
    ...payload,
  ]);
}

function ipv4(
  {
    identification = 9,
    trafficClass = 0,
    ttl = 63,
    fragment = 0x4000,
    ipOptions = [],
  }: FlowPacket,
  addresses: readonly number[],
  protocol: number,
  message: Uint8Array,
): Uint8Array {
  const headerLength = 20 + ipOptions.length;
  const header = Uint8Array.from([
    ...[0x40 | (headerLength / 4), trafficClass],
    ...word(headerLength + message.length),
    ...word(identification),
    ...word(fragment),
    ...[ttl, protocol, 0, 0],
    ...addresses,
    ...ipOptions,
  ]);
  header.set(word(naiveChecksum(header)), 10);
  return Uint8Array.from([...header, ...message]);
}

function ipv6(
  { trafficClass = 0, ttl = 63, flowLabel = 0 }: FlowPacket,
  addresses: readonly number[],
  protocol: number,
  message: Uint8Array,
): Uint8Array {
  return Uint8Array.from([
    ...long(0x60000000 | (trafficClass << 20) | flowLabel),
    ...word(message.length),
    ...[protocol, ttl],
    ...addresses,
    ...message,
  ]);
}

function word(value: number): [number, number] {
  return [(value >> 8) & 0xff, value & 0xff];
}

function long(value: number): [number, number, number, number] {
  return [...word(value >>> 16), ...word(value & 0xffff)];
}

import { formatIp, ipFromBytes, readU16 } from "../../lib/base/mod.ts";
import type { IpPacketView } from "../../lib/wire/mod.ts";
import { naiveChecksum, transportChecksum } from "./ip_packet.ts";

/** Where each transport keeps its checksum. */
const CHECKSUM_AT: Readonly<Record<number, number>> = {
  1: 2,
  6: 16,
  17: 6,
  58: 2,
};

/**
 * Names the checksums of a packet that a naive recomputation finds wrong, or badly written.
 *
 * An absent UDP checksum is right. A checksum of ours is never 0x0000.
 */
export function wrongChecksums(packet: IpPacketView): string[] {
  const { bytes, start, end, transportAt, protocol, version } = packet;
  const wrong: string[] = [];
  const header = bytes.slice(start, transportAt);
  if (version === 4 && !sumsToZero(header, 0)) wrong.push("ipv4");

  const at = CHECKSUM_AT[protocol];
  if (at === undefined) return wrong;
  const message = bytes.slice(transportAt, end);
  const isAbsent = protocol === 17 && readU16(message, at) === 0;
  if (isAbsent) return wrong;
  const verifies = protocol === 1
    ? sumsToZero(message, 0)
    : transportChecksum(addressesOf(packet), protocol, message) === 0;
  if (!verifies) wrong.push(`protocol ${protocol}`);
  return wrong;
}

/** The checksum of the transport, as it is written. */
export function transportChecksumOf(packet: IpPacketView): number {
  const at = CHECKSUM_AT[packet.protocol] ?? NaN;
  return readU16(packet.bytes, packet.transportAt + at);
}

function sumsToZero(bytes: Uint8Array, expected: number): boolean {
  return naiveChecksum(bytes) === expected;
}

function addressesOf(packet: IpPacketView) {
  const { bytes, sourceAt, destinationAt, addressLength } = packet;
  return {
    source: formatIp(
      ipFromBytes(bytes.slice(sourceAt, sourceAt + addressLength)),
    ),
    destination: formatIp(
      ipFromBytes(bytes.slice(destinationAt, destinationAt + addressLength)),
    ),
  };
}

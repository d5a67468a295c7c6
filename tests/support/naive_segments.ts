import { naiveChecksum } from "./ip_packet.ts";

/**
 * Splits a large TCP or UDP packet the plain way, as data-plane spec §3.5 tells it: the oracle of the kernel.
 */
export function splitSimply(
  packet: Uint8Array,
  segmentSize: number,
): Uint8Array[] {
  const isIpv4 = packet[0]! >> 4 === 4;
  const ipLength = isIpv4 ? (packet[0]! & 15) * 4 : 40;
  const isTcp = packet[isIpv4 ? 9 : 6] === 6;
  const headerLength = ipLength +
    (isTcp ? (packet[ipLength + 12]! >> 4) * 4 : 8);
  const payload = packet.slice(headerLength);
  const count = Math.ceil(payload.length / segmentSize);
  return Array.from({ length: count }, (_, i) => {
    const part = payload.slice(i * segmentSize, (i + 1) * segmentSize);
    const headers = packet.slice(0, headerLength);
    const segment = Uint8Array.from([...headers, ...part]);
    const view = new DataView(segment.buffer);
    if (isIpv4) {
      view.setUint16(2, segment.length);
      view.setUint16(4, view.getUint16(4) + i);
      view.setUint16(10, 0);
      view.setUint16(10, naiveChecksum(segment.slice(0, ipLength)));
    } else view.setUint16(4, segment.length - 40);
    if (isTcp) {
      const sequence = view.getUint32(ipLength + 4) + i * segmentSize;
      view.setUint32(ipLength + 4, sequence);
      if (i < count - 1) segment[ipLength + 13]! &= ~0x09;
    } else view.setUint16(ipLength + 4, segment.length - ipLength);
    view.setUint16(ipLength + (isTcp ? 16 : 6), 0);
    const checksum = packetChecksum(segment);
    const isAbsent = !isTcp && checksum === 0;
    view.setUint16(
      ipLength + (isTcp ? 16 : 6),
      isAbsent ? 0xffff : checksum,
    );
    return segment;
  });
}

/** Returns 0 when the TCP or UDP checksum of a packet is right; its right value when the field is zero. */
export function packetChecksum(packet: Uint8Array): number {
  const isIpv4 = packet[0]! >> 4 === 4;
  const ipLength = isIpv4 ? (packet[0]! & 15) * 4 : 40;
  const addresses = isIpv4 ? packet.slice(12, 20) : packet.slice(8, 40);
  const message = packet.slice(ipLength);
  return naiveChecksum(Uint8Array.from([
    ...addresses,
    ...[0, packet[isIpv4 ? 9 : 6]!],
    ...[message.length >> 8, message.length & 255],
    ...message,
  ]));
}

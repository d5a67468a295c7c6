import { readU16 } from "../base/mod.ts";
import { internetChecksum, pseudoHeaderSum } from "./checksum.ts";
import { IPV4_SOURCE, ipv4HeaderLength } from "./ipv4.ts";
import { IPV6_SOURCE } from "./ipv6.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "./selector.ts";
import type { TransportView } from "./transport_view.ts";

/** Which checksum of a packet is wrong. */
export type ChecksumDefect = "ipv4" | "tcp" | "udp";

/** Offset of the checksum in a UDP header, RFC 768. */
const UDP_CHECKSUM = 6;

/**
 * Returns which checksum of the packet `[start, end)` is wrong, if any.
 *
 * Reads all of it, by a view that may be shared. An absent UDP checksum over
 * IPv4 is right; of fragments only the header can be told.
 */
export function checksumDefect(
  view: TransportView,
  bytes: Uint8Array,
  start: number,
  end: number,
): ChecksumDefect | undefined {
  const kind = view.attach(bytes, start, end);
  const first = bytes[start] ?? 0;
  if (first >> 4 === 4) {
    const header = start + ipv4HeaderLength(first);
    const isWhole = header <= end;
    if (isWhole && internetChecksum(bytes, start, header) !== 0) return "ipv4";
  }
  if (kind !== "tcp" && kind !== "udp") return undefined;

  const { transportAt, version } = view;
  const isAbsent = kind === "udp" && version === 4 &&
    readU16(bytes, transportAt + UDP_CHECKSUM) === 0;
  if (isAbsent) return undefined;
  const pseudo = pseudoHeaderSum(
    bytes,
    start + (version === 4 ? IPV4_SOURCE : IPV6_SOURCE),
    version === 4 ? 4 : 16,
    kind === "tcp" ? PROTOCOL_TCP : PROTOCOL_UDP,
    end - transportAt,
  );
  const sum = internetChecksum(bytes, transportAt, end, pseudo);
  return sum === 0 ? undefined : kind;
}

import { readU16 } from "../base/mod.ts";

/** IPv6 header layout in bytes, RFC 8200 §3. */
export const IPV6_PAYLOAD_LENGTH = 4;
/** Offset of the next-header field. */
export const IPV6_NEXT_HEADER = 6;
/** Offset of the source address. */
export const IPV6_SOURCE = 8;
/** Offset of the destination address. */
export const IPV6_DESTINATION = 24;
/** Length of the fixed header. */
export const IPV6_HEADER_LENGTH = 40;

/** Extension headers of length (len + 1) × 8 that are walked (data-plane spec §2.1 V7). AH and ESP count as transport. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const MOBILITY = 135;
const HIP = 139;
const SHIM6 = 140;
const EXPERIMENT_1 = 253;
const EXPERIMENT_2 = 254;

const NO_HEADER = -1;
const SEGMENTS_LEFT = 3;
const FRAGMENT_FIELD = 2;
const FRAGMENT_OFFSET_MASK = 0xfff8;
const MORE_FRAGMENTS = 0x0001;

/** Walks the extension headers of an IPv6 packet. Reusable; allocates nothing. */
export class Ipv6ExtensionChain {
  /** The transport protocol behind the chain. Valid after `walk` returned `true`. */
  protocol = 0;
  /** Index of the transport header. Valid after `walk` returned `true`. */
  transportAt = 0;
  /** Whether a fragment header said that there are other fragments. Valid after `walk` returned `true`. */
  fragmented = false;
  /** Whether a fragment header said that this is not the first one. Valid after `walk` returned `true`. */
  laterFragment = false;
  /** Whether a routing header names addresses that the packet has yet to visit. Valid after `walk` returned `true`. */
  sourceRouted = false;

  /** Walks from the fixed header at `start`. Returns `false` when a header reaches beyond `end`. */
  walk(bytes: Uint8Array, start: number, end: number): boolean {
    this.fragmented = false;
    this.laterFragment = false;
    this.sourceRouted = false;
    let protocol = bytes[start + IPV6_NEXT_HEADER]!;
    let at = start + IPV6_HEADER_LENGTH;
    for (;;) {
      const length = extensionLength(protocol, bytes, at, end);
      if (length === NO_HEADER) break;
      if (at + length > end) return false;
      if (protocol === FRAGMENT) this.#noteFragment(bytes, at);
      if (protocol === ROUTING && bytes[at + SEGMENTS_LEFT] !== 0) {
        this.sourceRouted = true;
      }
      protocol = bytes[at]!;
      at += length;
    }
    this.protocol = protocol;
    this.transportAt = at;
    return true;
  }

  #noteFragment(bytes: Uint8Array, at: number): void {
    const field = readU16(bytes, at + FRAGMENT_FIELD);
    const later = (field & FRAGMENT_OFFSET_MASK) !== 0;
    if (later) this.laterFragment = true;
    if (later || (field & MORE_FRAGMENTS) !== 0) this.fragmented = true;
  }
}

/** Returns the length of the extension header at `at`, at least 8, or `NO_HEADER` if `protocol` is a transport. */
function extensionLength(
  protocol: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  switch (protocol) {
    case FRAGMENT:
      return 8;
    case HOP_BY_HOP:
    case ROUTING:
    case DESTINATION_OPTIONS:
    case MOBILITY:
    case HIP:
    case SHIM6:
    case EXPERIMENT_1:
    case EXPERIMENT_2:
      return at + 2 <= end ? (bytes[at + 1]! + 1) * 8 : 8;
    default:
      return NO_HEADER;
  }
}

import assert from "node:assert/strict";
import { Arena, formatIp, ipFromBytes, toHex } from "../../lib/base/mod.ts";
import { TunFrame } from "../../lib/io/tun_frame.ts";
import {
  applyOuterEcn,
  encodeP2pControl,
  encodePathProbe,
  IcmpErrorView,
  internetChecksum,
  IpPacketView,
  isP2pControl,
  p2pControlEvent,
  p2pControlPayloadAt,
  pathProbeIdentifier,
  pathProbeSequence,
  pathProbeType,
  pseudoHeaderSum,
  replaceDestinationAddress,
  replaceDestinationPort,
  replaceEchoIdentifier,
  replaceSourceAddress,
  replaceSourcePort,
  SegmentKernel,
  SELECTOR_ECHO,
  SELECTOR_TCP,
  SELECTOR_UDP,
  selectorKind,
  selectorValue,
} from "../../lib/wire/mod.ts";
import { echoRequest, ipPacket, tcpPacket } from "../support/ip_packet.ts";
import {
  type NaivePacket,
  naivePacket,
  naiveQuoted,
} from "../support/naive_packet.ts";
import { packetVectors } from "../support/packet_vectors.ts";
import { readAnywhere } from "./anywhere.ts";
import type { FuzzTarget } from "./engine.ts";
import { Mutator, type Repair, repairPacket } from "./mutator.ts";

const V4 = { source: "100.64.0.1", destination: "10.0.0.1" };
const V6 = { source: "fd00:2021:1111::1", destination: "2001:db8::1" };
const PORTS = { sourcePort: 5401, destinationPort: 443 };

/** Genuine packets of all kinds. */
export function packetCorpus(): Uint8Array[] {
  const { packets, icmpErrors } = packetVectors();
  return [
    ...packets.map(({ packet }) => packet),
    ...icmpErrors.map(({ packet }) => packet),
    tcpPacket({ ...V4, ...PORTS }),
    tcpPacket({ ...V6, ...PORTS, payload: new Uint8Array(1_220) }),
    echoRequest({ ...V4, identifier: 7 }),
    ipPacket(V6, 0, Uint8Array.of(44, 0, 1, 4, 0, 0, 0, 0, 17, ...zeros(15))),
    ipPacket(V6, 60, Uint8Array.of(43, 1, ...zeros(14), 58, ...zeros(15))),
    encodePathProbe(128, 1, 2),
    encodeP2pControl(2, new Uint8Array(0)),
    encodeP2pControl(1, new TextEncoder().encode('{"status":"Active"}')),
  ];
}

const corpus = packetCorpus();

const frameArena = new Arena(2 ** 18);
const frame = new TunFrame(frameArena.bytes, SegmentKernel.create(frameArena));
/** Where reads of the TUN device are put, with room before and behind. */
const FRAME_AT = frameArena.allocate(2 ** 17) + 64;

/** The IP packet parsers: what a client or the kernel hands us. */
export const IP_TARGETS: readonly FuzzTarget[] = [
  packetTarget("wire/ip_packet", 6_000, checkPacket),
  packetTarget("wire/packet_edit", 6_000, checkEdits),
  packetTarget("wire/p2p_control", 500, (input) => {
    const packet = attached(input);
    if (packet === undefined || !isP2pControl(packet)) return;
    const payload = input.slice(p2pControlPayloadAt(packet));
    const again = encodeP2pControl(p2pControlEvent(packet), payload);

    const copy = attached(again);
    assert.ok(copy !== undefined && isP2pControl(copy));
    assert.equal(p2pControlEvent(copy), p2pControlEvent(packet));
    assert.equal(
      toHex(again.slice(p2pControlPayloadAt(copy))),
      toHex(payload),
    );
  }, corpus.slice(-2)),
  packetTarget("wire/path_probe", 500, (input) => {
    const [type, identifier, sequence] = readAnywhere(
      input,
      (bytes, start, end) => {
        const type = pathProbeType(bytes, start, end);
        return type === 0 ? [0, 0, 0] as const : [
          type,
          pathProbeIdentifier(bytes, start),
          pathProbeSequence(bytes, start),
        ] as const;
      },
    );
    if (type === 0) return;
    const again = encodePathProbe(type, identifier, sequence);
    assert.equal(pathProbeType(again, 0, again.length), type);
    assert.equal(toHex(again.slice(44)), toHex(input.slice(44, 48)));
  }, [encodePathProbe(128, 0x1234, 1), encodePathProbe(129, 65_535, 65_535)]),
  packetTarget(
    "io/tun_frame",
    500,
    (input) => {
      const { bytes } = frameArena;
      const end = FRAME_AT + input.length;
      bytes.fill(0xaa, FRAME_AT - 8, end + 8);
      bytes.set(input, FRAME_AT);
      const verdict = frame.attach(FRAME_AT, end);
      while (verdict === "ok" && frame.next()) {
        assert.ok(frame.packetAt >= FRAME_AT + 10 && frame.packetEnd <= end);
      }

      const outside = [
        ...bytes.slice(FRAME_AT - 8, FRAME_AT),
        ...bytes.slice(end, end + 8),
      ];
      assert.ok(outside.every((byte) => byte === 0xaa), "Written outside");
      const header = input.slice(0, 10);
      const kept = bytes.slice(FRAME_AT, FRAME_AT + header.length);
      assert.equal(toHex(kept), toHex(header));
      if (verdict === "ok" && input[0]! % 2 === 0 && input[1] === 0) {
        assert.equal(toHex(bytes.slice(FRAME_AT, end)), toHex(input));
      }
    },
    corpus.flatMap((packet) =>
      [0, 1, 4, 5].map((kind) => withVirtioHeader(packet, kind))
    ),
    () => {},
  ),
];

/** A packet is read as the spec says, wherever it lies. */
function checkPacket(input: Uint8Array): void {
  const read = readAnywhere(input, readPacket);
  const naive = naivePacket(input);
  assert.equal(read.refusal === "ok", naive !== undefined, read.refusal);
  if (!read.packet || !naive) return;

  const { kind, ...facts } = naive;
  assert.deepEqual(read.packet, facts);
  assert.equal(read.icmpClass, naiveIcmpClass(naive));
  if (!read.quoted) return;
  const body = input.slice(read.quoted.at);
  const { kind: quotedKind, ...quoted } = naiveQuoted(
    body,
    naive.protocol === 58,
  )!;
  assert.deepEqual(read.quoted.packet, quoted, `${kind} of ${quotedKind}`);
}

function naiveIcmpClass({ kind }: NaivePacket): string {
  if (kind === "icmp-error") return "error";
  return kind === "other-icmp" ? "unparseable" : "not-an-error";
}

/** Everything that can be read of a packet, with indices relative to its start. */
function readPacket(bytes: Uint8Array, start: number, end: number) {
  const packet = new IpPacketView();
  const refusal = packet.attach(bytes, start, end);
  if (refusal !== "ok") return { refusal };
  const error = new IcmpErrorView();
  const icmpClass = error.attach(packet);
  const { addressLength } = packet;
  const facts = (it: IpPacketView | IcmpErrorView) => ({
    source: addressOf(bytes, it.sourceAt, addressLength),
    destination: addressOf(bytes, it.destinationAt, addressLength),
    protocol: it.protocol,
    selectors: [it.sourceSelector, it.destinationSelector]
      .filter((selector) => selectorKind(selector) <= SELECTOR_ECHO)
      .map(selectorValue),
  });
  const quoted = icmpClass === "error"
    ? { at: error.start - start, packet: facts(error) }
    : undefined;
  const { ecn } = packet;
  const isControl = isP2pControl(packet);
  return { refusal, packet: facts(packet), icmpClass, quoted, ecn, isControl };
}

function addressOf(bytes: Uint8Array, at: number, length: number): string {
  return formatIp(ipFromBytes(bytes.slice(at, at + length)));
}

/** Edits there and back give the packet again, apart from the two zeros of a checksum; a right checksum stays right. */
function checkEdits(input: Uint8Array): void {
  const packet = attached(input);
  if (packet === undefined) return;
  const before = input.slice();
  const wasRight = verifies(packet);
  const kind = selectorKind(packet.sourceSelector);
  const other = new Uint8Array(16).fill(0x5a);

  replaceSourceAddress(packet, other, 0);
  replaceDestinationAddress(packet, other, 0);
  if (kind === SELECTOR_TCP || kind === SELECTOR_UDP) {
    replaceSourcePort(packet, 0xfffe);
    replaceDestinationPort(packet, 0);
  }
  if (kind === SELECTOR_ECHO) replaceEchoIdentifier(packet, 0xffff);
  if (wasRight) assert.ok(verifies(packet), "A checksum broke");
  assert.ok(naivePacket(input), "The packet broke");

  restore(packet, before, kind);
  assert.equal(canonical(input), canonical(before));
  applyOuterEcn(packet, 3);
  assert.equal(packet.ecn, ecnAfterMark(before));
  if (wasRight) assert.ok(verifies(packet), "A mark broke it");
}

function restore(packet: IpPacketView, before: Uint8Array, kind: number): void {
  const { start, sourceAt, destinationAt, transportAt } = packet;
  replaceSourceAddress(packet, before, sourceAt - start);
  replaceDestinationAddress(packet, before, destinationAt - start);
  const word = (at: number) => before[at]! << 8 | before[at + 1]!;
  if (kind === SELECTOR_TCP || kind === SELECTOR_UDP) {
    replaceSourcePort(packet, word(transportAt));
    replaceDestinationPort(packet, word(transportAt + 2));
  }
  if (kind === SELECTOR_ECHO) {
    replaceEchoIdentifier(packet, word(transportAt + 4));
  }
}

function ecnAfterMark(bytes: Uint8Array): number {
  const ecn = (bytes[1]! >> (bytes[0]! >> 4 === 4 ? 0 : 4)) & 3;
  return ecn === 0 ? 0 : 3;
}

/** Whether the checksums of a packet that is acceptable verify: of the IPv4 header, and of the transport if it has one. */
export function hasRightChecksums(whole: Uint8Array): boolean {
  const packet = attached(whole);
  return packet !== undefined && verifies(packet);
}

function verifies(packet: IpPacketView): boolean {
  const { bytes, start, end, version, protocol, transportAt } = packet;
  if (version === 4 && internetChecksum(bytes, start, transportAt) !== 0) {
    return false;
  }
  const isAbsent = protocol === 17 &&
    bytes[transportAt + 6] === 0 && bytes[transportAt + 7] === 0;
  if (isAbsent || ![1, 6, 17, 58].includes(protocol)) return true;
  const pseudo = protocol === 1 ? 0 : pseudoHeaderSum(
    bytes,
    packet.sourceAt,
    packet.addressLength,
    protocol,
    end - transportAt,
  );
  return internetChecksum(bytes, transportAt, end, pseudo) === 0;
}

/** Writes checksum 0x0000 as 0xffff, which verify alike. */
function canonical(bytes: Uint8Array): string {
  const copy = bytes.slice();
  const packet = attached(copy);
  const at = packet && checksumAt(packet);
  const isV4 = packet?.version === 4;
  for (const place of [isV4 ? 10 : undefined, at]) {
    if (place !== undefined && copy[place] === 0 && copy[place + 1] === 0) {
      copy.fill(0xff, place, place + 2);
    }
  }
  return toHex(copy);
}

function checksumAt(packet: IpPacketView): number | undefined {
  switch (packet.protocol) {
    case 6:
      return packet.transportAt + 16;
    case 17:
      return packet.transportAt + 6;
    case 1:
    case 58:
      return packet.transportAt + 2;
    default:
      return undefined;
  }
}

function attached(bytes: Uint8Array): IpPacketView | undefined {
  const packet = new IpPacketView();
  return packet.attach(bytes, 0, bytes.length) === "ok" ? packet : undefined;
}

function packetTarget(
  name: string,
  runs: number,
  check: (input: Uint8Array) => void,
  genuine: readonly Uint8Array[] = corpus,
  repair: Repair = repairPacket,
): FuzzTarget {
  const generate: FuzzTarget["generate"] = (choices) =>
    new Mutator(choices, genuine, repair).next();
  return { name, runs, generate, check };
}

/** Puts a header before a packet that says that the checksum at 6 behind the IP header is partial. */
/** `kind` is that of the segments, of 7 bytes each; 0 is one packet whose checksum is partial. */
function withVirtioHeader(packet: Uint8Array, kind: number): Uint8Array {
  const headerLength = packet[0]! >> 4 === 4 ? 20 : 40;
  return Uint8Array.of(
    ...[1, kind, 0, 0, 7, 0, headerLength, 0, 6, 0],
    ...packet,
  );
}

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

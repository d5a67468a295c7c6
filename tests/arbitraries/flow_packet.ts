import fc from "fast-check";
import type { FlowPacket } from "../support/flow_packet.ts";

/** Fields of large TCP and UDP packets with a payload of at least one byte. */
export function largePackets(): fc.Arbitrary<FlowPacket> {
  return fc.record({
    version: fc.constantFrom<4 | 6>(4, 6),
    protocol: fc.constantFrom<"tcp" | "udp">("tcp", "udp"),
    payload: fc.uint8Array({ minLength: 1, maxLength: 3_000 }),
    sequence: fc.constantFrom(0, 1, 0x7fff_ff00, 0xffff_ff00),
    acknowledgement: fc.nat(),
    flags: fc.constantFrom(0x10, 0x18),
    options: fc.constantFrom<number[]>(
      [],
      [1, 1, 8, 10, 0, 1, 2, 3, 4, 5, 6, 7],
      new Array(40).fill(1),
    ),
    identification: fc.constantFrom(0, 0xfff0, 0xffff),
    trafficClass: fc.nat(255),
    ttl: fc.integer({ min: 1, max: 255 }),
    flowLabel: fc.nat(0xfffff),
  });
}

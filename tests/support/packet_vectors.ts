import { fromHex } from "../../lib/base/mod.ts";

/** The header fields of a packet in the vectors. */
export type PacketFields = Readonly<Record<string, unknown>> & {
  readonly version: 4 | 6;
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
};

/** A packet, its fields, an edit and what must come of it. */
export interface PacketVector {
  readonly name: string;
  readonly packet: Uint8Array;
  readonly fields: PacketFields;
  readonly rewrite: Readonly<
    Partial<{
      src: string;
      dst: string;
      src_port: number;
      dst_port: number;
      identifier: number;
    }>
  >;
  readonly rewritten: Uint8Array;
}

/** An ICMP error and the packet it is about. */
export interface IcmpErrorVector {
  readonly name: string;
  readonly packet: Uint8Array;
  readonly failed: PacketFields;
}

/** Reads `vectors/ip_packets.json`. */
export function packetVectors(): {
  readonly packets: readonly PacketVector[];
  readonly icmpErrors: readonly IcmpErrorVector[];
} {
  const url = new URL("../vectors/ip_packets.json", import.meta.url);
  const file = JSON.parse(Deno.readTextFileSync(url));
  return {
    packets: file.packets.map((vector: Record<string, string>) => ({
      ...vector,
      packet: bytesOf(vector["packet"]),
      rewritten: bytesOf(vector["rewritten"]),
    })),
    icmpErrors: file.icmp_errors.map((vector: Record<string, string>) => ({
      ...vector,
      packet: bytesOf(vector["packet"]),
    })),
  };
}

function bytesOf(hex: string | undefined): Uint8Array {
  const bytes = fromHex(hex ?? "");
  if (!bytes) throw new Error("A vector is not hexadecimal");
  return bytes;
}

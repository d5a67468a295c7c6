import { libc } from "./libc.ts";

const TUNSETOFFLOAD = 0x400454d0;

const CSUM = 0x01;
const TSO4 = 0x02;
const TSO6 = 0x04;
const USO4 = 0x20;
const USO6 = 0x40;

/** What crosses the TUN device as one large packet: nothing, TCP, or UDP too. */
export type TunOffloads = "none" | "tcp" | "tcp+udp";

/** The kernel takes all flags of a request or none. Those of UDP came with Linux 6.2. */
const REQUESTS: readonly (readonly [TunOffloads, bigint])[] = [
  ["tcp+udp", BigInt(CSUM | TSO4 | TSO6 | USO4 | USO6)],
  ["tcp", BigInt(CSUM | TSO4 | TSO6)],
];

/** Asks for as much as the kernel gives and returns what that is (data-plane spec §3.2). */
export function enableTunOffloads(fd: number): TunOffloads {
  for (const [offloads, flags] of REQUESTS) {
    if (libc().ioctl_with_number(fd, TUNSETOFFLOAD, flags) === 0) {
      return offloads;
    }
  }
  return "none";
}

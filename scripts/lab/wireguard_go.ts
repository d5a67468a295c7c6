import type { Lab } from "./lab.ts";

/** Which wireguard-go joins two boxes. */
export interface WireguardGo {
  /** Starts the names of its interfaces, at most 6 characters. */
  readonly name: string;
  /** The program. */
  readonly program: string;
  /** UDP port of both ends. */
  readonly port: number;
}

/** One end of a WireGuard link. */
export interface WireguardEnd {
  /** Namespace that it runs in. */
  readonly box: string;
  /** Its tunnel address with prefix length. */
  readonly address: string;
  /** What it sends to the other end, and accepts from it. */
  readonly allowedIps: readonly string[];
  /** Where the other end is, if this end begins. */
  readonly endpoint?: string;
}

/**
 * Joins two boxes of a lab by a `wireguard-go`, with the MTU of Firezone.
 *
 * Returns the process ids of both ends.
 */
export async function joinByWireguardGo(
  lab: Lab,
  go: WireguardGo,
  a: WireguardEnd,
  b: WireguardEnd,
): Promise<readonly [number, number]> {
  const keyA = await newKeyPair(lab, a.box);
  const keyB = await newKeyPair(lab, b.box);
  const pids = [
    await startEnd(lab, go, "a", a, keyA.privateKey, keyB.publicKey),
    await startEnd(lab, go, "b", b, keyB.privateKey, keyA.publicKey),
  ] as const;
  return pids;
}

interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

async function newKeyPair(lab: Lab, box: string): Promise<KeyPair> {
  const privateKey = (await lab.must(box, "wg", "genkey")).trim();
  const publicKey = await lab.must(
    box,
    "sh",
    "-c",
    `echo ${privateKey} | wg pubkey`,
  );
  return { privateKey, publicKey: publicKey.trim() };
}

async function startEnd(
  lab: Lab,
  { name, program, port }: WireguardGo,
  letter: "a" | "b",
  { box, address, allowedIps, endpoint }: WireguardEnd,
  privateKey: string,
  peerKey: string,
): Promise<number> {
  const env = { WG_PROCESS_FOREGROUND: "1" };
  // All ends on this machine share the directory of control sockets.
  const device = `${name}${Deno.pid}${letter}`;
  const process = lab.spawn(box, `${name}-${box}`, [
    program,
    "-f",
    device,
  ], env);
  // It prints nothing until something goes wrong.
  const isReady = `until wg show ${device}; do sleep 0.05; done`;
  const ready = await lab.run(box, "timeout", "5", "sh", "-c", isReady);
  if (ready.code !== 0) throw new Error(`No ${device}\n${process.tail()}`);
  const peer = ["peer", peerKey, "allowed-ips", allowedIps.join(",")];
  const towards = endpoint
    ? ["endpoint", endpoint, "persistent-keepalive", "5"]
    : [];
  const setUp =
    `echo ${privateKey} | wg set ${device} listen-port ${port} private-key /dev/stdin ` +
    [...peer, ...towards].join(" ");
  await lab.must(box, "sh", "-c", setUp);
  await lab.must(box, "ip", "address", "add", address, "dev", device);
  await lab.must(box, "ip", "link", "set", device, "mtu", "1280", "up");
  for (const network of allowedIps) {
    await lab.must(box, "ip", "route", "replace", network, "dev", device);
  }
  return process.pid;
}

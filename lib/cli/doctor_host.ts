import type { HostReport } from "../io/mod.ts";
import {
  type Diagnoses,
  type Diagnosis,
  diagnosisOf,
  type ProbeInputs,
} from "./doctor.ts";
import { NEEDS_CAPABILITY } from "./fatal.ts";
import { explainHost } from "./host_problems.ts";

/** The port that clients learn first (operations spec §1.10). */
const UDP_PORT = 52_625;

/** What sockets are to have, in bytes (operations spec §1.1). */
const BUFFER_LIMITS = [
  ["net/core/rmem_max", 16 * 1024 * 1024],
  ["net/core/wmem_max", 2 * 1024 * 1024],
] as const;

/** First Linux that joins and splits datagrams at sockets, and at the TUN interface. */
const UDP_SOCKET_OFFLOAD = [5, 0] as const;
const UDP_TUN_OFFLOAD = [6, 2] as const;

/** Where `deno compile` keeps code unless told not to: anybody could put it there. */
const CODE_CACHE = "/tmp/deno-compile-firezone-gateway.cache";

/** Looks at the program itself. */
export function probeProgram({ effects }: ProbeInputs): Diagnoses {
  const { capability, token, identity, exists } = effects;
  const cache: Diagnosis = exists(CODE_CACHE)
    ? {
      subject: "code cache",
      verdict: "warning",
      detail: `${CODE_CACHE} exists`,
      remedy:
        `A release never writes one: remove it, and install the program anew`,
    }
    : { subject: "code cache", verdict: "ok", detail: "none, as it should be" };
  const foundToken = diagnosisOf(token());
  return [
    diagnosisOf(capability()),
    foundToken.verdict === "failed"
      ? { ...foundToken, verdict: "warning" }
      : foundToken,
    diagnosisOf(identity()),
    cache,
  ];
}

/** Looks at the TUN interface and what the kernel can do for it. */
export function probeInterface(
  { effects, settings: { tunName }, gateway }: ProbeInputs,
): Diagnoses {
  const ours = gateway?.interface.name === tunName;
  const device: Diagnosis = ours
    ? {
      subject: "interface",
      verdict: gateway.interface.state === "up" ? "ok" : "failed",
      detail: `${tunName} of the running gateway, ${gateway.interface.state}`,
    }
    : diagnosisOf(effects.tun(tunName));
  return [device, judgeOffloads(effects.kernel())];
}

function judgeOffloads(kernel: string): Diagnosis {
  const subject = "offloads";
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const isAtLeast = ([first, second]: readonly [number, number]) =>
    major > first || (major === first && minor >= second);
  if (isAtLeast(UDP_TUN_OFFLOAD)) {
    const detail = `kernel ${kernel}: TCP and UDP, interface and sockets`;
    return { subject, verdict: "ok", detail };
  }
  return {
    subject,
    verdict: "warning",
    detail: isAtLeast(UDP_SOCKET_OFFLOAD)
      ? `kernel ${kernel}: not for UDP at the interface`
      : `kernel ${kernel}: not for UDP`,
    remedy: "Use Linux 6.2 or later where resources stream much UDP",
  };
}

/** Looks whether the host carries packets on, and translates them. */
export function probeHost(
  { effects, settings: { tunName, masquerade }, gateway }: ProbeInputs,
): Diagnoses {
  const isRunning = gateway !== undefined;
  return judgeHost(effects.host(tunName), { tunName, masquerade, isRunning });
}

/** Tells what stands in the way of clients' packets. */
export function judgeHost(
  report: HostReport,
  { tunName, masquerade, isRunning }: {
    readonly tunName: string;
    readonly masquerade: boolean;
    /** Whether the gateway has set the host up already. */
    readonly isRunning: boolean;
  },
): Diagnosis[] {
  return [
    judgeForwarding(4, report, tunName),
    judgeForwarding(6, report, tunName),
    judgeNat(report, tunName, masquerade),
    ...judgeFirewall(report, tunName, isRunning),
    ...judgeLegacyFirewall(report, tunName),
  ];
}

function judgeForwarding(
  family: 4 | 6,
  report: HostReport,
  tunName: string,
): Diagnosis {
  const subject = `forward IPv${family}`;
  const state = family === 4 ? report.forwardingIpv4 : report.forwardingIpv6;
  if (state === "on") return { subject, verdict: "ok", detail: "on" };
  if (family === 6 && (state === "missing" || !report.usesIpv6)) {
    return { subject, verdict: "ok", detail: "off; this host has no IPv6" };
  }
  const reason = report.settingsRefusal;
  if (reason === undefined) {
    return {
      subject,
      verdict: "ok",
      detail: "off; the gateway switches it on",
    };
  }
  return {
    subject,
    verdict: "failed",
    detail: "off",
    remedy: explainHost({ kind: "forwarding-off", family, reason }, tunName),
  };
}

function judgeNat(
  { nftablesRefusal: reason, masquerades }: HostReport,
  tunName: string,
  masquerade: boolean,
): Diagnosis {
  const subject = "NAT";
  if (!masquerade) {
    const detail = "off: your network routes clients' addresses to this host";
    return { subject, verdict: "ok", detail };
  }
  if (reason === undefined) {
    const detail = masquerades
      ? "the running gateway translates"
      : "nftables can be used";
    return { subject, verdict: "ok", detail };
  }
  return {
    subject,
    verdict: "failed",
    detail: `nftables cannot be used: ${reason}`,
    remedy: reason === "EPERM"
      ? NEEDS_CAPABILITY
      : explainHost({ kind: "no-nat", reason }, tunName),
  };
}

function judgeFirewall(
  { droppingChains, nftablesRefusal }: HostReport,
  tunName: string,
  isRunning: boolean,
): Diagnosis[] {
  const subject = "firewall";
  if (nftablesRefusal !== undefined) {
    const detail = `cannot be read: ${nftablesRefusal}`;
    return [{ subject, verdict: "warning", detail }];
  }
  const closed = droppingChains.filter(({ isOpen }) => !isOpen);
  if (closed.length === 0) {
    return [{ subject, verdict: "ok", detail: "lets clients' packets pass" }];
  }
  return closed.map(({ chain }) => {
    const where = `${chain.family} ${chain.table} ${chain.chain}`;
    if (!isRunning) {
      const detail = `${where} drops; the gateway adds a rule of its own`;
      return { subject, verdict: "ok", detail };
    }
    const reason = "no rule of the gateway is in it";
    return {
      subject,
      verdict: "failed",
      detail: `${where} drops`,
      remedy: explainHost({ kind: "forward-dropped", chain, reason }, tunName),
    };
  });
}

/** Rules that no program but `iptables-legacy` shows. Where there are none, nothing is said. */
function judgeLegacyFirewall(
  { legacyFirewall, usesIpv6 }: HostReport,
  tunName: string,
): Diagnosis[] {
  const families = usesIpv6 ? [4, 6] as const : [4] as const;
  return families.flatMap((family): Diagnosis[] => {
    const subject = `old firewall IPv${family}`;
    const program = family === 4 ? "iptables-legacy" : "ip6tables-legacy";
    switch (legacyFirewall[family]) {
      case "passes":
        return [];
      case "drops":
        return [{
          subject,
          verdict: "failed",
          detail: `${program} drops`,
          remedy: explainHost(
            { kind: "legacy-forward-dropped", family },
            tunName,
          ),
        }];
      case "unknown":
        return [{
          subject,
          verdict: "warning",
          detail: `cannot tell what the rules of ${program} do`,
          remedy: `As root see \`${program} -S FORWARD\`, or run this as root`,
        }];
    }
  });
}

/** Looks at the limits of socket buffers. */
export function probeBuffers(
  { effects: { setting, capability } }: ProbeInputs,
): Diagnoses {
  const subject = "buffers";
  const low = BUFFER_LIMITS.filter(([path, wanted]) =>
    Number(setting(path) ?? wanted) < wanted
  );
  if (low.length === 0) {
    return [{ subject, verdict: "ok", detail: "16 MiB in, 2 MiB out" }];
  }
  const names = low.map(([path]) => path.replaceAll("/", "."));
  if (capability().fault === undefined) {
    const detail = `${names.join(", ")} low; the gateway may go beyond`;
    return [{ subject, verdict: "ok", detail }];
  }
  const commands = low.map(([path, wanted]) =>
    `${path.replaceAll("/", ".")}=${wanted}`
  );
  return [{
    subject,
    verdict: "warning",
    detail: `${names.join(", ")} low`,
    remedy: `Run \`sysctl -w ${commands.join(" ")}\` as root`,
  }];
}

/** Looks whether the UDP port is free. */
export async function probePort(
  { effects: { isPortFree }, gateway }: ProbeInputs,
): Promise<Diagnoses> {
  const subject = "UDP port";
  const [isFree4, isFree6] = await Promise.all([
    isPortFree(UDP_PORT, 4),
    isPortFree(UDP_PORT, 6),
  ]);
  if (gateway && !isFree4) {
    const detail = `${UDP_PORT} is the running gateway's`;
    return [{ subject, verdict: "ok", detail }];
  }
  if (isFree4) {
    const detail = `${UDP_PORT} is free${isFree6 ? "" : " (IPv4 only)"}`;
    return [{ subject, verdict: "ok", detail }];
  }
  return [{
    subject,
    verdict: "warning",
    detail: `${UDP_PORT} is taken; the gateway uses another`,
    remedy:
      `Free it if a firewall or a router is set to let ${UDP_PORT} through`,
  }];
}

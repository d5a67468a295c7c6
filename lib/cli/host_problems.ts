import { unreachable } from "../base/mod.ts";
import type { HostProblem } from "../io/mod.ts";

/** Returns the sentence for what keeps clients from reaching resources, and the way out. `tunName`: our interface. */
export function explainHost(problem: HostProblem, tunName: string): string {
  switch (problem.kind) {
    case "forwarding-off":
      return explainForwarding(problem);
    case "no-nat":
      return `Cannot translate clients' addresses by nftables: ${problem.reason}; ` +
        "load the kernel modules nf_tables, nft_masq and nft_chain_nat, or as root run " +
        `\`${masqueradeBy("iptables", "100.64.0.0/11", tunName)}\` and ` +
        `\`${masqueradeBy("ip6tables", "fd00:2021:1111::/107", tunName)}\`, ` +
        "or route these networks to this host and set FIREZONE_MASQUERADE=off";
    case "forward-dropped":
      return explainDrop(problem, tunName);
    case "legacy-forward-dropped":
      return explainLegacyDrop(problem, tunName);
    default:
      return unreachable(problem);
  }
}

function explainForwarding(
  { family, reason }: HostProblem & { kind: "forwarding-off" },
): string {
  const setting = family === 4
    ? "net.ipv4.ip_forward"
    : "net.ipv6.conf.all.forwarding";
  const why = reason === "EROFS" ? "/proc/sys is read-only" : reason;
  return `Cannot switch on forwarding of IPv${family}: ${why}; ` +
    `run \`sysctl -w ${setting}=1\` as root on the host, ` +
    `or start the container with \`--sysctl ${setting}=1\``;
}

function explainDrop(
  { chain, reason }: HostProblem & { kind: "forward-dropped" },
  tunName: string,
): string {
  const where = `${chain.family} ${chain.table} ${chain.chain}`;
  return `Cannot let clients' packets pass the firewall chain ${where}, which drops them: ${reason}; ` +
    `let the firewall accept what is forwarded from and to ${tunName}, ` +
    `as by \`nft insert rule ${where} iifname ${tunName} accept\` ` +
    `and \`nft insert rule ${where} oifname ${tunName} accept\``;
}

function explainLegacyDrop(
  { family }: HostProblem & { kind: "legacy-forward-dropped" },
  tunName: string,
): string {
  const program = family === 4 ? "iptables-legacy" : "ip6tables-legacy";
  return `Cannot let clients' packets pass the rules of ${program}, which drop them; as root run ` +
    `\`${program} -I FORWARD -i ${tunName} -j ACCEPT\` and ` +
    `\`${program} -I FORWARD -o ${tunName} -j ACCEPT\``;
}

function masqueradeBy(
  program: string,
  network: string,
  tunName: string,
): string {
  return `${program} -t nat -A POSTROUTING -s ${network} ! -o ${tunName} -j MASQUERADE`;
}

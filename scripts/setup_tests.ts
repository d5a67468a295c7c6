/**
 * Installs the programs that the end-to-end tests and the demo talk to.
 *
 * They are real peers (wireguard-go, coturn, iperf3, …) and come from Debian.
 * Does nothing when all are there. Needs root only when one is missing. No
 * package starts its services: the tests run what they need themselves.
 */

/** Command or file to look for, and the Debian package that has it. */
const TOOLS: readonly (readonly [command: string, debianPackage: string])[] = [
  ["ip", "iproute2"],
  ["nft", "nftables"],
  ["iptables", "iptables"],
  ["iptables-legacy", "iptables"],
  ["conntrack", "conntrack"],
  ["ping", "iputils-ping"],
  ["tracepath", "iputils-tracepath"],
  ["dnsmasq", "dnsmasq-base"],
  ["dig", "bind9-dnsutils"],
  ["ssh", "openssh-client"],
  ["sshd", "openssh-server"],
  ["curl", "curl"],
  ["iperf3", "iperf3"],
  ["wireguard-go", "wireguard-go"],
  ["wg", "wireguard-tools"],
  ["turnserver", "coturn"],
  ["faketime", "faketime"],
  ["setcap", "libcap2-bin"],
  ["chromium", "chromium"],
  ["script", "bsdutils"],
  ["setpriv", "util-linux"],
  ["unshare", "util-linux"],
  ["nsenter", "util-linux"],
  ["/lib/systemd/systemd", "systemd"],
  ["adduser", "adduser"],
  ["tshark", "tshark"],
  ["python3", "python3-minimal"],
  ["protoc", "protobuf-compiler"],
  ["/usr/lib/python3/dist-packages/grpc/__init__.py", "python3-grpcio"],
  ["/usr/lib/python3/dist-packages/aioice/__init__.py", "python3-aioice"],
  [
    "/usr/lib/python3/dist-packages/prometheus_client/parser.py",
    "python3-prometheus-client",
  ],
];

/** Asked by packages before they start or stop a service. */
const POLICY = "/usr/sbin/policy-rc.d";

const SEARCH_PATH = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`;

function isInstalled(command: string): boolean {
  if (command.startsWith("/")) return isFile(command);
  return SEARCH_PATH.split(":").some((directory) =>
    isFile(`${directory}/${command}`)
  );
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function run(command: string, ...args: string[]): boolean {
  const { success } = new Deno.Command(command, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdout: "null",
  }).outputSync();
  return success;
}

/** Forbids packages to start services during `install`, as Debian's policy-rc.d interface has it, unless there is a rule about it. */
function withoutServices(install: () => boolean): boolean {
  if (isFile(POLICY)) return install();
  try {
    Deno.writeTextFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  } catch {
    return false; // Not root, so nothing can be installed either.
  }
  try {
    return install();
  } finally {
    Deno.removeSync(POLICY);
  }
}

const missing = TOOLS.filter(([command]) => !isInstalled(command));
if (missing.length > 0) {
  const packages = missing.map(([, debianPackage]) => debianPackage);
  console.log(`Installing what the tests need: ${packages.join(" ")}`);
  const installed = isInstalled("apt-get") && run("apt-get", "update", "-qq") &&
    withoutServices(() =>
      run(
        "apt-get",
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
        ...packages,
      )
    );
  const absent = TOOLS.filter(([command]) => !isInstalled(command)).map((
    [command],
  ) => command);
  if (!installed || absent.length > 0) {
    console.error(
      `Cannot install ${absent.join(", ")}: run as root on Debian or Ubuntu, ` +
        `or install these packages yourself: ${packages.join(" ")}`,
    );
    Deno.exit(1);
  }
}

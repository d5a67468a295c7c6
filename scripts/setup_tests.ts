/**
 * Installs the programs that the end-to-end tests and the demo talk to.
 *
 * They are real peers (wireguard-go, coturn, iperf3, …) and come from Debian.
 * Does nothing when all are there. Needs root only when one is missing.
 */

/** Command or file to look for, and the Debian package that has it. */
const TOOLS: readonly (readonly [command: string, debianPackage: string])[] = [
  ["ip", "iproute2"],
  ["nft", "nftables"],
  ["conntrack", "conntrack"],
  ["ping", "iputils-ping"],
  ["curl", "curl"],
  ["iperf3", "iperf3"],
  ["wireguard-go", "wireguard-go"],
  ["wg", "wireguard-tools"],
  ["turnserver", "coturn"],
  ["faketime", "faketime"],
  ["setcap", "libcap2-bin"],
  ["setpriv", "util-linux"],
  ["unshare", "util-linux"],
  ["tshark", "tshark"],
  ["dnsmasq", "dnsmasq-base"],
  ["dig", "bind9-dnsutils"],
  ["python3", "python3-minimal"],
  ["/usr/lib/python3/dist-packages/aioice/__init__.py", "python3-aioice"],
];

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

const missing = TOOLS.filter(([command]) => !isInstalled(command));
if (missing.length > 0) {
  const packages = missing.map(([, debianPackage]) => debianPackage);
  console.log(`Installing what the tests need: ${packages.join(" ")}`);
  const installed = isInstalled("apt-get") && run("apt-get", "update", "-qq") &&
    run(
      "apt-get",
      "install",
      "-y",
      "-qq",
      "--no-install-recommends",
      ...packages,
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

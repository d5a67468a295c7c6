/** What is known of the machine, for the user agent. */
export interface SystemInfo {
  /** Name of the distribution, such as `Debian`. */
  readonly osName: string;
  /** Its version in three numbers where it has any, such as `12.0.0`. */
  readonly osVersion: string | undefined;
  /** Processor architecture, such as `x86_64`. */
  readonly arch: string;
  /** Kernel release. */
  readonly kernel: string | undefined;
}

const OS_RELEASE_FILES = ["/etc/os-release", "/usr/lib/os-release"];

/** Names of distributions whose `NAME` is longer than people expect. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  alpine: "Alpine Linux",
  amzn: "Amazon Linux",
  arch: "Arch Linux",
  centos: "CentOS",
  debian: "Debian",
  fedora: "Fedora",
  nixos: "NixOS",
  opensuse: "openSUSE",
  raspbian: "Raspbian",
  rhel: "Red Hat Enterprise Linux",
  ubuntu: "Ubuntu",
};

const UNKNOWN_OS = "Linux";

/** Reads what the operating system says of itself. Never throws. */
export function systemInfo(): SystemInfo {
  const release = OS_RELEASE_FILES.map((path) =>
    orUndefined(() => Deno.readTextFileSync(path))
  ).find((text) => text !== undefined);
  return {
    ...parseOsRelease(release ?? ""),
    arch: Deno.build.arch,
    kernel: orUndefined(() => Deno.osRelease()),
  };
}

/** Reads name and version from the text of an `os-release` file. */
export function parseOsRelease(
  text: string,
): Pick<SystemInfo, "osName" | "osVersion"> {
  const values = new Map(
    text.split("\n").flatMap((line) => {
      const [, key, value] = /^\s*([A-Z_]+)=(.*?)\s*$/.exec(line) ?? [];
      return key === undefined ? [] : [[key, unquote(value ?? "")] as const];
    }),
  );
  const name = SHORT_NAMES[values.get("ID") ?? ""] ?? values.get("NAME") ??
    UNKNOWN_OS;
  return {
    osName: name.replaceAll("/", " "),
    osVersion: threeNumbers(values.get("VERSION_ID") ?? ""),
  };
}

function unquote(value: string): string {
  const [, , inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
  return (inner ?? value).replaceAll(/\\(.)/g, "$1");
}

/** `22.04` reads `22.4.0`; a version that is no row of numbers stays as it is. */
function threeNumbers(version: string): string | undefined {
  if (version === "") return undefined;
  if (!/^\d+(?:\.\d+)*$/.test(version)) return version;
  const numbers = version.split(".").map(Number);
  return [0, 1, 2].map((i) => numbers[i] ?? 0).join(".");
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

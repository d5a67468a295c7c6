/** What a release consists of beside the executables, and where its parts come from. */

const PACKAGING = new URL("./packaging/", import.meta.url).pathname;

/** An architecture that there are executables for, as Debian and as Deno call it. */
export interface Architecture {
  /** Debian's name. */
  readonly debian: "amd64" | "arm64";
  /** Deno's name. */
  readonly target: string;
  /** What `uname -m` says. */
  readonly machine: string;
}

/** All of them. */
export const ARCHITECTURES: readonly Architecture[] = [
  {
    debian: "amd64",
    target: "x86_64-unknown-linux-gnu",
    machine: "x86_64",
  },
  {
    debian: "arm64",
    target: "aarch64-unknown-linux-gnu",
    machine: "aarch64",
  },
];

/** Returns the name of an executable in a release. */
export function executableName({ debian }: Architecture): string {
  return `firezone-gateway-linux-${debian}`;
}

/** Returns the absolute path of a file of the packaging. */
export function packagingPath(file: string): string {
  return PACKAGING + file;
}

/** Puts values in the place of their `@NAME@`. Throws when one is missing in the text, or a place is left over. */
export function fillIn(
  text: string,
  values: Readonly<Record<string, string>>,
): string {
  let filled = text;
  for (const [name, value] of Object.entries(values)) {
    if (!filled.includes(`@${name}@`)) {
      throw new Error(`Cannot fill in ${name}: the text has no place for it`);
    }
    filled = filled.replaceAll(`@${name}@`, () => value);
  }
  const left = /@[A-Z0-9_]+@/.exec(filled);
  if (left) throw new Error(`Nothing fills in ${left[0]}`);
  return filled;
}

/** Returns the install script of a release. `checksums` are SHA-256 sums by Debian's architecture; an absent one is refused on that machine. */
export async function installScript(
  version: string,
  source: string,
  checksums: ReadonlyMap<string, string>,
): Promise<string> {
  const [script, unit, settings] = await Promise.all(
    ["install.sh", "systemd/firezone-gateway.service", "systemd/gateway-env"]
      .map((file) => Deno.readTextFile(packagingPath(file))),
  );
  return fillIn(script!, {
    VERSION: version,
    SOURCE: source,
    SHA256_AMD64: checksums.get("amd64") ?? "",
    SHA256_ARM64: checksums.get("arm64") ?? "",
    SETTINGS: settings!.trimEnd(),
    UNIT: unit!.replace("/usr/bin/", "/usr/local/bin/").trimEnd(),
  });
}

/** Returns the SHA-256 sum of a file in hex. */
export async function sha256Of(path: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

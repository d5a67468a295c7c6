/**
 * Makes all that a release consists of, in dist/release/: executables and Debian
 * packages for each architecture, the install script with their SHA-256 sums
 * inside, SHA256SUMS, and the licence.
 *
 * Needs Deno's release site, for the runtime bases, and `dpkg-deb`. Without the
 * former `--rehearse` makes what can be had: with a runtime base that is good
 * for tests only, and unless told for one architecture. Never publish that.
 */
import { parseArgs } from "node:util";
import { VERSION } from "../lib/cli/version.ts";
import { packageDeb } from "./package_deb.ts";
import {
  type Architecture,
  ARCHITECTURES,
  executableName,
  installScript,
  sha256Of,
} from "./release_files.ts";

const OUTPUT = "dist/release";

const USAGE =
  `Usage: deno task release [--rehearse] [--architecture=NAME]... --source=URL

  --source=URL          folder or URL that the install script fetches executables from
  --rehearse            with a runtime base for tests, for this machine's architecture
  --architecture=NAME   amd64 or arm64 instead; may be given twice`;

const { source, rehearse, architectures } = readOptions();
await Deno.remove(OUTPUT, { recursive: true }).catch((error) => {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
});
await Deno.mkdir(OUTPUT, { recursive: true });
const checksums = new Map<string, string>();
for (const architecture of architectures) {
  const path = `${OUTPUT}/${executableName(architecture)}`;
  await build(architecture, path);
  checksums.set(architecture.debian, await sha256Of(path));
  console.log(`Made ${await packageDeb(path, architecture, OUTPUT)}`);
}
await Deno.writeTextFile(
  `${OUTPUT}/install.sh`,
  await installScript(VERSION, source, checksums),
);
await Deno.chmod(`${OUTPUT}/install.sh`, 0o755);
await Deno.copyFile("LICENSE", `${OUTPUT}/LICENSE`);
await writeSums();
console.log(
  rehearse
    ? `${OUTPUT} is a rehearsal of version ${VERSION}: do not publish it`
    : `${OUTPUT} is version ${VERSION}`,
);

async function build(
  { target }: Architecture,
  output: string,
): Promise<void> {
  const base = rehearse ? ["--offline-base=auto"] : [];
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["task", "--quiet", "build", ...base],
      ...[`--target=${target}`, `--output=${output}`],
    ],
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (code === 0) return;
  console.error(`Cannot build for ${target}`);
  Deno.exit(1);
}

async function writeSums(): Promise<void> {
  const names = Array.from(Deno.readDirSync(OUTPUT), ({ name }) => name);
  const lines = await Promise.all(
    names.sort().map(async (name) =>
      `${await sha256Of(`${OUTPUT}/${name}`)}  ${name}\n`
    ),
  );
  await Deno.writeTextFile(`${OUTPUT}/SHA256SUMS`, lines.join(""));
}

interface ReleaseOptions {
  readonly source: string;
  readonly rehearse: boolean;
  readonly architectures: readonly Architecture[];
}

function readOptions(): ReleaseOptions {
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        source: { type: "string" },
        rehearse: { type: "boolean", default: false },
        architecture: { type: "string", multiple: true, default: [] },
      },
    });
    const { source, rehearse, architecture: names } = values;
    if (source !== undefined) {
      return { source, rehearse, architectures: chosen(names, rehearse) };
    }
    console.error(`Cannot make an install script without --source\n\n${USAGE}`);
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\n\n${USAGE}`,
    );
  }
  Deno.exit(2);
}

/** Returns the architectures of these names; without any, all, or in a rehearsal this machine's. Throws when there is no such. */
function chosen(
  names: readonly string[],
  rehearse: boolean,
): readonly Architecture[] {
  const unknown = names.find((name) =>
    !ARCHITECTURES.some(({ debian }) => debian === name)
  );
  if (unknown !== undefined) {
    throw new Error(`There is no architecture of the name ${unknown}`);
  }
  return ARCHITECTURES.filter(({ debian, machine }) =>
    names.length > 0
      ? names.includes(debian)
      : !rehearse || machine === Deno.build.arch
  );
}

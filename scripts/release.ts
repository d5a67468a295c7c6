/**
 * Makes all that a release consists of, in dist/release/: executables and Debian
 * packages for each architecture, the install script with their SHA-256 sums
 * inside, SHA256SUMS, and the licence.
 *
 * Needs Deno's release site, for the runtime bases, and `dpkg-deb`. Without the
 * former `--rehearse` makes what can be had: one architecture, with a runtime
 * base that is good for tests only. Never publish that.
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

const USAGE = `Usage: deno task release [--rehearse] --source=URL

  --source=URL   folder or URL that the install script fetches executables from
  --rehearse     this machine's architecture only, with a runtime base for tests`;

const { source, rehearse } = readOptions();
await Deno.remove(OUTPUT, { recursive: true }).catch((error) => {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
});
await Deno.mkdir(OUTPUT, { recursive: true });
const architectures = rehearse
  ? ARCHITECTURES.filter(({ machine }) => machine === Deno.build.arch)
  : ARCHITECTURES;
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
  const base = rehearse ? ["--offline-base=auto"] : [`--target=${target}`];
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "build", ...base, `--output=${output}`],
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

function readOptions(): { source: string; rehearse: boolean } {
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        source: { type: "string" },
        rehearse: { type: "boolean", default: false },
      },
    });
    if (values.source !== undefined) {
      return { source: values.source, rehearse: values.rehearse };
    }
    console.error(`Cannot make an install script without --source\n\n${USAGE}`);
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\n\n${USAGE}`,
    );
  }
  Deno.exit(2);
}

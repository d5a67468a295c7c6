/**
 * Builds `dist/firezone-gateway` with the narrowest permissions that work, or
 * what `--output` names, for the machine at hand or for that of `--target`.
 *
 * Plain `deno compile` fetches its runtime base from Deno's release site. With
 * `--offline-base`, or `--offline-base=auto` when that site cannot be reached,
 * the base comes out of an npm package instead (`scripts/deno-compile-offline`):
 * good enough to test with, never for a release.
 */

import { parseArgs } from "node:util";

/**
 * What is compiled: one file for each thread, and one for what is seldom used, with all that it imports.
 *
 * From 350 modules and whole npm packages the same program would take 16 MB
 * more memory.
 */
const BUNDLE = "dist/bundle";
const CONFIG = `${BUNDLE}/deno.json`;

const MAIN_ENTRY = "main.ts";
const WORKER_ENTRIES = ["lib/io/worker.ts", "lib/io/crypto_worker.ts"];
const MAIN = bundleOf(MAIN_ENTRY);

/** What the main thread loads only when it needs it, as it names it. */
const LAZY_ENTRY = "lib/otlp/mod.ts";
const LAZY_IMPORT = "../otlp/mod.ts";

/** Files that the main thread reads, from a folder beside its bundle. */
const PAGE = "lib/cli/status_page";
const PAGE_COPY = `${BUNDLE}/status_page`;

/**
 * What the CommonJS packages in a bundle load modules of the runtime by.
 *
 * It knows nothing else. A real `require` would look for optional packages in
 * the folders above the place that embedded files pretend to be at, which is
 * the one for temporary files, where anybody could put one.
 */
const PRELUDE = `import process from "node:process";
const require = (name) => {
  const found = process.getBuiltinModule(name);
  if (!found) throw new Error("No such module: " + name);
  return found;
};
`;

/**
 * What the program may do. `--allow-ffi` cannot be narrowed: with a path list
 * Deno grants `dlopen` but no pointers. TUN, netlink and the data sockets go
 * through FFI and need no other permission.
 */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-ffi",
  "--allow-net",
  "--allow-sys=hostname,osRelease,uid",
  // All variables: one that looks like a setting of ours and is none is said so.
  "--allow-env",
  // Token credential, policy file and identity lie where the administrator says.
  "--allow-read",
  // The identity, flow logs and the control socket; and for a client with DNS control the host's resolver.
  `--allow-write=${
    [
      "/var/lib/firezone",
      "/var/log",
      "/run",
      "/etc/resolv.conf",
      "/etc/resolv.conf.before-firezone",
      "/etc/resolv.conf.firezone-draft",
    ].join(",")
  }`,
];

/**
 * `--no-code-cache`: the cache lies under a predictable name in a folder that
 * anyone can write to, and this program holds a capability.
 */
const COMPILE_ARGS = [
  "--no-code-cache",
  "--no-check",
  "--no-lock",
  `--include=${PAGE_COPY}/`,
  ...WORKER_ENTRIES.map((entry) => `--include=${bundleOf(entry)}`),
  `--config=${CONFIG}`,
  ...PERMISSIONS,
];

const USAGE =
  "Options: --offline-base, --offline-base=auto, --target=TRIPLE, --output=PATH";

const options = readOptions();
const compileArgs = [
  ...COMPILE_ARGS,
  ...(options.target ? [`--target=${options.target}`] : []),
  `--output=${options.output}`,
  MAIN,
];

await bundle();
const { offlineBase, output } = options;
let built = offlineBase === "always"
  ? undefined
  : await compile(Deno.execPath(), ["compile"]);
if (
  built === undefined ||
  (!built.success && built.unreachable && offlineBase === "auto")
) {
  built = await compile("scripts/deno-compile-offline", []);
}
if (!built.success) {
  console.error(built.errors);
  if (built.unreachable) {
    console.error(
      "Cannot fetch the runtime base from Deno's release site: " +
        "try again online, or build a test binary with `deno task build --offline-base`",
    );
  }
  Deno.exit(1);
}
const { size } = await Deno.stat(output);
console.log(`Built ${output} (${(size / 2 ** 20).toFixed(1)} MiB)`);

interface BuildOptions {
  readonly offlineBase: "never" | "auto" | "always";
  readonly target: string | undefined;
  readonly output: string;
}

function readOptions(): BuildOptions {
  // A flag with an optional value, which parseArgs does not know.
  const args = Deno.args.map((arg) =>
    arg === "--offline-base" ? "--offline-base=always" : arg
  );
  try {
    const { values } = parseArgs({
      args,
      options: {
        "offline-base": { type: "string", default: "never" },
        target: { type: "string" },
        output: { type: "string", default: "dist/firezone-gateway" },
      },
    });
    const offlineBase = values["offline-base"];
    if (
      offlineBase === "never" || offlineBase === "auto" ||
      offlineBase === "always"
    ) {
      return { offlineBase, target: values.target, output: values.output };
    }
    console.error(USAGE);
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\n${USAGE}`,
    );
  }
  Deno.exit(2);
}

/** Makes `BUNDLE` anew. Names stay, for stack traces. */
async function bundle(): Promise<void> {
  await Deno.mkdir(BUNDLE, { recursive: true });
  // Nothing of the project's own: what is bundled imports nothing.
  await Deno.writeTextFile(CONFIG, JSON.stringify({ nodeModulesDir: "none" }));
  await Deno.mkdir(PAGE_COPY, { recursive: true });
  for (const { name } of Deno.readDirSync(PAGE)) {
    await Deno.copyFile(`${PAGE}/${name}`, `${PAGE_COPY}/${name}`);
  }
  for (const entry of [MAIN_ENTRY, LAZY_ENTRY, ...WORKER_ENTRIES]) {
    const path = bundleOf(entry);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--minify", "--keep-names", `--output=${path}`],
        ...[`--external=${LAZY_IMPORT}`, entry],
      ],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) {
      console.error(new TextDecoder().decode(stderr));
      Deno.exit(1);
    }
    let text = await Deno.readTextFile(path);
    if (entry === MAIN_ENTRY) {
      text = pointAt(LAZY_IMPORT, LAZY_ENTRY, text);
      for (const worker of WORKER_ENTRIES) {
        text = pointAt(`./${baseOf(worker)}`, worker, text);
      }
    }
    await Deno.writeTextFile(path, PRELUDE + text);
  }
}

function bundleOf(entry: string): string {
  return `${BUNDLE}/${nameOf(entry)}.js`;
}

/** The name of the file, or of the folder whose door it is. */
function nameOf(entry: string): string {
  const path = entry.replace(/(?:\/mod)?\.ts$/, "");
  return baseOf(path);
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Lets the main thread load the bundle of `entry`, in whose folder it is, where it names the source by `specifier`. */
function pointAt(specifier: string, entry: string, text: string): string {
  const parts = text.split(`"${specifier}"`);
  if (parts.length !== 2) {
    console.error(`Cannot find where the main thread loads ${entry}`);
    Deno.exit(1);
  }
  return parts.join(`"./${nameOf(entry)}.js"`);
}

interface Outcome {
  readonly success: boolean;
  readonly unreachable: boolean;
  readonly errors: string;
}

async function compile(
  command: string,
  args: readonly string[],
): Promise<Outcome> {
  const { success, stderr } = await new Deno.Command(command, {
    args: [...args, ...compileArgs],
    stdout: "null",
    stderr: "piped",
  }).output();
  const errors = new TextDecoder().decode(stderr);
  return {
    success,
    errors,
    unreachable: errors.includes("error sending request"),
  };
}

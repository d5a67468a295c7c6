/**
 * Builds `dist/firezone-gateway` with the narrowest permissions that work.
 *
 * Plain `deno compile` fetches its runtime base from Deno's release site. With
 * `--offline-base`, or `--offline-base=auto` when that site cannot be reached,
 * the base comes out of an npm package instead (`scripts/deno-compile-offline`):
 * good enough to test with, never for a release.
 */

const OUTPUT = "dist/firezone-gateway";
const CONFIG = "dist/deno.json";

/** Dependencies that only tests and scripts have. `deno compile` would embed them, 100 MB in all. */
const DEVELOPMENT_ONLY = [
  "@noble/curves/",
  "assemblyscript",
  "fast-check",
  "puppeteer-core",
];

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
  "--include=lib/io/worker.ts",
  "--include=lib/cli/status_page/",
  `--config=${CONFIG}`,
  "--lock=dist/deno.lock",
  ...PERMISSIONS,
  `--output=${OUTPUT}`,
  "main.ts",
];

/** Stack of the compiler's threads: 2.6 looks through the OpenTelemetry package by a recursion that overflows the usual 2 MiB. */
const COMPILER_STACK_BYTES = 32 * 1024 * 1024;

const mode = Deno.args[0];
if (
  mode !== undefined && mode !== "--offline-base" &&
  mode !== "--offline-base=auto"
) {
  console.error(
    `Unknown option: ${mode} (--offline-base or --offline-base=auto)`,
  );
  Deno.exit(2);
}

await Deno.mkdir("dist", { recursive: true });
await writeConfig();
let built = mode === "--offline-base"
  ? undefined
  : await compile(Deno.execPath(), ["compile"]);
if (
  built === undefined ||
  (!built.success && built.unreachable && mode === "--offline-base=auto")
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
const { size } = await Deno.stat(OUTPUT);
console.log(`Built ${OUTPUT} (${(size / 2 ** 20).toFixed(1)} MiB)`);

/** Writes the configuration to compile with: the project's without what the product does not need. */
async function writeConfig(): Promise<void> {
  const { imports, compilerOptions, nodeModulesDir } = JSON.parse(
    await Deno.readTextFile("deno.json"),
  );
  for (const name of DEVELOPMENT_ONLY) delete imports[name];
  const config = { imports, compilerOptions, nodeModulesDir };
  await Deno.writeTextFile(CONFIG, JSON.stringify(config));
  await Deno.copyFile("deno.lock", "dist/deno.lock");
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
    args: [...args, ...COMPILE_ARGS],
    env: { RUST_MIN_STACK: String(COMPILER_STACK_BYTES) },
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

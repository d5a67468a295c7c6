const MODULE = "golang.zx2c4.com/wireguard";

/** How long to download and compile, in s. */
const LIMIT_S = "240";

/** A wireguard-go built for this run. */
export interface BuiltWireguardGo extends AsyncDisposable {
  /** The program. */
  readonly program: string;
  /** Its version in Go's notation. */
  readonly version: string;
}

/**
 * Builds today's wireguard-go by the machine's Go toolchain, outside the
 * repository. Returns a sentence when it cannot: no Go, or no network.
 */
export async function buildCurrentWireguardGo(): Promise<
  BuiltWireguardGo | string
> {
  const directory = await Deno.makeTempDir({ prefix: "firezone-bench-go-" });
  const built = {
    program: `${directory}/bin/wireguard`,
    version: "",
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
  const env = {
    GOPATH: directory,
    GOBIN: `${directory}/bin`,
    // Without it Go writes files that cannot be removed again.
    GOFLAGS: "-modcacherw -buildvcs=false",
  };
  const problem = await run(env, "install", `${MODULE}@latest`);
  if (problem.code !== 0) {
    await built[Symbol.asyncDispose]();
    return `No current wireguard-go: ${problem.text.trim().split("\n").at(-1)}`;
  }
  const { text } = await run(env, "version", "-m", built.program);
  const version = /^\s*mod\s+\S+\s+(\S+)/m.exec(text)?.[1] ?? "unknown";
  return { ...built, version };
}

async function run(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<{ code: number; text: string }> {
  const command = ["--kill-after=5", LIMIT_S, "go", ...args];
  const { code, stdout, stderr } = await new Deno.Command("timeout", {
    args: command,
    env,
  }).output();
  const text = [stdout, stderr].map((it) => new TextDecoder().decode(it));
  return { code, text: text.join("") };
}

import assert from "node:assert/strict";

/** An account without any privilege: `nobody` of Debian. */
export const UNPRIVILEGED: readonly string[] = [
  "setpriv",
  "--reuid=65534",
  "--regid=65534",
  "--clear-groups",
];

/** The compiled program in a directory of its own. */
export interface CompiledBinary extends AsyncDisposable {
  /** Its path. */
  readonly path: string;
}

/** Builds the program and puts it where any user can reach it, as a download would; it may manage the network and nothing else. */
export async function buildBinary(): Promise<CompiledBinary> {
  await run(Deno.execPath(), "task", "build", "--offline-base=auto");
  const directory = await Deno.makeTempDir({ prefix: "firezone-binary-" });
  await Deno.chmod(directory, 0o755);
  const path = `${directory}/firezone-gateway`;
  await Deno.copyFile("dist/firezone-gateway", path);
  await Deno.chmod(path, 0o755);
  await run("setcap", "cap_net_admin+eip", path);
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

/** Opens the TUN node to everybody, as distributions have it and bare machines may not. */
export function openTunNode(): Disposable {
  const path = "/dev/net/tun";
  const mode = (Deno.statSync(path).mode ?? 0o600) & 0o777;
  Deno.chmodSync(path, 0o666);
  return { [Symbol.dispose]: () => Deno.chmodSync(path, mode) };
}

async function run(program: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** Builds the executable as `deno task build` does, its runtime from an npm package where Deno's release site cannot be reached, and returns the command that runs it. */
export async function buildProgram(): Promise<string[]> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "build", "--offline-base=auto"],
    cwd: ROOT,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return [`${ROOT}dist/firezone-gateway`];
  throw new Error(`Cannot build: ${new TextDecoder().decode(stderr)}`);
}

/** Makes the bundle that is compiled, and returns the command that runs it by the present Deno. */
export async function buildBundle(): Promise<string[]> {
  await buildProgram();
  return [
    ...[Deno.execPath(), "run", "--allow-all"],
    `${ROOT}dist/bundle/main.js`,
  ];
}

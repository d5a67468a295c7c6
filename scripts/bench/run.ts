const OUTPUT = new URL("../../dist/bench/", import.meta.url).pathname;

/** Returns what `parse` makes of the command line. Where that is a sentence about what is wrong, or it throws, the process ends with that and `usage`. */
export function optionsOrExit<Options extends object>(
  usage: string,
  parse: (args: readonly string[]) => Options | string,
): Options {
  let options: Options | string;
  try {
    options = parse(Deno.args);
  } catch (error) {
    options = error instanceof Error ? error.message : String(error);
  }
  if (typeof options !== "string") return options;
  console.error(`${options}\n\n${usage}`);
  Deno.exit(2);
}

/** Writes what a bench found to `dist/bench/NAME.json`. */
export async function writeResult(
  name: string,
  result: unknown,
): Promise<void> {
  await Deno.mkdir(OUTPUT, { recursive: true });
  const json = JSON.stringify(result, null, 2);
  await Deno.writeTextFile(`${OUTPUT}${name}.json`, `${json}\n`);
}

/** Runs what needs namespaces, and ends the process when it is over, fails or is interrupted, with nothing left behind. */
export async function runToEnd(
  bench: (stack: AsyncDisposableStack) => Promise<void>,
): Promise<never> {
  if (Deno.uid() !== 0) {
    console.error(
      "Cannot build network namespaces: run as root, such as by sudo",
    );
    Deno.exit(1);
  }
  const interrupted = Promise.withResolvers<never>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(
      signal,
      () => interrupted.reject(new Error("Interrupted")),
    );
  }
  let code = 0;
  const stack = new AsyncDisposableStack();
  try {
    await Promise.race([bench(stack), interrupted.promise]);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    code = 1;
  } finally {
    await stack.disposeAsync();
  }
  Deno.exit(code);
}

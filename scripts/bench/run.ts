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

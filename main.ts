import { run } from "./lib/cli/mod.ts";

Deno.exit(await run(Deno.args));

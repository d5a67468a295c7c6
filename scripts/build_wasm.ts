/**
 * Compiles the WebAssembly kernels with AssemblyScript into checked-in TypeScript.
 *
 *     deno run --allow-read --allow-write --allow-env scripts/build_wasm.ts [--check]
 *
 * `--check` writes nothing and fails when a checked-in module differs from what
 * its source gives. The compiler is pinned in `deno.json`, so the result is the
 * same everywhere.
 */
import asc from "assemblyscript/asc";
import { toBase64 } from "../lib/base/mod.ts";
import { chachaSource } from "../lib/crypto/wasm/generate_chacha.ts";
import { compressionsSource } from "../lib/crypto/wasm/generate_compressions.ts";
import { roundsSource } from "../lib/crypto/wasm/generate_rounds.ts";

const ROOT = new URL("../", import.meta.url);

interface Kernel {
  readonly entry: string;
  readonly sources: Readonly<Record<string, () => string>>;
  readonly options: readonly string[];
  readonly output: string;
  readonly purpose: string;
}

const KERNELS: readonly Kernel[] = [{
  entry: "kernel.ts",
  sources: {
    "kernel.ts": () => read("lib/crypto/wasm/kernel.as"),
    "layout.ts": () => read("lib/crypto/wasm/layout.as"),
    "rounds.ts": roundsSource,
  },
  // Only harmless passes: the usual ones sink each value to its use, which
  // undoes the order of statements that `generate_rounds.ts` chose.
  options: [
    ...["--optimizeLevel", "0", "--enable", "relaxed-simd"],
    ...["--runPasses", "precompute,optimize-instructions,vacuum"],
  ],
  output: "lib/crypto/wasm/module.ts",
  purpose: "The AEAD kernel",
}, {
  entry: "hashes.ts",
  sources: {
    "hashes.ts": () => read("lib/crypto/wasm/hashes.as"),
    "hashes_layout.ts": () => read("lib/crypto/wasm/hashes_layout.as"),
    "compressions.ts": compressionsSource,
  },
  options: ["--optimizeLevel", "3"],
  output: "lib/crypto/wasm/hashes_module.ts",
  purpose: "The hash kernel",
}, {
  entry: "small_aead.ts",
  sources: {
    "small_aead.ts": () => read("lib/crypto/wasm/small_aead.as"),
    "chacha.ts": chachaSource,
  },
  options: ["--optimizeLevel", "3"],
  output: "lib/crypto/wasm/small_aead_module.ts",
  purpose: "The AEAD for small messages",
}, {
  entry: "kernel.ts",
  sources: { "kernel.ts": () => read("lib/wire/wasm/kernel.as") },
  options: ["--optimizeLevel", "3"],
  output: "lib/wire/wasm/module.ts",
  purpose: "The kernel of checksums and segments",
}];

/** What all kernels have in common. */
const OPTIONS = [
  ...["--runtime", "stub", "--noAssert", "--enable", "simd"],
  ...["--importMemory", "--initialMemory", "1", "--noExportMemory"],
];

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

async function compile(kernel: Kernel): Promise<Uint8Array> {
  let module: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      ...[kernel.entry, "--outFile", "kernel.wasm"],
      ...[...OPTIONS, ...kernel.options],
    ],
    {
      readFile: (name) => kernel.sources[name]?.() ?? null,
      writeFile: (_name, contents) => {
        if (contents instanceof Uint8Array) module = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || !module) {
    throw new Error(`Cannot compile ${kernel.output}: ${stderr.toString()}`);
  }
  return module;
}

function render(kernel: Kernel, module: Uint8Array): string {
  const lines = toBase64(module).match(/.{1,72}/g) ?? [];
  return `// Made by scripts/build_wasm.ts from the sources beside this file.

/** ${kernel.purpose} as a WebAssembly module, in base64. */
export const MODULE_BASE64: string =
${lines.map((line) => `  "${line}"`).join(" +\n")};
`;
}

async function main(args: readonly string[]): Promise<number> {
  const checkOnly = args.includes("--check");
  let stale = 0;
  for (const kernel of KERNELS) {
    const rendered = render(kernel, await compile(kernel));
    const path = new URL(kernel.output, ROOT);
    if (!checkOnly) Deno.writeTextFileSync(path, rendered);
    else if (Deno.readTextFileSync(path) !== rendered) {
      console.error(`${kernel.output} is stale: run scripts/build_wasm.ts`);
      stale++;
    }
  }
  return stale === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));

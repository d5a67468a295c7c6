/**
 * Checks that imports between the folders of `lib/` point down the layers only.
 *
 * A folder may import from any group before its own, never from its own group
 * and never upwards; across folders only through `mod.ts`. Two rules are
 * stricter: `connection` knows neither `portal` nor `policy`, and `gateway`
 * and `client` take only types from `portal`. Only `io`, `cli` and `main.ts`
 * may name `Deno`.
 */
const GROUPS: readonly (readonly string[])[] = [
  ["base"],
  ["crypto", "wire"],
  ["stun", "portal", "policy", "dns", "flow_log"],
  ["wireguard", "turn", "ice", "path", "relay"],
  ["connection"],
  ["gateway", "client", "control"],
  ["io"],
  ["status"],
  ["otlp"],
  ["cli"],
];

const FORBIDDEN: Readonly<Record<string, readonly string[]>> = {
  connection: ["portal", "policy"],
};

const TYPES_ONLY: Readonly<Record<string, readonly string[]>> = {
  gateway: ["portal"],
  client: ["portal"],
};

const MAY_NAME_DENO = ["io", "cli"];
const MAY_IMPORT_NODE_CRYPTO = ["crypto", "io"];

interface Import {
  readonly specifier: string;
  readonly typesOnly: boolean;
}

function groupOf(folder: string): number {
  return GROUPS.findIndex((group) => group.includes(folder));
}

function importsOf(source: string): Import[] {
  const pattern =
    /^(?:import|export)\s(type\s)?(?:[^"';]*?\sfrom\s)?"([^"]+)"/gm;
  return [...source.matchAll(pattern)].map((match) => ({
    specifier: match[2] ?? "",
    typesOnly: match[1] !== undefined,
  }));
}

function problemsOf(path: string, folder: string, source: string): string[] {
  const problems: string[] = [];
  for (const { specifier, typesOnly } of importsOf(source)) {
    if (
      specifier === "node:crypto" && !MAY_IMPORT_NODE_CRYPTO.includes(folder)
    ) {
      problems.push(`${path}: only crypto and io may import node:crypto`);
    }
    const target = /^(?:\.\.\/)+([a-z_]+)\/(.+)$/.exec(specifier);
    if (!target || groupOf(target[1] ?? "") < 0) continue;
    const [, to = "", file] = target;
    if (to === folder) continue;
    if (groupOf(to) >= groupOf(folder)) {
      problems.push(`${path}: ${folder} may not import ${to}`);
    }
    if (file !== "mod.ts") {
      problems.push(`${path}: import ${to}/mod.ts, not ${to}/${file}`);
    }
    if (FORBIDDEN[folder]?.includes(to)) {
      problems.push(`${path}: ${folder} may not know ${to}`);
    }
    if (TYPES_ONLY[folder]?.includes(to) && !typesOnly) {
      problems.push(`${path}: ${folder} may only take types from ${to}`);
    }
  }
  if (!MAY_NAME_DENO.includes(folder) && /^[^/*\n]*\bDeno\./m.test(source)) {
    problems.push(`${path}: only io and cli may name Deno`);
  }
  return problems;
}

async function checkFolder(
  root: string,
  folder: string,
  inside = "",
): Promise<string[]> {
  const problems: string[] = [];
  for await (const entry of Deno.readDir(`${root}/${folder}${inside}`)) {
    const path = `${folder}${inside}/${entry.name}`;
    if (entry.isDirectory) {
      problems.push(
        ...await checkFolder(root, folder, `${inside}/${entry.name}`),
      );
    } else if (entry.name.endsWith(".ts") && entry.name !== "assembly.ts") {
      problems.push(
        ...problemsOf(
          `lib/${path}`,
          folder,
          await Deno.readTextFile(`${root}/${path}`),
        ),
      );
    }
  }
  return problems;
}

const root = new URL("../lib", import.meta.url).pathname;
const problems: string[] = [];
for await (const entry of Deno.readDir(root)) {
  if (!entry.isDirectory) continue;
  if (groupOf(entry.name) < 0) {
    problems.push(`lib/${entry.name}: not a folder of the layout`);
  } else problems.push(...await checkFolder(root, entry.name));
}
for (const problem of problems) console.error(problem);
Deno.exit(problems.length === 0 ? 0 : 1);

/**
 * Makes a Debian package of an executable: `dist/firezone-gateway_VERSION_ARCH.deb`.
 *
 * Needs `dpkg-deb`. The same executable gives the same package, byte for byte.
 */
import { parseArgs } from "node:util";
import { VERSION } from "../lib/cli/version.ts";
import {
  type Architecture,
  ARCHITECTURES,
  fillIn,
  packagingPath,
} from "./release_files.ts";

/** Where the files of the packaging go, and with what rights. */
const FILES: readonly (readonly [from: string, to: string, mode: number])[] = [
  ["firezone", "usr/bin/firezone", 0o755],
  [
    "systemd/firezone-gateway.service",
    "lib/systemd/system/firezone-gateway.service",
    0o644,
  ],
  ["systemd/gateway-env", "etc/firezone/gateway-env", 0o644],
];

const SCRIPTS = ["postinst", "prerm", "postrm"];

const README = `Give the gateway its token, then start it:

  firezone gateway authenticate
  firezone gateway enable-service

Settings: /etc/firezone/gateway-env, and \`firezone-gateway --help\`.
`;

/** Time stamp of all files unless SOURCE_DATE_EPOCH says another one: 2026-01-01. */
const DEFAULT_EPOCH = "1767225600";

/** Makes the package of `executable` in the folder `output` and returns its path. */
export async function packageDeb(
  executable: string,
  architecture: Architecture,
  output: string,
): Promise<string> {
  const root = await Deno.makeTempDir({ prefix: "firezone-deb-" });
  try {
    await Deno.chmod(root, 0o755);
    await copy(executable, `${root}/usr/bin/firezone-gateway`, 0o755);
    for (const [from, to, mode] of FILES) {
      await copy(packagingPath(from), `${root}/${to}`, mode);
    }
    await write(
      `${root}/usr/share/doc/firezone-gateway/README.Debian`,
      README,
    );
    await copy(
      new URL("../LICENSE", import.meta.url).pathname,
      `${root}/usr/share/doc/firezone-gateway/copyright`,
      0o644,
    );
    await writeControl(root, architecture);
    const path =
      `${output}/firezone-gateway_${VERSION}_${architecture.debian}.deb`;
    // The executable is compressed poorly and fast; dpkg-deb's default takes a minute.
    await run("dpkg-deb", [
      ...["--root-owner-group", "-Zxz", "-z1", "--build"],
      ...[root, path],
    ]);
    return path;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function writeControl(
  root: string,
  { debian }: Architecture,
): Promise<void> {
  const { size } = await Deno.stat(`${root}/usr/bin/firezone-gateway`);
  const control = fillIn(
    await Deno.readTextFile(packagingPath("debian/control")),
    {
      VERSION,
      ARCHITECTURE: debian,
      INSTALLED_KIB: String(Math.ceil(size / 1024)),
    },
  );
  await write(`${root}/DEBIAN/control`, control);
  await copy(
    packagingPath("debian/conffiles"),
    `${root}/DEBIAN/conffiles`,
    0o644,
  );
  for (const script of SCRIPTS) {
    await copy(
      packagingPath(`debian/${script}`),
      `${root}/DEBIAN/${script}`,
      0o755,
    );
  }
}

async function copy(from: string, to: string, mode: number): Promise<void> {
  await makeFolderOf(to);
  await Deno.copyFile(from, to);
  await Deno.chmod(to, mode);
}

async function write(to: string, text: string): Promise<void> {
  await makeFolderOf(to);
  await Deno.writeTextFile(to, text);
  await Deno.chmod(to, 0o644);
}

async function makeFolderOf(path: string): Promise<void> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  await Deno.mkdir(folder, { recursive: true, mode: 0o755 });
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const epoch = Deno.env.get("SOURCE_DATE_EPOCH") ?? DEFAULT_EPOCH;
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { SOURCE_DATE_EPOCH: epoch },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      executable: { type: "string", default: "dist/firezone-gateway" },
      architecture: { type: "string", default: Deno.build.arch },
    },
  });
  const architecture = ARCHITECTURES.find(({ debian, machine }) =>
    values.architecture === debian || values.architecture === machine
  );
  if (!architecture) {
    console.error(
      `There is no package for ${values.architecture}: ` +
        ARCHITECTURES.map(({ debian }) => debian).join(" or "),
    );
    Deno.exit(2);
  }
  console.log(
    `Made ${await packageDeb(values.executable, architecture, "dist")}`,
  );
}

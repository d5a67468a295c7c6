import assert from "node:assert/strict";
import { ResolvConfFile, type ResolvConfPaths } from "../../lib/io/mod.ts";

const ORIGINAL = "nameserver 192.0.2.53\n";

Deno.test("resolv.conf is replaced, and comes back as it was", async () => {
  await using etc = await Etc.create();
  const inode = etc.stat().ino;

  etc.file.replace(["nameserver 100.100.111.1", "search corp.example"]);
  assert.deepEqual(etc.read().split("\n").slice(1), [
    "nameserver 100.100.111.1",
    "search corp.example",
    "",
  ]);
  assert.equal(etc.stat().mode! & 0o777, 0o644);
  assert.equal(etc.file.readOriginal(), ORIGINAL);

  etc.file.replace(["nameserver 100.100.111.1"]);
  etc.file.restore();
  assert.equal(etc.read(), ORIGINAL);
  assert.equal(etc.stat().ino, inode);
  assert.deepEqual(etc.names(), ["resolv.conf"]);
});

Deno.test("a link stays a link, and what it leads to is not touched", async () => {
  await using etc = await Etc.create();
  const target = `${etc.folder}/stub-resolv.conf`;
  Deno.renameSync(etc.paths.path, target);
  Deno.symlinkSync(target, etc.paths.path);

  etc.file.replace(["nameserver 100.100.111.1"]);
  assert.equal(Deno.readTextFileSync(target), ORIGINAL);
  assert.equal(etc.file.readOriginal(), ORIGINAL);

  etc.file.restore();
  assert.equal(Deno.readLinkSync(etc.paths.path), target);
});

Deno.test("what a killed run left behind is recognised by the next one", async () => {
  await using etc = await Etc.create();
  etc.file.replace(["nameserver 100.100.111.1"]);

  const next = new ResolvConfFile(etc.paths);
  next.replace(["nameserver 100.100.111.1"]);
  assert.equal(next.readOriginal(), ORIGINAL);
  next.restore();

  assert.equal(etc.read(), ORIGINAL);
});

Deno.test("a file that somebody else wrote meanwhile is left alone", async () => {
  await using etc = await Etc.create();
  etc.file.replace(["nameserver 100.100.111.1"]);
  Deno.writeTextFileSync(etc.paths.path, "nameserver 9.9.9.9\n");

  etc.file.restore();

  assert.equal(etc.read(), "nameserver 9.9.9.9\n");
  etc.file.replace(["nameserver 100.100.111.1"]);
  etc.file.restore();
  assert.equal(etc.read(), "nameserver 9.9.9.9\n");
});

Deno.test("where there was no resolv.conf there is none afterwards", async () => {
  await using etc = await Etc.create();
  Deno.removeSync(etc.paths.path);

  etc.file.restore();
  etc.file.replace(["nameserver 100.100.111.1"]);
  etc.file.restore();

  assert.deepEqual(etc.names(), []);
});

Deno.test("a resolv.conf that is mounted, as in containers, has its content replaced", async () => {
  await using etc = await Etc.create();
  const { folder, paths } = etc;
  Deno.writeTextFileSync(`${folder}/mounted`, ORIGINAL);
  const script = `
    import { ResolvConfFile } from "${new URL(
    "../../lib/io/mod.ts",
    import.meta.url,
  )}";
    const paths = ${JSON.stringify(paths)};
    const file = new ResolvConfFile(paths);
    file.replace(["nameserver 100.100.111.1"]);
    console.log(Deno.readTextFileSync(paths.path).split("\\n")[1]);
    console.log(file.readOriginal().trim());
    file.restore();
    console.log(Deno.readTextFileSync(paths.path).trim());
  `;
  Deno.writeTextFileSync(`${folder}/script.ts`, script);

  const { stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      "--mount",
      "sh",
      "-c",
      'mount --bind "$1/mounted" "$1/etc/resolv.conf" && exec "$2" run --allow-all --config "$3" "$1/script.ts"',
      "sh",
      folder,
      Deno.execPath(),
      new URL("../../deno.json", import.meta.url).pathname,
    ],
  }).output();

  assert.deepEqual(
    new TextDecoder().decode(stdout).trim().split("\n"),
    ["nameserver 100.100.111.1", ORIGINAL.trim(), ORIGINAL.trim()],
    new TextDecoder().decode(stderr),
  );
  assert.deepEqual(etc.names(), ["resolv.conf"]);
});

/** A folder that stands for `/etc`, with a `resolv.conf` in it. */
class Etc implements AsyncDisposable {
  readonly folder: string;
  readonly paths: ResolvConfPaths;
  readonly file: ResolvConfFile;

  private constructor(folder: string) {
    this.folder = folder;
    const path = `${folder}/etc/resolv.conf`;
    this.paths = {
      path,
      backup: `${path}.before-firezone`,
      draft: `${path}.firezone-draft`,
    };
    Deno.mkdirSync(`${folder}/etc`);
    Deno.writeTextFileSync(path, ORIGINAL);
    this.file = new ResolvConfFile(this.paths);
  }

  static async create(): Promise<Etc> {
    return new Etc(await Deno.makeTempDir());
  }

  read(): string {
    return Deno.readTextFileSync(this.paths.path);
  }

  stat(): Deno.FileInfo {
    return Deno.statSync(this.paths.path);
  }

  names(): string[] {
    return [...Deno.readDirSync(`${this.folder}/etc`)].map((it) => it.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

import assert from "node:assert/strict";
import {
  ARCHITECTURES,
  executableName,
  fillIn,
  installScript,
  packagingPath,
  sha256Of,
} from "../../scripts/release_files.ts";

const TOKEN = ".SFMyNTY.g2gDbQ.a-token";
const UNIT = "etc/systemd/system/firezone-gateway.service";
const SETTINGS = "etc/firezone/gateway-env";
const TOKEN_FILE = "etc/firezone/gateway-token";
const PROGRAM = "usr/local/bin/firezone-gateway";

/** A unit as Firezone's own install script wrote it before there were credentials. */
const LEGACY_UNIT = `[Unit]
Description=Firezone Gateway

[Service]
Environment="FIREZONE_NAME=edge"
Environment="FIREZONE_ID=11111111-2222-3333-4444-555555555555"
Environment="FIREZONE_TOKEN=${TOKEN}"
ExecStartPre=/usr/local/bin/firezone-gateway-init
ExecStart=/usr/local/bin/firezone-gateway
`;

Deno.test("[ops 3.5] the install script keeps the token in a file for root alone, and the id in the settings", async () => {
  await using host = await Host.make();

  const { code, output } = await host.install(
    { FIREZONE_ID: "edge-1" },
    `${TOKEN.slice(0, 9)}\n${TOKEN.slice(9)}\n`,
  );

  assert.equal(code, 0, output);
  assert.equal(host.read(TOKEN_FILE), TOKEN);
  assert.equal(host.modeOf(TOKEN_FILE), 0o400);
  assert.match(host.read(SETTINGS), /^FIREZONE_ID=edge-1$/m);
  assert.match(host.read(UNIT), /^LoadCredential=FIREZONE_TOKEN:/m);
  assert.match(
    host.read(UNIT),
    /^ExecStart=\/usr\/local\/bin\/firezone-gateway$/m,
  );
  assert.equal(host.read(PROGRAM), Host.executable);
  assert.equal(host.modeOf(PROGRAM), 0o755);
  for (const text of [host.read(UNIT), host.read(SETTINGS), output]) {
    assert.ok(!text.includes(TOKEN));
  }
});

Deno.test("[ops 3.5] the install script knows where executables come from and what they must be", async () => {
  const checksums = new Map([["amd64", "a".repeat(64)], [
    "arm64",
    "b".repeat(64),
  ]]);

  const script = await installScript(
    "1.2.3",
    "https://releases.example/1.2.3",
    checksums,
  );

  assert.match(script, /https:\/\/releases\.example\/1\.2\.3/);
  assert.match(script, new RegExp(`sha256_amd64='${"a".repeat(64)}'`));
  assert.match(script, new RegExp(`sha256_arm64='${"b".repeat(64)}'`));
});

Deno.test("[ops 3.5] token and id of an older unit are taken over", async () => {
  await using host = await Host.make();
  host.write(UNIT, LEGACY_UNIT);

  const { code, output } = await host.install();

  assert.equal(code, 0, output);
  assert.equal(host.read(TOKEN_FILE), TOKEN);
  assert.match(
    host.read(SETTINGS),
    /^FIREZONE_ID=11111111-2222-3333-4444-555555555555$/m,
  );
  assert.doesNotMatch(host.read(UNIT), /firezone-gateway-init|Environment="/);
});

Deno.test("[ops 3.5] systemd 219 is refused, and nothing is left behind", async () => {
  await using host = await Host.make({ systemd: 219 });

  const { code, output } = await host.install({ FIREZONE_TOKEN: TOKEN });

  assert.equal(code, 1);
  assert.match(output, /systemd 219: 247 or later is needed/);
  assert.deepEqual(host.files(), []);
});

Deno.test("an executable with another checksum is refused, and nothing is left behind", async () => {
  await using host = await Host.make();
  await Deno.writeTextFile(host.executable, "something else");

  const { code, output } = await host.install({ FIREZONE_TOKEN: TOKEN });

  assert.equal(code, 1);
  assert.match(output, /Refused .*its SHA-256 sum is/);
  assert.deepEqual(host.files(), []);
});

Deno.test("an upgrade keeps token, id and what the administrator set", async () => {
  await using host = await Host.make();
  await host.install({ FIREZONE_ID: "edge-1", FIREZONE_TOKEN: TOKEN });
  host.write(SETTINGS, `${host.read(SETTINGS)}RUST_LOG=debug\n`);

  const { code, output } = await host.install();

  assert.equal(code, 0, output);
  assert.equal(host.read(TOKEN_FILE), TOKEN);
  assert.match(host.read(SETTINGS), /^FIREZONE_ID=edge-1$/m);
  assert.match(host.read(SETTINGS), /^RUST_LOG=debug$/m);
});

Deno.test("without a token there is nothing to install", async () => {
  await using host = await Host.make();

  const { code, output } = await host.install({}, " \n");

  assert.equal(code, 1);
  assert.match(output, /without a token/);
  assert.deepEqual(host.files(), []);
});

Deno.test("uninstalled, only settings and identity stay", async () => {
  await using host = await Host.make();
  await host.install({ FIREZONE_TOKEN: TOKEN });

  const { code, output } = await host.run(["sh", host.script, "--uninstall"]);

  assert.equal(code, 0, output);
  assert.deepEqual(host.files(), [SETTINGS]);
});

Deno.test("authenticate refuses to overwrite a token unless it is told to", async () => {
  await using host = await Host.make();
  const helper = ["sh", packagingPath("firezone"), "gateway", "authenticate"];

  const first = await host.run(helper, {}, `${TOKEN}\n`);
  const second = await host.run(helper, {}, "another");
  const kept = host.read(TOKEN_FILE);
  const third = await host.run([...helper, "--replace"], {}, "another");

  assert.deepEqual([first.code, second.code, third.code], [0, 1, 0]);
  assert.match(second.output, /give --replace/);
  assert.equal(kept, TOKEN);
  assert.equal(host.read(TOKEN_FILE), "another");
  assert.equal(host.modeOf(TOKEN_FILE), 0o400);
});

Deno.test("a dry run says what it would do, and never the token", async () => {
  await using host = await Host.make();
  const helper = ["sh", packagingPath("firezone"), "gateway"];
  const env = { FZ_DRY_RUN: "1" };

  const token = await host.run([...helper, "authenticate"], env, TOKEN);
  const service = await host.run([...helper, "enable-service"], env);

  assert.match(token.output, /Would write \/etc\/firezone\/gateway-token/);
  assert.ok(!token.output.includes(TOKEN));
  assert.match(service.output, /Would run: systemctl enable --now/);
  assert.deepEqual(host.files(), []);
});

Deno.test("a text with a place that nothing fills is refused", () => {
  assert.equal(fillIn("@A@ and @A@", { A: "$&" }), "$& and $&");
  assert.throws(
    () => fillIn("@A@ and @B@", { A: "1" }),
    /Nothing fills in @B@/,
  );
  assert.throws(() => fillIn("nothing", { A: "1" }), /no place/);
});

/** The file system of a host to install on, and a systemd that answers. */
class Host implements AsyncDisposable {
  static readonly executable = "#!/bin/sh\nexit 0\n";
  readonly script: string;
  readonly executable: string;
  readonly #folder: string;
  readonly #root: string;

  private constructor(folder: string, executable: string) {
    this.#folder = folder;
    this.#root = `${folder}/root/`;
    this.script = `${folder}/install.sh`;
    this.executable = executable;
  }

  static async make({ systemd = 252 } = {}): Promise<Host> {
    const folder = await Deno.makeTempDir({ prefix: "firezone-install-" });
    const architecture = ARCHITECTURES.find(({ machine }) =>
      machine === Deno.build.arch
    );
    assert.ok(architecture);
    const host = new Host(folder, `${folder}/${executableName(architecture)}`);
    await Deno.mkdir(`${folder}/root`);
    await Deno.mkdir(`${folder}/bin`);
    await Deno.writeTextFile(
      `${folder}/bin/systemctl`,
      `#!/bin/sh\necho "systemd ${systemd} (${systemd}-1)"\n`,
      { mode: 0o755 },
    );
    await Deno.writeTextFile(host.executable, Host.executable);
    const checksum = await sha256Of(host.executable);
    const checksums = new Map([[architecture.debian, checksum]]);
    await Deno.writeTextFile(
      host.script,
      await installScript("1.6.0", folder, checksums),
    );
    return host;
  }

  install(env: Record<string, string> = {}, input = "") {
    return this.run(["sh", this.script], env, input);
  }

  async run(
    [program = "", ...args]: readonly string[],
    env: Record<string, string> = {},
    input = "",
  ): Promise<{ code: number; output: string }> {
    const child = new Deno.Command(program, {
      args,
      clearEnv: true,
      env: {
        PATH: `${this.#folder}/bin:/usr/bin:/bin`,
        DESTDIR: this.#root.slice(0, -1),
        ...env,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input)).catch(() => {});
    await writer.close().catch(() => {}); // It may have ended without reading.
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  read(path: string): string {
    return Deno.readTextFileSync(this.#root + path);
  }

  write(path: string, text: string): void {
    const full = this.#root + path;
    Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(full, text);
  }

  modeOf(path: string): number {
    return (Deno.statSync(this.#root + path).mode ?? 0) & 0o777;
  }

  /** All files below the root. */
  files(folder = ""): string[] {
    return Array.from(Deno.readDirSync(this.#root + folder)).flatMap((it) =>
      it.isDirectory
        ? this.files(`${folder}${it.name}/`)
        : [`${folder}${it.name}`]
    ).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

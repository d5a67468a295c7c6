import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { packageDeb } from "../../scripts/package_deb.ts";
import { ARCHITECTURES } from "../../scripts/release_files.ts";
import { buildBinary } from "../support/compiled_binary.ts";
import { SystemdMachine } from "../support/systemd_machine.ts";

const SERVICE = "firezone-gateway.service";
const SETTINGS = "/etc/firezone/gateway-env";
const TOKEN = "/etc/firezone/gateway-token";
const PING = ["ping", "-c", "3", "-i", "0.2", "-w", "20", SITES.web];

Deno.test("the Debian package serves a client under systemd, survives an upgrade, and leaves nothing when purged", async (t) => {
  await using binary = await buildBinary();
  const folder = await Deno.makeTempDir({ prefix: "firezone-deb-" });
  await using _folder = removed(folder);
  const architecture = ARCHITECTURES.find(({ machine }) =>
    machine === Deno.build.arch
  );
  assert.ok(architecture);
  const deb = await packageDeb(binary.path, architecture, folder);
  await using site = new FirezoneLab("fzsysd");
  await site.build();
  await site.startPortal();
  await site.startRelay();
  await using machine = await SystemdMachine.boot(site.lab, "gateway");
  await machine.copyIn(deb, "/root/gateway.deb");
  const before = await traces(machine);

  await t.step("installed, it waits for its administrator", async () => {
    await machine.must("dpkg", "-i", "/root/gateway.deb");

    assert.equal(await state(machine, "is-enabled"), "disabled");
    assert.equal(await state(machine, "is-active"), "inactive");
  });

  await t.step(
    "with a token it serves, and nobody else reads the token",
    async () => {
      const { FIREZONE_TOKEN: token, ...settings } = site.gatewayEnv();
      await machine.must(
        "sh",
        "-c",
        `echo ${token} | firezone gateway authenticate`,
      );
      const lines = Object.entries(settings).map((it) => it.join("=")).join(
        "\n",
      );
      await machine.must("sh", "-c", `echo '${lines}' > ${SETTINGS}`);
      await machine.must("firezone", "gateway", "enable-service");
      await served(machine);
      await site.startClient();

      await site.lab.must("client", ...PING);
      assert.equal(await state(machine, "is-active"), "active");
      assert.equal(
        await machine.must("stat", "-c", "%a %U", TOKEN),
        "400 root\n",
      );
      const seen = await machine.must("systemctl", "show", SERVICE);
      assert.ok(!seen.includes(token!));
      assert.ok(!(await machine.journal(SERVICE)).includes(token!));
    },
  );

  await t.step(
    "it has one capability, an account of its own and no way to gain more",
    async () => {
      const status = await machine.must(
        "cat",
        `/proc/${await mainPid(machine)}/status`,
      );

      assert.match(status, /^CapEff:\t0{12}1000$/m);
      assert.match(status, /^CapBnd:\t0{12}1000$/m);
      assert.match(status, /^NoNewPrivs:\t1$/m);
      assert.match(status, /^Seccomp:\t2$/m);
      assert.doesNotMatch(status, /^Uid:\t0\t/m);
    },
  );

  await t.step("an upgrade goes on as a new process", async () => {
    const old = await mainPid(machine);
    await machine.must("dpkg", "-i", "/root/gateway.deb");

    assert.notEqual(await mainPid(machine), old);
    await site.lab.must("client", ...PING);
  });

  await t.step("stopped, it takes leave within its time", async () => {
    await machine.must("systemctl", "stop", SERVICE);

    const result = await machine.must(
      "systemctl",
      "show",
      "-P",
      "Result",
      SERVICE,
    );
    assert.equal(result, "success\n");
    const links = await machine.must("ip", "link", "show");
    assert.doesNotMatch(links, /tun-firezone/);
  });

  await t.step("purged, it leaves nothing", async () => {
    await machine.must("dpkg", "--purge", "firezone-gateway");

    assert.deepEqual(await traces(machine), before);
  });
});

/** Waits until the gateway has its interface. With Type=notify that is a matter of the portal only. */
async function served(machine: SystemdMachine): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const journal = await machine.journal(SERVICE);
    if (/Interface configured/.test(journal)) return;
    assert.ok(performance.now() < deadline, journal);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function mainPid(machine: SystemdMachine): Promise<string> {
  return (await machine.must("systemctl", "show", "-P", "MainPID", SERVICE))
    .trim();
}

async function state(machine: SystemdMachine, verb: string): Promise<string> {
  return (await machine.run("systemctl", verb, SERVICE)).stdout.trim();
}

/** Files and accounts with our name. */
async function traces(machine: SystemdMachine): Promise<string> {
  const files = await machine.must(
    ...[
      "find",
      "/etc",
      "/usr",
      "/lib",
      "/run",
      "/var/lib",
      "/var/log",
      "-xdev",
    ],
    ...["-iname", "*firezone*"],
  );
  const accounts = await machine.run(
    "grep",
    "-r",
    "firezone",
    "/etc/passwd",
    "/etc/group",
  );
  return files + accounts.stdout;
}

function removed(path: string): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

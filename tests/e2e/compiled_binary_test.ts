import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";

/** An account without any privilege: `nobody` of Debian. */
const UNPRIVILEGED = [
  "setpriv",
  "--reuid=65534",
  "--regid=65534",
  "--clear-groups",
];

Deno.test("the compiled binary with setcap alone serves a client as an unprivileged user", async () => {
  await run(Deno.execPath(), "task", "build", "--offline-base=auto");
  await using directory = await binaryFor("nobody");
  await run("setcap", "cap_net_admin+eip", directory.binary);
  using _tun = openTunNode();
  await using demo = new FirezoneLab("fzbin");
  await demo.build();
  await demo.startPortal();
  await demo.startRelay();

  const gateway = await demo.startGateway([...UNPRIVILEGED, directory.binary]);
  await demo.startClient();
  await demo.lab.must(
    "client",
    "ping",
    "-c",
    "3",
    "-i",
    "0.2",
    "-W",
    "10",
    SITES.web,
  );

  assert.match(
    Deno.readTextFileSync(`/proc/${gateway.pid}/status`),
    /^Uid:\t65534\t/m,
  );
  assert.equal(await gateway.stop(), 0);
  const links = await demo.lab.must("gateway", "ip", "link", "show");
  const rules = await demo.lab.must("gateway", "ip", "rule", "show");
  assert.doesNotMatch(links, /tun-firezone/);
  assert.doesNotMatch(rules, /5390983/);
});

/** Opens the TUN node to everybody, as distributions have it and bare machines may not. */
function openTunNode(): Disposable {
  const path = "/dev/net/tun";
  const mode = (Deno.statSync(path).mode ?? 0o600) & 0o777;
  Deno.chmodSync(path, 0o666);
  return { [Symbol.dispose]: () => Deno.chmodSync(path, mode) };
}

interface BinaryDirectory extends AsyncDisposable {
  readonly binary: string;
}

/** Copies the binary to a directory that any user can reach, as `cp` and a download would. */
async function binaryFor(user: string): Promise<BinaryDirectory> {
  const path = await Deno.makeTempDir({ prefix: `firezone-${user}-` });
  await Deno.chmod(path, 0o755);
  const binary = `${path}/firezone-gateway`;
  await Deno.copyFile("dist/firezone-gateway", binary);
  await Deno.chmod(binary, 0o755);
  return {
    binary,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

async function run(program: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

import assert from "node:assert/strict";
import { PROGRAM_FROM_SOURCE } from "../../scripts/lab/firezone_lab.ts";
import { REAL_FILES } from "../../lib/cli/state_files.ts";
import { ProgramBox, sentences } from "../support/program_box.ts";

const PREFIX = "fzset";

/** Nobody listens there, in a namespace of the test's own. */
const NO_PORTAL = "ws://127.0.0.1:9";

const ENV = {
  FIREZONE_API_URL: NO_PORTAL,
  FIREZONE_ID: "test",
  FIREZONE_TOKEN: "no-token-of-any-portal",
};

/** The program from source takes a second or two on a loaded machine. */
const START_MS = 15_000;

Deno.test("[ops 1.1] version and help are printed to standard output and end with 0, whatever else is wrong", async () => {
  await using box = await ProgramBox.create(PREFIX);

  const version = await box.run(["--version"], { RUST_LOG: "nonsense" });
  const help = await box.run(["relay", "--help"], {});

  assert.equal(version.code, 0);
  assert.match(version.stdout, /^firezone-gateway \d+\.\d+\.\d+\n$/);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^Usage: firezone-gateway relay \[OPTIONS\]/m);
  assert.equal(version.stderr + help.stderr, "");
});

Deno.test("--check tells what is missing, each with its way out, and changes nothing", async () => {
  await using box = await ProgramBox.create(PREFIX);
  const before = await box.network();

  const ready = await box.run(["--check"], ENV);
  const bare = await box.runProgram([
    ...["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"],
    ...[...PROGRAM_FROM_SOURCE, "--check", "--tun-name=lo"],
  ], {});
  const wrong = await box.run(["--check", "--tun-name=a/b"], ENV);

  assert.equal(ready.code, 0, ready.stdout);
  assert.match(ready.stdout, /^ok +token +configured$/m);
  assert.match(ready.stdout, /^Ready to start$/m);
  assert.doesNotMatch(ready.stdout, new RegExp(ENV.FIREZONE_TOKEN));
  assert.equal(bare.code, 1);
  assert.match(bare.stdout, /^failed +capability .*setcap/m);
  assert.match(bare.stdout, /^failed +token .*FIREZONE_TOKEN/m);
  assert.match(bare.stdout, /^failed +interface .*lo: (?:EPERM|EINVAL)/m);
  assert.match(bare.stdout, /^Cannot start: 3 things to do$/m);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /Cannot use --tun-name: "a\/b"/);
  assert.equal(await box.network(), before);
});

Deno.test("--check tells what of the host start-up would warn of, and starts with it", async () => {
  await using box = await ProgramBox.create(PREFIX);
  await box.lab.must("host", "sysctl", "-qw", "net.ipv4.ip_forward=0");
  const before = await box.network();

  const ready = await box.run(["--check"], ENV);
  const readOnly = await box.runProgram([
    ...["unshare", "--mount", "sh", "-c"],
    'mount --bind -o ro /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"',
    ...["sh", ...PROGRAM_FROM_SOURCE, "--check"],
  ], ENV);
  const own = await box.run(["--check", "--masquerade=off"], ENV);

  assert.match(ready.stdout, /^ok +forward IPv4 +off; the gateway switches/m);
  assert.match(ready.stdout, /^ok +NAT +nftables can be used$/m);
  assert.equal(readOnly.code, 0, readOnly.stdout + readOnly.stderr);
  assert.match(
    readOnly.stdout,
    /^notice +forward IPv4 .*read-only.*sysctl -w/m,
  );
  assert.match(own.stdout, /^ok +NAT +off: your network routes/m);
  assert.equal(
    await box.lab.must("host", "cat", "/proc/sys/net/ipv4/ip_forward"),
    "0\n",
  );
  assert.equal(await box.network(), before);
});

Deno.test("[ops 1.1] obsolete and misspelt variables get a line each and stop nobody", async () => {
  await using box = await ProgramBox.create(PREFIX);

  const { code, stderr } = await box.run(["--check"], {
    ...ENV,
    FIREZONE_NUM_TUN_THREADS: "2",
    FIREZONE_LOGFORMAT: "json",
    FZFF_STREAM_METRICS: "true",
    FIREZONE_NO_TELEMETRY: "1",
  });

  assert.equal(code, 0);
  assert.deepEqual(sentences(stderr), [
    "firezone-gateway: Ignored FIREZONE_LOGFORMAT, which is no setting of this program (did you mean FIREZONE_LOG_FORMAT?)",
    "firezone-gateway: Ignored FIREZONE_NUM_TUN_THREADS, which is obsolete: one thread keeps the order of packets",
  ]);
});

Deno.test("[ops 1.3] a host without nameservers is warned of and serves on, and limits of another namespace are left alone", async () => {
  await using box = await ProgramBox.create(PREFIX);
  await box.lab.configure("host", "resolv.conf", "");

  const gateway = box.start([], ENV);

  await gateway.waitFor(/ WARN .*No nameserver.*resolv.conf/, START_MS);
  await gateway.waitFor(/ INFO .*Portal not reached/, START_MS);
  await gateway.waitFor(/ INFO io: Buffer limit left alone/, START_MS);
  assert.equal(await gateway.stop(), 0);
});

Deno.test("[ops 1.3] a host without IPv6 is served without a warning", async () => {
  await using box = await ProgramBox.create(PREFIX);
  await box.lab.sysctl("host", "net.ipv6.conf.all.disable_ipv6=1");
  await box.lab.configure("host", "resolv.conf", "nameserver 127.0.0.1\n");

  const gateway = box.start(["--no-inc-buf"], ENV);

  await gateway.waitFor(/Portal not reached/, START_MS);
  assert.equal(await gateway.stop(), 0);
  const loud = gateway.lines.filter((line) => / WARN |ERROR|limit/.test(line));
  assert.deepEqual(loud, []);
});

Deno.test("[ops 1.2] the identity is written as a whole, for its user and group only, whatever the umask", async () => {
  const root = await Deno.makeTempDir({ prefix: "firezone-state-" });
  const directory = `${root}/firezone`;
  const path = `${directory}/gateway_id`;
  const umask = Deno.umask(0o077);

  REAL_FILES.write(directory, path, '{"id":"first"}');
  REAL_FILES.write(directory, path, '{"id":"second"}');

  Deno.umask(umask);
  assert.equal(modeOf(directory), 0o770);
  assert.equal(modeOf(path), 0o640);
  assert.equal(REAL_FILES.read(path), '{"id":"second"}');
  assert.deepEqual([...Deno.readDirSync(directory)].length, 1);
  assert.equal(REAL_FILES.read(`${path}.absent`), undefined);
  await Deno.remove(root, { recursive: true });
});

Deno.test("the identity goes to a file of its own, not where a link in its place leads", async () => {
  const root = await Deno.makeTempDir({ prefix: "firezone-state-" });
  const path = `${root}/gateway_id`;
  await Deno.writeTextFile(`${root}/other`, "not ours");
  await Deno.symlink(`${root}/other`, `${path}.draft`);

  REAL_FILES.write(root, path, '{"id":"first"}');

  assert.equal(await Deno.readTextFile(`${root}/other`), "not ours");
  assert.equal((await Deno.lstat(path)).isSymlink, false);
  assert.equal(REAL_FILES.read(path), '{"id":"first"}');
  await Deno.remove(root, { recursive: true });
});

function modeOf(path: string): number {
  return (Deno.statSync(path).mode ?? 0) & 0o777;
}

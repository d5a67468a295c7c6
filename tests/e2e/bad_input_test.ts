import assert from "node:assert/strict";
import { PROGRAM_FROM_SOURCE } from "../../scripts/lab/firezone_lab.ts";
import { ProgramBox, sentences } from "../support/program_box.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Nobody listens there, in a namespace of the test's own. */
const NO_PORTAL = "ws://127.0.0.1:9";
const PORTAL = "127.0.0.1:8081";
const POLICY_PATH =
  new URL("../../lib/control/example_policy.json", import.meta.url).pathname;

/** Fifteen retries of one second, and the start. */
const GIVES_UP_MS = 30_000;

Deno.test("[ops 1.1] wrong usage is explained in full and ends with 2", async () => {
  await using box = await ProgramBox.create("fzbad");

  const flags = await box.run(["--nope", "--api-url", "ftp://portal"], {});
  const directive = await box.run([], { RUST_LOG: "loud" });
  const portal = await box.run(["portal", "--listen", "here"], {});

  assert.equal(flags.code, EXIT_USAGE);
  assert.match(flags.stderr, /Unknown option: --nope/);
  assert.match(
    flags.stderr,
    /Cannot use --api-url: "ftp:\/\/portal" is not a URL with the scheme/,
  );
  assert.equal(directive.code, EXIT_USAGE);
  assert.match(directive.stderr, /Cannot use RUST_LOG: "loud"/);
  assert.equal(portal.code, EXIT_USAGE);
  assert.match(portal.stderr, /--policy FILE/);
  assert.match(portal.stderr, /Cannot use --listen: "here"/);
});

Deno.test("[ops 1.3] a start without token says which variable to set", async () => {
  await using box = await ProgramBox.create("fzbad");

  const { code, stderr } = await box.run([], { FIREZONE_ID: "test" });

  assert.equal(code, EXIT_FAILED);
  assert.deepEqual(sentences(stderr), [
    "firezone-gateway: Cannot start without a token: " +
    "set FIREZONE_TOKEN to the one that the portal shows " +
    "(Failed to read `FIREZONE_TOKEN` systemd credential: `CREDENTIALS_DIRECTORY` not provided)",
  ]);
});

Deno.test("[ops 1.3] a start without CAP_NET_ADMIN says to use setcap, with and without the early check", async () => {
  await using box = await ProgramBox.create("fzbad");
  const without = [
    "setpriv",
    "--bounding-set=-net_admin",
    "--inh-caps=-net_admin",
  ];

  for (const args of [[], ["--no-check"]]) {
    const { code, stderr } = await box.runProgram([
      ...without,
      ...PROGRAM_FROM_SOURCE,
      ...args,
    ], {
      ...GATEWAY_ENV,
      FIREZONE_API_URL: NO_PORTAL,
    });

    assert.equal(code, EXIT_FAILED, stderr);
    assert.match(stderr, /CAP_NET_ADMIN.*setcap cap_net_admin\+eip/);
    assert.equal(sentences(stderr).length, 1, stderr);
  }
});

Deno.test("[ops 1.3] a host without /dev/net/tun is told how to get it", async () => {
  await using box = await ProgramBox.create("fzbad");
  const hide = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o ro none /dev/net; exec "$@"',
  ];

  const { code, stderr } = await box.runProgram([
    ...hide,
    "sh",
    ...PROGRAM_FROM_SOURCE,
  ], {
    ...GATEWAY_ENV,
    FIREZONE_API_URL: NO_PORTAL,
  });

  assert.equal(code, EXIT_FAILED);
  assert.match(stderr, /modprobe tun/);
  assert.equal(sentences(stderr).length, 1, stderr);
});

Deno.test("[ops 1.3] a second gateway on the host is told so; the first gives up on a portal that is not there and leaves nothing behind", async () => {
  await using box = await ProgramBox.create("fzbad");
  const env = { ...GATEWAY_ENV, FIREZONE_API_URL: NO_PORTAL };
  const before = await box.network();

  const first = box.start([], env);
  await first.waitFor(/State changed from=idle/, GIVES_UP_MS);
  const second = await box.run([], env);
  const gaveUp = await first.waitFor(/^firezone-gateway: /, GIVES_UP_MS);

  assert.equal(second.code, EXIT_FAILED);
  assert.match(second.stderr, /another gateway or client runs on this host/);
  assert.match(
    gaveUp,
    /Cannot reach the portal at ws:\/\/127\.0\.0\.1:9.*FIREZONE_API_URL/,
  );
  assert.equal(await first.ended, EXIT_FAILED);
  assert.equal(await box.network(), before);
});

Deno.test("[ops 1.3] a token that the portal refuses ends the gateway at once with a sentence, even with logs off, and is not printed", async () => {
  await using box = await ProgramBox.create("fzbad");
  const portal = box.start([
    "portal",
    "--policy",
    POLICY_PATH,
    "--listen",
    PORTAL,
  ], {});
  await portal.waitFor(/Serving/, GIVES_UP_MS);
  const before = await box.network();

  const { code, stdout, stderr } = await box.run([], {
    ...GATEWAY_ENV,
    FIREZONE_API_URL: `ws://${PORTAL}`,
    RUST_LOG: "off",
  });

  assert.equal(code, EXIT_FAILED);
  assert.match(
    stderr,
    /^firezone-gateway: Authentication token invalid.*FIREZONE_TOKEN$/m,
  );
  assert.equal(stdout, "");
  assert.doesNotMatch(stderr, new RegExp(GATEWAY_ENV.FIREZONE_TOKEN));
  assert.equal(await box.network(), before);
});

Deno.test("a policy file that cannot be used is refused with the place of each mistake", async () => {
  await using box = await ProgramBox.create("fzbad");
  const path = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(path, '{"secret":"short","sites":[{}]}');

  const { code, stderr } = await box.run(["portal", "--policy", path], {});
  const absent = await box.run(["portal", "--policy", `${path}.absent`], {});
  await Deno.remove(path);

  assert.equal(code, EXIT_FAILED);
  assert.match(stderr, /Cannot use the policy file .*sites\[0\]/);
  assert.equal(absent.code, EXIT_FAILED);
  assert.match(absent.stderr, /Cannot read the policy file/);
});

/** A token that no portal gave. */
const GATEWAY_ENV = {
  FIREZONE_TOKEN: "wrong-token",
  FIREZONE_ID: "test",
  RUST_LOG: "debug",
};

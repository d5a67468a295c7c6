import assert from "node:assert/strict";
import {
  FirezoneLab,
  PROGRAM_FROM_SOURCE,
} from "../../scripts/lab/firezone_lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { findLibrary, requireTools } from "../support/tools.ts";

const STUN = `${SITES.relay}:3478,203.0.113.22:3478`;
const API_URL = `ws://${SITES.portal}:8081`;

/** Capability and settings of the kernel taken away, as a container may have it. */
const CONFINED = [
  ...["unshare", "--mount", "sh", "-c"],
  'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$@"',
  "sh",
];

/** Both directions of UDP, as strict firewalls have it. */
const NO_UDP = `
table inet strict {
  chain input {
    type filter hook input priority filter
    iifname != "lo" meta l4proto udp drop
  }
}`;

interface Examination {
  readonly code: number;
  /** What is not well, with its verdict. */
  readonly ailments: Record<string, string>;
  readonly text: string;
}

Deno.test("[ops 6] doctor finds nothing on a good host, and each fault on a bad one", async () => {
  requireTools("ip", "nft", "unshare", "setpriv");
  await using demo = new FirezoneLab("fzdoc");
  await demo.build();
  await demo.startPortal();
  await demo.startRelay(1);
  await demo.startRelay(2);
  const examine = (
    env: Readonly<Record<string, string>> = {},
    launcher: readonly string[] = [],
  ) => runDoctor(demo, env, launcher);

  const well = await examine();
  const confined = await examine({}, CONFINED);
  await demo.lab.configure("gateway", "resolv.conf", "# None\n");
  const nameless = await examine();
  await demo.lab.configure(
    "gateway",
    "resolv.conf",
    `nameserver ${SITES.portal}\n`,
  );
  const unanswered = await examine();
  const late = await examine({
    LD_PRELOAD: findLibrary("faketime/libfaketime.so.1"),
    FAKETIME: "-3h",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  });
  await demo.lab.nft("gateway", NO_UDP);
  const deaf = await examine();

  assert.deepEqual([well.code, well.ailments], [0, {}], well.text);
  assert.equal(confined.code, 1);
  assert.deepEqual(confined.ailments, {
    capability: "failed",
    "forward IPv4": "failed",
    "forward IPv6": "failed",
    NAT: "failed",
    firewall: "warning",
  }, confined.text);
  assert.deepEqual(nameless.ailments, { nameservers: "failed" }, nameless.text);
  assert.deepEqual(unanswered.ailments, { nameservers: "failed" });
  assert.deepEqual(
    late.ailments,
    { nameservers: "failed", clock: "failed" },
    late.text,
  );
  assert.match(late.text, /3h behind the portal's|2h 59m behind/);
  assert.deepEqual(
    deaf.ailments,
    { nameservers: "failed", relays: "failed" },
    deaf.text,
  );
});

async function runDoctor(
  { lab }: FirezoneLab,
  env: Readonly<Record<string, string>>,
  launcher: readonly string[],
): Promise<Examination> {
  const variables = Object.entries({
    FIREZONE_API_URL: API_URL,
    FIREZONE_TOKEN: "token",
    FIREZONE_ID: "doctor",
    FIREZONE_CONTROL_SOCKET: `${lab.runDirectory}/none.sock`,
    ...env,
  }).map(([name, value]) => `${name}=${value}`);
  const { code, stdout, stderr } = await lab.run(
    "gateway",
    ...launcher,
    ...["env", ...variables, ...PROGRAM_FROM_SOURCE],
    ...["doctor", "--json", "--stun", STUN],
  );
  assert.ok(stdout.startsWith("{"), stderr);
  const { diagnoses } = JSON.parse(stdout) as {
    diagnoses: { subject: string; verdict: string }[];
  };
  // Whether a namespace has limits for buffers depends on the kernel.
  const ailments = diagnoses
    .filter(({ subject, verdict }) => verdict !== "ok" && subject !== "buffers")
    .map(({ subject, verdict }) => [subject, verdict]);
  return { code, ailments: Object.fromEntries(ailments), text: stdout };
}

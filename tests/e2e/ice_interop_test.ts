import assert from "node:assert/strict";
import { formatIp, type SocketAddress } from "../../lib/base/mod.ts";
import type { CheckTiming, IceRole } from "../../lib/ice/mod.ts";
import { Aioice, type AioiceOptions } from "../support/aioice.ts";
import { IceShell, type IceShellOptions } from "../support/ice_shell.ts";
import { until } from "../support/udp_shell.ts";

/*
 * Our agent against aioice, a full ICE agent after RFC 8445 by other people.
 * It checks what ours sends: the FINGERPRINT, which our own side never looks
 * at, the integrity, the user name, and that answers come from where checks
 * went. Messages pass as they are; nothing is translated.
 *
 * Not possible by our dialect (p2p spec §2.7): a role conflict, since ours
 * neither sends nor obeys error 487.
 */

const OURS = { username: "jbi4", password: "a6oeevhlutevykcifd5r2a" };
const THEIRS = { username: "resc", password: "rqi3ibvfikfaxj3wgp7muh" };

/** The paces of p2p spec §2.9, written out again. */
const ACTIVE = {
  controlling: { initialMs: 250, maxMs: 1500, retransmits: 12 },
  controlled: { initialMs: 250, maxMs: 15_000, retransmits: 45 },
};

/** For tests that wait until one side gives up. */
const HASTY: CheckTiming = { initialMs: 50, maxMs: 150, retransmits: 6 };

const ROLES: readonly IceRole[] = ["controlled", "controlling"];

for (const role of ROLES) {
  Deno.test(`[p2p 37] [p2p 40] our ${role} agent and aioice agree on a pair, and data flows both ways`, async () => {
    await using ours = await openOurs(role);
    await using theirs = await startTheirs(role);
    await tellTheirs(theirs, ours);
    for (const line of theirs.candidates) ours.addRemoteCandidate(line);
    await theirs.tell({ connect: true });

    await established(ours, theirs);
    await until(() => ours.answers > 0, 5_000, "an answer to our checks");

    const [connected] = theirs.of("connected");
    assert.equal(connected?.remote, spaced(ours.address));
    assert.equal(connected?.remoteKind, "host");
    assert.deepEqual(
      ours.paths.map(spaced),
      theirs.candidates.map(addressIn),
    );
    await exchangeData(ours, theirs);
    assert.ok(!ours.verdicts.some((verdict) => verdict !== "accepted"));
  });

  Deno.test(`our ${role} agent and aioice agree on a pair over IPv6`, async () => {
    await using ours = await openOurs(role, { host: "::1" });
    await using theirs = await startTheirs(role, {
      addresses: ["127.0.0.1", "::1"],
    });
    await tellTheirs(theirs, ours);
    for (const line of theirs.candidates) ours.addRemoteCandidate(line);
    await theirs.tell({ connect: true });

    await established(ours, theirs);

    assert.match(spaced(ours.paths[0]!), /^::1 /);
    await exchangeData(ours, theirs);
  });

  Deno.test(`[p2p 43] our ${role} agent learns aioice's address from its checks`, async () => {
    await using ours = await openOurs(role);
    await using theirs = await startTheirs(role);
    await tellTheirs(theirs, ours);
    await theirs.tell({ connect: true });

    await established(ours, theirs);

    const [remote] = ours.agent.remoteCandidates();
    assert.equal(remote?.kind, "prflx");
    assert.equal(spaced(remote.address), addressIn(theirs.candidates[0]!));
    await exchangeData(ours, theirs);
  });

  Deno.test(`aioice learns the address of our ${role} agent from its checks`, async () => {
    await using ours = await openOurs(role);
    await using theirs = await startTheirs(role);
    await theirs.tell({ connect: true });
    for (const line of theirs.candidates) ours.addRemoteCandidate(line);

    await established(ours, theirs);

    assert.equal(theirs.of("connected")[0]?.remoteKind, "prflx");
    await exchangeData(ours, theirs);
  });

  Deno.test(`candidates that trickle in late connect our ${role} agent and aioice`, async () => {
    await using ours = await openOurs(role);
    await using theirs = await startTheirs(role);
    await theirs.tell({ connect: true });
    await until(() => theirs.has("checking"), 5_000, "aioice's start");
    assert.equal(ours.agent.pairCount, 0);

    await tellTheirs(theirs, ours);
    for (const line of theirs.candidates) ours.addRemoteCandidate(line);

    await established(ours, theirs);
    await exchangeData(ours, theirs);
  });

  Deno.test(`[p2p 44] our ${role} agent and aioice refuse each other's checks under another password`, async () => {
    const wrong = { username: "resc", password: "x".repeat(22) };
    await using ours = await openOurs(role, { remoteCredentials: wrong });
    await using theirs = await startTheirs(role, {
      remoteCredentials: { ...OURS, password: "y".repeat(22) },
    });
    await tellTheirs(theirs, ours);
    for (const line of theirs.candidates) ours.addRemoteCandidate(line);
    await theirs.tell({ connect: true });

    await until(
      () => ours.verdicts.length >= 3,
      10_000,
      "three checks of aioice",
    );

    assert.deepEqual(new Set(ours.verdicts), new Set(["wrong-integrity"]));
    assert.deepEqual(ours.paths, []);
    assert.ok(!theirs.has("connected"));
  });

  Deno.test(`our ${role} agent answers aioice's questions for consent, and aioice gives up when it falls silent`, async () => {
    await using ours = await openOurs(role);
    await using theirs = await startTheirs(role);
    await tellTheirs(theirs, ours);
    for (const line of theirs.candidates) ours.addRemoteCandidate(line);
    await theirs.tell({ connect: true });
    await established(ours, theirs);

    // Six unanswered questions in a row end consent, so a dozen prove answers.
    const before = ours.verdicts.length;
    const asked = () => ours.verdicts.length - before;
    await until(() => asked() >= 12, 20_000, "a dozen messages of aioice");
    assert.ok(!theirs.has("closed"));
    await exchangeData(ours, theirs);

    ours.isMute = true;
    await until(() => theirs.has("closed"), 20_000, "aioice's end");
  });
}

Deno.test("our agent notices that aioice is gone", async () => {
  await using ours = await openOurs("controlling", { timing: HASTY });
  {
    await using theirs = await startTheirs("controlling");
    await tellTheirs(theirs, ours);
    for (const line of theirs.candidates) ours.addRemoteCandidate(line);
    await theirs.tell({ connect: true });
    await established(ours, theirs);
    await until(
      () => ours.agent.state === "completed",
      5_000,
      "the nomination of every pair",
    );
  }

  await until(
    () => ours.agent.state === "disconnected",
    20_000,
    "the end of the last pair",
  );
});

function openOurs(
  role: IceRole,
  options: Partial<IceShellOptions> = {},
): Promise<IceShell> {
  return IceShell.open({
    role,
    localCredentials: OURS,
    remoteCredentials: THEIRS,
    timing: ACTIVE[role],
    ...options,
  });
}

function startTheirs(
  role: IceRole,
  options: Partial<AioiceOptions> = {},
): Promise<Aioice> {
  return Aioice.start({
    controlling: role === "controlled",
    localCredentials: THEIRS,
    remoteCredentials: OURS,
    ...options,
  });
}

async function tellTheirs(theirs: Aioice, ours: IceShell): Promise<void> {
  for (const candidate of ours.lines) await theirs.tell({ candidate });
}

async function established(ours: IceShell, theirs: Aioice): Promise<void> {
  await until(() => ours.paths.length > 0, 10_000, "a path of ours");
  await until(() => theirs.has("connected"), 10_000, "a path of aioice");
}

async function exchangeData(ours: IceShell, theirs: Aioice): Promise<void> {
  ours.send("from us");
  await theirs.tell({ send: "from them" });
  await until(
    () =>
      ours.data.includes("from them") &&
      theirs.of("data").some(({ text }) => text === "from us"),
    5_000,
    "data both ways",
  );
  // Nothing of ours failed to be STUN in aioice's eyes, nor of theirs in ours.
  assert.deepEqual(new Set(ours.data), new Set(["from them"]));
  assert.deepEqual(
    new Set(theirs.of("data").map(({ text }) => text)),
    new Set(["from us"]),
  );
}

/** The address as aioice's driver writes it. */
function spaced({ ip, port }: SocketAddress): string {
  return `${formatIp(ip)} ${port}`;
}

/** The address and port in a candidate line without prefix. */
function addressIn(line: string): string {
  return line.split(" ").slice(4, 6).join(" ");
}

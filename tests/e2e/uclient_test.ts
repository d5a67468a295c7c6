import assert from "node:assert/strict";
import { Aioice } from "../support/aioice.ts";
import { IceShell } from "../support/ice_shell.ts";
import { RelayShell } from "../support/relay_shell.ts";
import { findLibrary, requireTools } from "../support/tools.ts";
import { EchoPeer, until } from "../support/udp_shell.ts";

/*
 * Our relay against the TURN clients of coturn and aioice.
 *
 * Not possible with Firezone's relays, whoever asks (p2p spec §8):
 * - Send and Data indications: data moves on channels only. Tested below.
 * - Permissions: CREATE-PERMISSION is answered and has no effect (§8.8).
 * - Channels from 0x5000 on can be bound but carry no data (§8.2). coturn's
 *   client picks from 0x4000 to 0x7FFF at random, seeded by the second it
 *   starts in, so it is started over at other times until it picks well.
 * - EVEN-PORT, reservation, TCP and DTLS.
 */

/** Shifts the clock of a program. The command of that name would stand between us and the process that we have to end. */
const FAKETIME = findLibrary("faketime/libfaketime.so.1");

/** It picks two channels, both well once in sixteen times: this leaves 6 in a million million to chance. */
const ATTEMPTS = 400;

/** What every test asks of coturn's client: messages of 200 bytes, one client, no second allocation for RTCP. */
const COMMON = ["-n", "20", "-m", "1", "-l", "200", "-c", "-v"];

for (
  const [what, options] of [
    ["as usual", []],
    ["with padding after each message", ["-D", "-l", "201"]],
    ["without asking for permissions", ["-I"]],
    ["binding channels and asking for permissions again and again", ["-G"]],
  ] as const
) {
  Deno.test(`[p2p 149] coturn's client sends and receives over channels of our relay, ${what}`, async () => {
    await using relay = await RelayShell.start();
    await using peer = await EchoPeer.start();

    const output = await runOnDataChannel(relay, [
      ...["-e", "127.0.0.1", "-r", `${peer.address.port}`],
      ...COMMON,
      ...options,
    ]);

    const { counters } = relay;
    const context = `${JSON.stringify(counters)}\n${output}`;
    assert.match(output, /tot_send_msgs=20, tot_recv_msgs=20/, context);
    assert.match(output, /Total lost packets 0 \(0\.000000%\)/, context);
    assert.equal(counters["to-peer"], 20);
    assert.equal(counters["to-client"], 20);
    assert.ok(counters["error-401"] > 0);
    const asksForPermission = !(options as readonly string[]).includes("-I");
    assert.equal(counters["create-permission"] > 0, asksForPermission);
  });
}

Deno.test("[p2p 152] coturn's client reaches an IPv6 peer through our relay, over IPv4 itself", async () => {
  await using relay = await RelayShell.start([4, 6]);
  await using peer = await EchoPeer.start("::1");

  const output = await runOnDataChannel(relay, [
    ...["-x", "-e", "::1", "-r", `${peer.address.port}`],
    ...COMMON,
  ]);

  assert.match(output, /tot_send_msgs=20, tot_recv_msgs=20/);
  assert.equal(relay.counters["to-peer"], 20);
  assert.equal(relay.counters["to-client"], 20);
});

Deno.test("Send indications of coturn's client go nowhere", async () => {
  await using relay = await RelayShell.start();
  await using peer = await EchoPeer.start();
  await using client = startClient(relay, "send", [
    ...["-s", "-e", "127.0.0.1", "-r", `${peer.address.port}`],
    ...COMMON,
  ]);

  await until(
    () => relay.counters["not-a-request"] >= 20,
    20_000,
    "twenty indications",
  );

  assert.ok(client.pid > 0);
  assert.ok(relay.counters["create-permission"] > 0);
  assert.equal(relay.counters["to-peer"], 0);
  assert.equal(relay.counters["to-client"], 0);
});

Deno.test("[p2p 140] our relay refuses coturn's client under a wrong password", async () => {
  await using relay = await RelayShell.start();
  const { username } = relay.credentials("uclient");
  await using client = start(relay, username, "wrong", [
    ...["-e", "127.0.0.1", "-r", "9"],
    ...COMMON,
  ]);

  await until(() => relay.counters["error-401"] >= 2, 20_000, "two refusals");

  assert.ok(client.pid > 0);
  assert.equal(relay.server.snapshot().allocations, 0);
});

Deno.test("aioice, with nothing but an address on our relay, connects with our agent", async () => {
  const ours = { username: "jbi4", password: "a6oeevhlutevykcifd5r2a" };
  const theirs = { username: "resc", password: "rqi3ibvfikfaxj3wgp7muh" };
  await using relay = await RelayShell.start();
  await using agent = await IceShell.open({
    role: "controlled",
    localCredentials: ours,
    remoteCredentials: theirs,
    timing: { initialMs: 250, maxMs: 15_000, retransmits: 45 },
  });
  await using aioice = await Aioice.start({
    controlling: true,
    localCredentials: theirs,
    remoteCredentials: ours,
    addresses: [],
    relay: { port: relay.address.port, ...relay.credentials("aioice") },
  });
  const [candidate] = aioice.candidates;
  assert.match(candidate ?? "", / typ relay /);

  for (const line of agent.lines) await aioice.tell({ candidate: line });
  agent.addRemoteCandidate(candidate!);
  await aioice.tell({ connect: true });
  await until(() => aioice.has("connected"), 10_000, "a path of aioice");
  await until(() => agent.paths.length > 0, 10_000, "a path of ours");
  agent.send("to aioice");
  await aioice.tell({ send: "from aioice" });
  await until(
    () => agent.data.length > 0 && aioice.has("data"),
    5_000,
    "data both ways",
  );

  assert.deepEqual(agent.data, ["from aioice"]);
  assert.deepEqual(aioice.of("data").map(({ text }) => text), ["to aioice"]);
  assert.ok(relay.counters["to-peer"] > 1 && relay.counters["to-client"] > 1);
});

/**
 * Runs coturn's client until it has picked a channel number that can carry data.
 *
 * Starting over is harmless: a client that is stopped has sent no data yet.
 */
async function runOnDataChannel(
  relay: RelayShell,
  options: readonly string[],
): Promise<string> {
  let output = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await using client = startClient(relay, `run ${attempt}`, options, attempt);
    output = "";
    for await (
      const text of client.process.stdout.pipeThrough(new TextDecoderStream())
    ) {
      output += text;
      if (/cb response received:[^]*success: 0x[5-7]/.test(output)) break;
    }
    if (output.includes("Total transmit time")) return output;
  }
  throw new Error(
    `coturn's client never picked a channel that carries data:\n${output}`,
  );
}

function startClient(
  relay: RelayShell,
  salt: string,
  options: readonly string[],
  secondsAhead = 0,
): Client {
  const { username, password } = relay.credentials(salt.replace(" ", "-"));
  return start(relay, username, password, options, secondsAhead);
}

function start(
  relay: RelayShell,
  username: string,
  password: string,
  options: readonly string[],
  secondsAhead = 0,
): Client {
  requireTools("turnutils_uclient");
  const process = new Deno.Command("turnutils_uclient", {
    args: [
      ...["-u", username, "-w", password, "-p", `${relay.address.port}`],
      ...options,
      "127.0.0.1",
    ],
    env: { LD_PRELOAD: FAKETIME, FAKETIME: `+${secondsAhead}s` },
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(30_000),
  }).spawn();
  return new Client(process);
}

/** A running turnutils_uclient. */
class Client {
  constructor(
    readonly process: Deno.ChildProcess & { stdout: ReadableStream },
  ) {}

  get pid(): number {
    return this.process.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.process.status;
    if (!this.process.stdout.locked) await this.process.stdout.cancel();
  }
}

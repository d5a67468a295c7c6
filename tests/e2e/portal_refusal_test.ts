import assert from "node:assert/strict";
import { FirezoneLab } from "../../scripts/lab/firezone_lab.ts";
import type { CommandResult } from "../../scripts/lab/lab.ts";
import { SITES } from "../../scripts/lab/sites.ts";
import { snapshotOf } from "../support/host_snapshot.ts";
import { ProgramBox, sentences } from "../support/program_box.ts";
import { requireTools } from "../support/tools.ts";

const EXIT_FAILED = 1;

const SCRIPTED_PORTAL =
  new URL("../support/scripted_portal.ts", import.meta.url).pathname;
const PORT = 8081;

/** A program from source takes a second or two on a loaded machine. */
const START_MS = 15_000;

const TOKEN = ".a-token-of-the-test";

/** How sentences for people begin. */
const SPEAKER = "firezone-gateway: ";

for (
  const { tag, name, response, sentence } of [
    {
      tag: "[portal 17]",
      name: "a problem code that does not blame the token",
      response: unauthorized(
        "application/problem+json",
        '{"status":401,"code":"account_disabled","detail":"The account\\nis disabled"}',
      ),
      sentence:
        /^Failed to authenticate with portal: The account is disabled; if this is about the token, .*FIREZONE_TOKEN, else check FIREZONE_API_URL and any proxy on the way$/,
    },
    {
      tag: "[portal 17]",
      name: "a proxy that wants a login",
      response: unauthorized("text/html", "<h1>Log in</h1>"),
      sentence:
        /^Failed to authenticate with portal: no reason was provided; check FIREZONE_API_URL and any proxy on the way$/,
    },
    {
      tag: "[portal 16]",
      name: "a token that got lost on the way",
      response: unauthorized(
        "application/problem+json",
        '{"status":401,"code":"missing_token","detail":"Missing token"}',
      ),
      sentence: /^Authentication token invalid: .*set FIREZONE_TOKEN$/,
    },
  ]
) {
  Deno.test(`[ops 1.3] ${tag} ${name} (401) ends the gateway after one attempt, with a sentence and nothing left behind`, async () => {
    const refused = await refusedBy("upgrade", response);

    assertGaveUp(refused, sentence);
  });
}

Deno.test("[ops 1.3] [portal 39] a join that the portal refuses ends the gateway after one attempt, with a sentence and nothing left behind", async () => {
  const refused = await refusedBy(
    "join",
    '{"status":"error","response":{"reason":"unsupported\\nversion"}}',
  );

  assertGaveUp(
    refused,
    /^The portal refused to let us join: unsupported version; start again.*FIREZONE_TOKEN.*version that the portal supports$/,
  );
});

Deno.test("[ops 1.3] [portal 47] a token that is deleted while clients are served ends the gateway with a sentence, and the host is as before", async () => {
  requireTools("ip", "nft", "ping");
  await using demo = new FirezoneLab("fzexp");
  await demo.build();
  const portal = await demo.startPortal();
  await demo.startRelay();
  const before = await snapshotOf(demo.lab, "gateway");
  const gateway = await demo.startGateway();
  await demo.startClient();
  await demo.lab.must(
    "client",
    ...["ping", "-c", "1", "-w", "15", SITES.web],
  );

  await demo.changePolicy((policy) => ({
    ...policy,
    gateways: (policy.gateways ?? []).map((it) => ({
      ...it,
      token: `${it.token}-rotated`,
    })),
  }));
  const code = await gateway.ended;

  assert.equal(code, EXIT_FAILED);
  assert.match(
    gateway.lines.filter((line) => line.startsWith(SPEAKER)).join("\n"),
    /^firezone-gateway: The portal ended the session: the token expired, was deleted .*create a new token and set FIREZONE_TOKEN, and check that FIREZONE_ID is unique$/,
  );
  const joined = portal.lines.filter((line) =>
    /Joined role="?gateway/.test(line)
  );
  assert.equal(joined.length, 1, joined.join("\n"));
  assert.deepEqual(await snapshotOf(demo.lab, "gateway"), before);
  assert.equal(await existsFile(demo.controlSocket()), false);
});

/** What became of a gateway at a portal that refuses it. */
interface Refused {
  readonly result: CommandResult;
  /** The portal's lines, one to each connection. */
  readonly connections: readonly string[];
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly leftSocket: boolean;
}

/** Runs a gateway against a portal that answers each `step` so. */
async function refusedBy(
  step: "upgrade" | "join",
  answer: string,
): Promise<Refused> {
  requireTools("ip", "nft");
  await using box = await ProgramBox.create("fzref");
  const portal = box.lab.spawn("host", "portal", [
    ...[Deno.execPath(), "run", "--allow-all"],
    ...[SCRIPTED_PORTAL, String(PORT), step, answer],
  ]);
  await portal.waitFor(/Refusing/, START_MS);
  const controlSocket = `${box.lab.runDirectory}/gateway.sock`;
  const before = await snapshotOf(box.lab, "host");

  const result = await box.run([], {
    FIREZONE_API_URL: `ws://127.0.0.1:${PORT}`,
    FIREZONE_TOKEN: TOKEN,
    FIREZONE_ID: "test",
    FIREZONE_CONTROL_SOCKET: controlSocket,
  });

  return {
    result,
    connections: portal.lines.filter((line) => line.startsWith("Connection")),
    before,
    after: await snapshotOf(box.lab, "host"),
    leftSocket: await existsFile(controlSocket),
  };
}

function assertGaveUp(refused: Refused, sentence: RegExp): void {
  const { code, stdout, stderr } = refused.result;
  const [spoken = "", ...others] = sentences(stderr);
  assert.equal(code, EXIT_FAILED, stderr);
  assert.ok(spoken.startsWith(SPEAKER), stderr);
  assert.match(spoken.slice(SPEAKER.length), sentence);
  assert.deepEqual(others, []);
  assert.match(stdout, / ERROR gateway: Cannot go on reason=/);
  assert.ok(!(stdout + stderr).includes(TOKEN));
  assert.deepEqual(refused.connections, ["Connection 1"]);
  assert.deepEqual(refused.after, refused.before);
  assert.equal(refused.leftSocket, false);
}

function unauthorized(contentType: string, body: string): string {
  return [
    "HTTP/1.1 401 Unauthorized",
    `Content-Type: ${contentType}`,
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

async function existsFile(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

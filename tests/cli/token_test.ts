import assert from "node:assert/strict";
import { findToken } from "../../lib/cli/token.ts";
import { filesOf, READ_ONLY, unreadable } from "../support/state_files.ts";

const CREDENTIAL = "/run/credentials/FIREZONE_TOKEN";

Deno.test("[ops 1.1] [portal 8] white space is removed from the token wherever it stands", () => {
  const found = findToken(" .SFM\nyNT Y.x\r\n", undefined, READ_ONLY);

  assert.ok("token" in found);
  assert.equal(found.token.reveal(), ".SFMyNTY.x");
});

Deno.test("[ops 1.1] the systemd credential is read, trimmed, when no token is configured", () => {
  const files = filesOf({ [CREDENTIAL]: "abc\n" });

  const credential = findToken(undefined, "/run/credentials", files);
  const configured = findToken("given", "/run/credentials", files);

  assert.ok("token" in credential && "token" in configured);
  assert.equal(credential.token.reveal(), "abc");
  assert.equal(credential.origin, "systemd credential");
  assert.equal(configured.token.reveal(), "given");
});

Deno.test("[ops 1.3] without any token the sentence says where it was looked for", () => {
  const refusals = [
    [undefined, READ_ONLY, "`CREDENTIALS_DIRECTORY` not provided"],
    ["/run/credentials", READ_ONLY, `there is no ${CREDENTIAL}`],
    [
      "/run/credentials",
      unreadable({}, [CREDENTIAL]),
      `${CREDENTIAL}: Permission denied`,
    ],
  ] as const;

  for (const [directory, files, reason] of refusals) {
    const found = findToken(undefined, directory, files);

    assert.ok("problem" in found);
    assert.match(
      found.problem,
      /^Cannot start without a token: set FIREZONE_TOKEN/,
    );
    assert.ok(
      found.problem.endsWith(
        `(Failed to read \`FIREZONE_TOKEN\` systemd credential: ${reason})`,
      ),
      found.problem,
    );
  }
});

Deno.test("a token that cannot be one is refused without repeating it", () => {
  for (const text of [" \n", "tøken"]) {
    const files = filesOf({ [CREDENTIAL]: text });
    for (
      const found of [
        findToken(text, undefined, READ_ONLY),
        findToken(undefined, "/run/credentials", files),
      ]
    ) {
      assert.ok("problem" in found);
      assert.match(found.problem, /^Cannot use the token in .*copy it again/);
      assert.doesNotMatch(found.problem, /tøken/);
    }
  }
});

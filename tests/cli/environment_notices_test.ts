import assert from "node:assert/strict";
import { COMMANDS } from "../../lib/cli/commands.ts";
import { noticesOf } from "../../lib/cli/environment_notices.ts";

Deno.test("[ops 1.1] an obsolete variable gets one line that says what became of it", () => {
  const notices = noticesOf([
    "FIREZONE_ENABLE_MASQUERADE",
    "FIREZONE_NUM_TUN_THREADS",
  ], COMMANDS);

  assert.equal(notices.length, 2);
  assert.match(
    notices[0] ?? "",
    /FIREZONE_ENABLE_MASQUERADE.*obsolete.*FIREZONE_MASQUERADE=off/,
  );
  assert.match(notices[1] ?? "", /FIREZONE_NUM_TUN_THREADS.*obsolete/);
});

Deno.test("a misspelt variable gets a line that names the one that was meant", () => {
  assert.deepEqual(
    noticesOf(
      ["FIREZONE_TOKNE", "FIREZONE_COLOUR", "FZFF_STREAM_METRIC"],
      COMMANDS,
    ),
    [
      "Ignored FIREZONE_COLOUR, which is no setting of this program (see --help)",
      "Ignored FIREZONE_TOKNE, which is no setting of this program (did you mean FIREZONE_TOKEN?)",
      "Ignored FZFF_STREAM_METRIC, which is no setting of this program (did you mean FZFF_STREAM_METRICS?)",
    ],
  );
});

Deno.test("[ops 1.1] settings, feature overrides and what other programs read get no line", () => {
  assert.deepEqual(
    noticesOf([
      "FIREZONE_TOKEN",
      "FIREZONE_TUN_NAME",
      "FIREZONE_POLICY",
      "FIREZONE_TOKEN_PATH",
      "FZFF_ICMP_UNREACHABLE_INSTEAD_OF_NAT64",
      "FZFF_stream_logs",
      "HEALTH_CHECK_ADDR",
      "HOME",
      "RUST_LOG",
    ], COMMANDS),
    [],
  );
});

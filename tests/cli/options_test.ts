import assert from "node:assert/strict";
import { GATEWAY_COMMAND, RELAY_COMMAND } from "../../lib/cli/commands.ts";
import {
  type CommandSpec,
  parseOptions,
  renderHelp,
} from "../../lib/cli/options.ts";
import { environmentOf } from "../support/environment.ts";

Deno.test("a flag beats its environment variable", () => {
  const settings = settingsOf(GATEWAY_COMMAND, ["--firezone-name", "flag"], {
    FIREZONE_NAME: "variable",
    FIREZONE_ID: "id",
  });

  assert.equal(settings.get("firezone-name"), "flag");
  assert.equal(settings.get("firezone-id"), "id");
});

Deno.test("[portal 7] an empty FIREZONE_ID counts as unset", () => {
  const settings = settingsOf(GATEWAY_COMMAND, [], { FIREZONE_ID: "" });

  assert.equal(settings.has("firezone-id"), false);
});

Deno.test("flags take their value behind a blank, an equals sign, or in short form", () => {
  for (
    const args of [["--api-url", "ws://a:1"], ["--api-url=ws://a:1"], [
      "-u",
      "ws://a:1",
    ]]
  ) {
    assert.equal(settingsOf(GATEWAY_COMMAND, args).get("api-url"), "ws://a:1");
  }
});

Deno.test("the token may be the positional argument", () => {
  assert.equal(settingsOf(GATEWAY_COMMAND, ["secret"]).get("token"), "secret");
});

Deno.test("every wrong flag is reported, with a hint", () => {
  const parsed = parseOptions(
    GATEWAY_COMMAND,
    ["--nope", "--api", "x", "-u"],
    environmentOf({}),
  );

  assert.ok(parsed.kind === "settings");
  assert.deepEqual(parsed.problems, [
    "Unknown option: --nope (see --help)",
    "Unknown option: --api (did you mean --api-url?)",
    "Option needs a value: -u <URL>",
  ]);
});

Deno.test("--help and --version win over everything else", () => {
  assert.equal(
    parseOptions(GATEWAY_COMMAND, ["--nope", "-h"], environmentOf({})).kind,
    "help",
  );
  assert.equal(
    parseOptions(GATEWAY_COMMAND, ["--version"], environmentOf({})).kind,
    "version",
  );
});

Deno.test("the help text names every flag, its variable and its default", () => {
  const help = renderHelp("firezone-gateway", RELAY_COMMAND, [GATEWAY_COMMAND]);

  for (const { name, env, fallback } of RELAY_COMMAND.options) {
    assert.match(help, new RegExp(`--${name}`));
    if (env) assert.ok(help.includes(env));
    if (fallback) assert.ok(help.includes(fallback));
  }
});

function settingsOf(
  spec: CommandSpec,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, string> {
  const parsed = parseOptions(spec, args, environmentOf(variables));
  assert.ok(parsed.kind === "settings");
  assert.deepEqual(parsed.problems, []);
  return parsed.settings;
}

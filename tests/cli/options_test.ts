import assert from "node:assert/strict";
import { COMMANDS, RELAY_COMMAND } from "../../lib/cli/commands.ts";
import { GATEWAY_COMMAND } from "../../lib/cli/gateway_command.ts";
import { renderHelp } from "../../lib/cli/help.ts";
import {
  type CommandSpec,
  optionsOf,
  parseOptions,
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
    ["--nope", "--api", "x", "--frezone-id=1", "-u", "--flow-logs"],
    environmentOf({}),
  );

  assert.ok(parsed.kind === "settings");
  assert.deepEqual(parsed.problems, [
    "Unknown option: --nope (see --help)",
    "Unknown option: --api (did you mean --api-url?)",
    "Unknown option: --frezone-id (did you mean --firezone-id?)",
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

for (const spec of COMMANDS) {
  const name = spec.command || "gateway";
  Deno.test(`the help text of ${name} names every flag, its variable and its default, in lines of a terminal`, () => {
    const help = renderHelp("firezone-gateway", spec, [RELAY_COMMAND]);
    const text = help.replaceAll(/\s+/g, " ");

    for (const { name, short, env, fallback, value } of optionsOf(spec)) {
      const flag = `${short ? `-${short}, ` : ""}--${name}`;
      assert.ok(text.includes(value ? `${flag} <${value}>` : flag), name);
      if (env) assert.ok(text.includes(env), env);
      if (fallback) assert.ok(text.includes(fallback), fallback);
    }
    // A command line to copy is not broken.
    const [prose = ""] = help.split("Examples:");
    const tooLong = prose.split("\n").filter((it) => it.length > 80);
    assert.deepEqual(tooLong, []);
  });
}

Deno.test("the gateway's help text teaches token, capability and systemd", () => {
  const help = renderHelp("firezone-gateway", GATEWAY_COMMAND, []);

  for (
    const lesson of [
      "Create a gateway token",
      "setcap cap_net_admin+eip",
      "LoadCredential=FIREZONE_TOKEN",
      "--check",
      "Exit codes:",
      "Examples:",
    ]
  ) {
    assert.ok(help.includes(lesson), lesson);
  }
});

Deno.test("[ops 1.1] the flags, short forms and variables of Firezone's gateway are all there", () => {
  const known = optionsOf(GATEWAY_COMMAND).map(({ name, short, env }) =>
    [short ?? "", name, env ?? ""].join(" ")
  );

  for (
    const flag of [
      "u api-url FIREZONE_API_URL",
      "n firezone-name FIREZONE_NAME",
      "i firezone-id FIREZONE_ID",
      " log-format FIREZONE_LOG_FORMAT",
      " log-filter RUST_LOG",
      " flow-logs FIREZONE_FLOW_LOGS",
      " metrics FIREZONE_METRICS",
      " otlp-grpc-endpoint OTLP_GRPC_ENDPOINT",
      " no-telemetry FIREZONE_NO_TELEMETRY",
      " no-check ",
      " health-check-addr HEALTH_CHECK_ADDR",
      " no-inc-buf FIREZONE_NO_INC_BUF",
      "m max-partition-time FIREZONE_MAX_PARTITION_TIME",
      " validate-checksums FIREZONE_VALIDATE_CHECKSUMS",
      " udp-send-buffer-size FIREZONE_UDP_SEND_BUFFER_SIZE",
      " udp-recv-buffer-size FIREZONE_UDP_RECV_BUFFER_SIZE",
    ]
  ) {
    assert.ok(known.includes(flag), flag);
  }
  assert.equal(GATEWAY_COMMAND.positional?.env, "FIREZONE_TOKEN");
});

Deno.test("[ops 1.1] switches take no value, or one behind an equals sign", () => {
  const settings = settingsOf(GATEWAY_COMMAND, [
    "--flow-logs",
    "--no-inc-buf=off",
    "tok",
  ]);

  assert.equal(settings.get("flow-logs"), "true");
  assert.equal(settings.get("no-inc-buf"), "off");
  assert.equal(settings.get("token"), "tok");
});

Deno.test("short flags take their value joined, too", () => {
  for (const args of [["-uws://a:1"], ["-u=ws://a:1"]]) {
    assert.equal(settingsOf(GATEWAY_COMMAND, args).get("api-url"), "ws://a:1");
  }
});

Deno.test("an empty value is none, by flag as by variable", () => {
  const settings = settingsOf(GATEWAY_COMMAND, ["--firezone-name=", ""], {
    FIREZONE_NAME: "variable",
    FIREZONE_TOKEN: "",
  });

  assert.equal(settings.has("firezone-name"), false);
  assert.equal(settings.has("token"), false);
});

Deno.test("behind -- stands the argument, however it looks", () => {
  assert.equal(settingsOf(GATEWAY_COMMAND, ["--", "-x"]).get("token"), "-x");
});

Deno.test("a second argument is refused and not repeated, for it may be a secret", () => {
  const parsed = parseOptions(
    GATEWAY_COMMAND,
    ["a", "secret"],
    environmentOf({}),
  );

  assert.ok(parsed.kind === "settings");
  assert.deepEqual(parsed.problems, [
    "Cannot use more arguments than one (see --help)",
  ]);
});

Deno.test("it is told where each setting comes from", () => {
  const parsed = parseOptions(
    GATEWAY_COMMAND,
    ["-n", "x", "--api-url=ws://a"],
    environmentOf({ FIREZONE_ID: "id", FIREZONE_NAME: "y" }),
  );

  assert.ok(parsed.kind === "settings");
  assert.deepEqual(
    ["firezone-id", "firezone-name", "api-url"].map((it) =>
      parsed.sources.get(it)
    ),
    ["FIREZONE_ID", "-n", "--api-url"],
  );
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

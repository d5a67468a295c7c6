import assert from "node:assert/strict";
import {
  type GatewaySettings,
  readGatewaySettings,
} from "../../lib/cli/gateway_settings.ts";
import { SettingsReader } from "../../lib/cli/settings.ts";
import { formatSocketAddress } from "../../lib/base/mod.ts";
import { environmentOf } from "../support/environment.ts";

Deno.test("[ops 1.1] a gateway translates addresses and serves health on all addresses unless told otherwise", () => {
  const settings = read({});

  assert.equal(settings.tunName, "tun-firezone");
  assert.equal(settings.masquerade, true);
  assert.equal(
    formatSocketAddress(settings.healthCheckAddress),
    "0.0.0.0:8080",
  );
  assert.equal(settings.controlSocket, "/run/firezone/gateway.sock");
});

Deno.test("the control socket lies in the first runtime directory of systemd, beside those of other gateways", () => {
  const environment = { RUNTIME_DIRECTORY: "/run/a:/run/b" };

  assert.equal(read({}, environment).controlSocket, "/run/a/gateway.sock");
  assert.equal(
    read({ "tun-name": "fz1" }, environment).controlSocket,
    "/run/a/gateway-fz1.sock",
  );
  assert.equal(
    read({ "control-socket": "/x/y" }, environment).controlSocket,
    "/x/y",
  );
  assert.equal(
    read({}, { RUNTIME_DIRECTORY: "" }).controlSocket,
    "/run/firezone/gateway.sock",
  );
});

Deno.test("masquerading is switched as people write it", () => {
  for (const off of ["off", "OFF", "false", "no", "0"]) {
    assert.equal(read({ masquerade: off }).masquerade, false, off);
  }
  assert.equal(read({ masquerade: "On" }).masquerade, true);
});

Deno.test("what a gateway cannot use is refused, each setting by name", () => {
  const reader = readerOf({
    "tun-name": "a name/too long for linux",
    masquerade: "perhaps",
    "health-check-addr": "8080",
    "control-socket": "relative.sock",
  });

  readGatewaySettings(reader, environmentOf({}));

  assert.deepEqual(
    reader.problems.map((it) => /Cannot use ([a-z-]+)/.exec(it)?.[1]),
    ["tun-name", "masquerade", "health-check-addr", "control-socket"],
  );
});

function read(
  raw: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): GatewaySettings {
  const reader = readerOf(raw);
  const settings = readGatewaySettings(reader, environmentOf(environment));
  assert.deepEqual(reader.problems, []);
  return settings;
}

function readerOf(raw: Readonly<Record<string, string>>): SettingsReader {
  return new SettingsReader(new Map(Object.entries(raw)));
}

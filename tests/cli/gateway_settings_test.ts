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

Deno.test("[ops 6] the status page is for this host unless somebody says otherwise", () => {
  const pageOf = (raw: Record<string, string>) => {
    const { statusPage } = read(raw);
    return statusPage === "off"
      ? statusPage
      : [formatSocketAddress(statusPage.address), statusPage.isAsked];
  };

  assert.deepEqual(pageOf({}), ["127.0.0.1:8090", false]);
  assert.deepEqual(pageOf({ "status-page": "[::]:80" }), ["[::]:80", true]);
  assert.equal(pageOf({ "status-page": "Off" }), "off");
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
    "status-page": "0.0.0.0",
    "control-socket": "relative.sock",
    "udp-recv-buffer-size": "16MB",
    "udp-send-buffer-size": "4294967296",
    "no-inc-buf": "maybe",
    "validate-checksums": "2",
  });

  readGatewaySettings(reader, environmentOf({}));

  assert.deepEqual(
    reader.problems.map((it) => /Cannot use --([a-z-]+)/.exec(it)?.[1]),
    [
      "tun-name",
      "masquerade",
      "health-check-addr",
      "status-page",
      "control-socket",
      "udp-recv-buffer-size",
      "udp-send-buffer-size",
      "no-inc-buf",
      "validate-checksums",
    ],
  );
});

Deno.test("[ops 1.1] buffer sizes, limits and checksums are as Firezone's gateway has them unless told otherwise", () => {
  const { udpBuffers, raisesBufferLimits, validatesChecksums } = read({});
  const told = read({
    "udp-recv-buffer-size": "1048576",
    "udp-send-buffer-size": "65536",
    "no-inc-buf": "TRUE",
    "validate-checksums": "Yes",
  });

  assert.deepEqual(udpBuffers, {});
  assert.equal(raisesBufferLimits, true);
  assert.equal(validatesChecksums, false);
  assert.deepEqual(told.udpBuffers, {
    receiveBufferBytes: 1_048_576,
    sendBufferBytes: 65_536,
  });
  assert.equal(told.raisesBufferLimits, false);
  assert.equal(told.validatesChecksums, true);
});

Deno.test("gateways with interface names of their own share neither socket nor state", () => {
  const [first, second] = [read({}), read({ "tun-name": "fz1" })];

  assert.notEqual(first.controlSocket, second.controlSocket);
  assert.equal(first.stateDirectory, "/var/lib/firezone");
  assert.equal(second.stateDirectory, "/var/lib/firezone/fz1");
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

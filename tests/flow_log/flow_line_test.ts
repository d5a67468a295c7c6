import assert from "node:assert/strict";
import { parseSocketAddress, unixMs } from "../../lib/base/mod.ts";
import {
  type FlowClosed,
  flowJson,
  flowLine,
  type FlowOpened,
  flowRecord,
} from "../../lib/flow_log/mod.ts";
import { LogFilter } from "../../lib/cli/log_filter.ts";
import { LogSink } from "../../lib/cli/log_sink.ts";
import { CLAIMS } from "../support/ingest_token.ts";

const STARTED = 1_787_011_200_000.25;

const OPENED: FlowOpened = {
  kind: "open",
  claims: { ...CLAIMS, resourceAddress: "*.wiki.example" },
  protocol: "tcp",
  source: addressOf("100.64.0.1:1025"),
  destination: addressOf("172.21.0.101:443"),
  domain: "download.httpbin",
  outers: [{
    remote: addressOf("203.0.113.9:52625"),
    local: addressOf("198.51.100.1:52625"),
    activatedAt: unixMs(STARTED),
  }],
  startedAt: unixMs(STARTED),
};

const CLOSED: FlowClosed = {
  ...OPENED,
  kind: "close",
  endedAt: unixMs(STARTED + 2_000),
  lastPacketAt: unixMs(STARTED + 1_000),
  rxPackets: 8,
  txPackets: 5,
  rxBytes: 10_000_000,
  txBytes: 512,
};

const OUTERS = '[{"src_ip":"203.0.113.9","src_port":52625,' +
  '"dst_ip":"198.51.100.1","dst_port":52625,' +
  '"path_activated_at":"2026-08-18T00:00:00.000250Z"}]';

Deno.test("[dp 127] an open record has the fields of the ingest schema and no others", () => {
  assert.equal(
    JSON.stringify(flowRecord(OPENED)),
    '{"protocol":"tcp","inner_src_ip":"100.64.0.1","inner_src_port":1025,' +
      '"inner_dst_ip":"172.21.0.101","inner_dst_port":443,' +
      `"domain":"download.httpbin","outers":${OUTERS},` +
      '"flow_start":"2026-08-18T00:00:00.000250Z"}',
  );
});

Deno.test("[dp 127] a close record adds end, last packet and counts, and a flow without name has no domain", () => {
  const record = flowRecord({ ...CLOSED, domain: undefined });

  assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(record))), [
    "protocol",
    "inner_src_ip",
    "inner_src_port",
    "inner_dst_ip",
    "inner_dst_port",
    "outers",
    "flow_start",
    "flow_end",
    "last_packet",
    "rx_packets",
    "tx_packets",
    "rx_bytes",
    "tx_bytes",
  ]);
  assert.equal(record["flow_end"], "2026-08-18T00:00:02.000250Z");
  assert.equal(record["last_packet"], "2026-08-18T00:00:01.000250Z");
});

Deno.test("the line of a completed flow has the form that upstream's tests read", () => {
  assert.equal(
    humanLine(CLOSED),
    "2026-08-18T00:00:03.000Z TRACE flow_logs: TCP flow completed protocol=tcp " +
      `role=responder initiator_device_id=${CLAIMS.initiatorDeviceId} ` +
      `responder_device_id=${CLAIMS.responderDeviceId} ` +
      `policy_authorization_id=${CLAIMS.policyAuthorizationId} ` +
      `policy_id=${CLAIMS.policyId} resource_id=${CLAIMS.resourceId} ` +
      'resource_name="Internal wiki" resource_address=*.wiki.example ' +
      `initiator_actor_id=${CLAIMS.initiatorActorId} ` +
      'initiator_actor_name="Dev User" ' +
      "authorized_at=2026-08-18T00:00:00.000000Z " +
      "authorization_expires_at=2026-08-18T08:00:00.000000Z " +
      "inner_src_ip=100.64.0.1 inner_src_port=1025 " +
      "inner_dst_ip=172.21.0.101 inner_dst_port=443 " +
      `domain=download.httpbin outers=${OUTERS} ` +
      "flow_start=2026-08-18T00:00:00.000250Z " +
      "flow_end=2026-08-18T00:00:02.000250Z " +
      "last_packet=2026-08-18T00:00:01.000250Z " +
      "rx_packets=8 tx_packets=5 rx_bytes=10000000 tx_bytes=512",
  );
});

Deno.test("lines name protocol and event, and optional claims stand in their places", () => {
  const claims = {
    ...CLAIMS,
    initiatorActorEmail: "dev@corp.example",
    initiatorAuthProviderId: "p",
    initiatorClientVersion: "1.5.11",
    initiatorDeviceOsName: "Linux",
    initiatorDeviceOsVersion: "6.1",
    initiatorDeviceSerial: "s",
    initiatorDeviceUuid: "u",
    initiatorDeviceIdentifierForVendor: "v",
    initiatorDeviceFirebaseInstallationId: "f",
  };
  const line = humanLine({ ...OPENED, claims, protocol: "udp" });

  assert.match(line, / UDP flow started protocol=udp /);
  assert.match(
    line,
    /initiator_actor_id=\S+ initiator_actor_email=dev@corp\.example initiator_actor_name="Dev User" initiator_auth_provider_id=p authorized_at=\S+ authorization_expires_at=\S+ initiator_client_version=1\.5\.11 initiator_device_os_name=Linux initiator_device_os_version=6\.1 initiator_device_serial=s initiator_device_uuid=u initiator_device_identifier_for_vendor=v initiator_device_firebase_installation_id=f inner_src_ip=/,
  );
});

Deno.test("a name that a client makes up can forge neither a field nor a line", () => {
  const line = humanLine({ ...CLOSED, domain: "x rx_bytes=0\nERROR" });

  assert.match(line, / domain="x rx_bytes=0\\nERROR" outers=\[/);
});

Deno.test("a line for machines is one JSON object with the names of the log line", () => {
  const parsed = JSON.parse(flowJson(CLOSED));

  assert.equal(flowJson(CLOSED).includes("\n"), false);
  assert.equal(parsed.event, "flow_closed");
  assert.equal(parsed.account_id, CLAIMS.accountId);
  assert.equal(parsed.initiator_actor_name, "Dev User");
  assert.equal(parsed.outers[0].src_port, 52625);
  assert.equal(parsed.rx_bytes, 10_000_000);
  assert.equal(Object.hasOwn(parsed, "initiator_actor_email"), false);
  assert.equal(JSON.parse(flowJson(OPENED)).event, "flow_opened");
});

function humanLine(report: FlowOpened | FlowClosed): string {
  const lines: string[] = [];
  const sink = new LogSink({
    filter: new LogFilter({
      fallback: "info",
      targets: [["flow_logs", "trace"]],
    }),
    format: "human",
    write: (line) => lines.push(line) > 0,
    clock: () => new Date("2026-08-18T00:00:03Z"),
  });
  const { message, fields } = flowLine(report);
  sink.logger("flow_logs").log("trace", message, fields);
  assert.equal(lines.length, 1);
  return lines[0] ?? "";
}

function addressOf(text: string) {
  const address = parseSocketAddress(text);
  if (!address) throw new Error(`Not an address: ${text}`);
  return address;
}

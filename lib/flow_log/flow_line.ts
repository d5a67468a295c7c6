import type { IngestTokenClaims, LogFields } from "../base/mod.ts";
import { type FlowRecord, flowRecord } from "./record.ts";
import type { FlowReport } from "./report.ts";

/** Who used what and by what right, in the order of the log line (operations spec §1.8). */
const ATTRIBUTION = [
  ["role", "role"],
  ["initiator_device_id", "initiatorDeviceId"],
  ["responder_device_id", "responderDeviceId"],
  ["policy_authorization_id", "policyAuthorizationId"],
  ["policy_id", "policyId"],
  ["resource_id", "resourceId"],
  ["resource_name", "resourceName"],
  ["resource_address", "resourceAddress"],
  ["initiator_actor_id", "initiatorActorId"],
  ["initiator_actor_email", "initiatorActorEmail"],
  ["initiator_actor_name", "initiatorActorName"],
  ["initiator_auth_provider_id", "initiatorAuthProviderId"],
  ["authorized_at", "authorizedAt"],
  ["authorization_expires_at", "authorizationExpiresAt"],
  ["initiator_client_version", "initiatorClientVersion"],
  ["initiator_device_os_name", "initiatorDeviceOsName"],
  ["initiator_device_os_version", "initiatorDeviceOsVersion"],
  ["initiator_device_serial", "initiatorDeviceSerial"],
  ["initiator_device_uuid", "initiatorDeviceUuid"],
  [
    "initiator_device_identifier_for_vendor",
    "initiatorDeviceIdentifierForVendor",
  ],
  [
    "initiator_device_firebase_installation_id",
    "initiatorDeviceFirebaseInstallationId",
  ],
] as const satisfies readonly (readonly [string, keyof IngestTokenClaims])[];

/** Target of the log lines about flows. Their level is `trace`. */
export const FLOW_LOG_TARGET = "flow_logs";

/** Returns message and fields of the log line about a flow (operations spec §1.8). Tools read them: names, order and form are fixed. */
export function flowLine(
  report: FlowReport,
): { readonly message: string; readonly fields: LogFields } {
  const { protocol, ...rest } = flowRecord(report);
  const happened = report.kind === "open" ? "started" : "completed";
  return {
    message: `${report.protocol.toUpperCase()} flow ${happened}`,
    fields: { protocol, ...attributionOf(report.claims), ...rest },
  };
}

/**
 * Returns the line about a flow for files that machines read: one JSON object.
 *
 * `event` is `flow_opened` or `flow_closed`; then come the members of the log
 * line by the same names. Absent members have no value.
 */
export function flowJson(report: FlowReport): string {
  const event = report.kind === "open" ? "flow_opened" : "flow_closed";
  const { protocol, ...rest }: FlowRecord = flowRecord(report);
  return JSON.stringify({
    event,
    protocol,
    account_id: report.claims.accountId,
    ...attributionOf(report.claims),
    ...rest,
  });
}

function attributionOf(
  claims: IngestTokenClaims,
): Record<string, string | undefined> {
  return Object.fromEntries(
    ATTRIBUTION.map(([field, claim]) => [field, claims[claim]]),
  );
}

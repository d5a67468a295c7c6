/**
 * What a gateway tells about itself: readiness, status, metrics.
 *
 * `GatewayStatus` is the one model of it. The main thread puts it together from
 * a snapshot of the data worker and from what it knows itself; `GET /status`
 * on the control socket answers with it as JSON, and `status`, the status page
 * and the metrics show parts of it:
 *
 * ```json
 * {
 *   "version": "1.6.0", "now": 1787040000000, "uptimeMs": 86400000,
 *   "readiness": { "ready": true, "checks": [
 *     { "name": "data-plane", "ok": true, "detail": "answers" },
 *     { "name": "portal", "ok": true, "detail": "joined" },
 *     { "name": "interface", "ok": true, "detail": "up" },
 *     { "name": "relay", "ok": true, "detail": "2 of 2 allocated" },
 *     { "name": "accepting", "ok": true, "detail": "accepts clients" } ] },
 *   "portal": { "joined": true, "since": 1786953600500, "joins": 1, "lastFailure": null },
 *   "interface": { "name": "tun-firezone", "state": "up", "drops": 0,
 *     "addresses": ["100.64.0.1", "fd00:2021:1111::1"] },
 *   "relays": [{ "id": "0f3a…", "addresses": ["198.51.100.7:3478"],
 *     "state": "allocated", "allocated": ["198.51.100.7:50123"], "roundTripMs": 12.5 }],
 *   "load": { "saturation": 0.12, "cpuShare": 0.2, "residentBytes": 98000000,
 *     "socketQueueBytes": 0, "questions": 0, "flowReports": 0 },
 *   "traffic": { "packetsReceived": 10, "bytesReceived": 840, "packetsSent": 10, "bytesSent": 840 },
 *   "drops": [{ "source": "client", "reason": "prohibited-by-filter", "count": 3 }],
 *   "peers": [{
 *     "client": "11111111-aaaa-4aaa-8aaa-111111111111", "user": "dev@corp.example",
 *     "addresses": ["100.64.3.4", "fd00:2021:1111::3:4"],
 *     "connection": { "peer": "11111111-aaaa-4aaa-8aaa-111111111111",
 *       "stage": "connected", "mode": "ice", "path": "relayed", "shape": "RelayToPeer",
 *       "relay": "0f3a…", "remote": "203.0.113.9:52625", "roundTripMs": 31.2,
 *       "handshakeAgeMs": 45000, "ageMs": 600000, "traffic": {} },
 *     "authorizations": [{ "resource": "66666666-ffff-4fff-8fff-666666666666",
 *       "kind": "dns", "name": "Internal wiki", "address": "wiki.corp.example",
 *       "expiresAt": 1787043600000 }],
 *     "lastDrop": { "reason": "prohibited-by-filter", "from": "client", "ageMs": 1200 },
 *     "drops": 3 }],
 *   "drain": null
 * }
 * ```
 *
 * Members are only ever added. Times are Unix ms, durations ms, sizes bytes.
 * Keys, tokens and relay credentials are in no snapshot, so nothing here could
 * leak them. Names of resources and of users come from the portal and can hold
 * any character: whoever shows them escapes them.
 *
 * @module
 */
export type {
  DrainStatus,
  GatewayStatus,
  InterfaceStatus,
  LoadStatus,
  PortalStatus,
} from "./gateway_status.ts";
export { type DropCount, dropCounts, type DropSource } from "./drop_counts.ts";
export {
  judgeReadiness,
  type Readiness,
  type ReadinessCheck,
  type ReadinessCheckName,
  type ReadinessInputs,
} from "./readiness.ts";
export { answerControl, type ControlTarget } from "./control_api.ts";
export {
  answerHealth,
  describeReadiness,
  type HealthSource,
} from "./health_api.ts";
export {
  GatewayObserver,
  type GatewayObserverOptions,
} from "./gateway_observer.ts";
export { type HistorySample, StatusHistory } from "./status_history.ts";
export { METRICS } from "./metric_catalogue.ts";
export { type MetricDefinition, type Sample } from "./metric_definition.ts";
export { type MetricInputs, type WorkerInputs } from "./metric_inputs.ts";
export { renderMetrics } from "./metrics_text.ts";

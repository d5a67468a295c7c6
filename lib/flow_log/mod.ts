/**
 * Who talked to what, when, how long and how much (data-plane spec §15).
 *
 * A flow is what one client and one resource exchange over one pair of TCP or
 * UDP ports. Its identity is what the resource sees: addresses and ports after
 * translation, the client always as the source. It starts with a packet of
 * the client, never with one of the resource, and ends by RST, by FIN from
 * both sides, by a fresh SYN, or by two minutes of silence. A client that
 * roams keeps its flows; each way that its packets came is recorded with them.
 *
 * `FlowTracker` sees every packet that passes. For a client's packet one call
 * follows the translation. A resource's packet is seen before its translation
 * (`seeInbound`), because only then it shows what the flow is known by, and
 * counted once it was sent (`countInbound`). A packet of a known flow costs one
 * look-up and allocates nothing. Reports are made from the flows themselves
 * when they are polled, so what waits to be told takes no further memory; they
 * come in batches, at most one every 100 ms.
 *
 * A report says what happened; the authorization's ingest token says who it
 * was. `flowLine` and `flowJson` join both, for people and for files.
 *
 * For the portal, records wait on disk until they are delivered, each in a
 * file of its own that names its flow (`entryName`, `encodeEntry`), in one
 * folder for each authorization, beside its token. `UploadSchedule` says when
 * to deliver, `planBatch` what, and `BatchUpload` how: what to send, when to
 * wait, and what to give up. All of it is free of I/O.
 *
 * @module
 */
export { FLOW_REFUSALS, FlowTracker } from "./flow_tracker.ts";
export type {
  FlowRefusal,
  FlowSnapshot,
  FlowTrackerOptions,
} from "./flow_tracker.ts";
export type { FlowOwner } from "./flow.ts";
export type {
  FlowClosed,
  FlowIdentity,
  FlowOpened,
  FlowProtocol,
  FlowReport,
  OuterPath,
} from "./report.ts";
export { type FlowRecord, flowRecord, type OuterRecord } from "./record.ts";
export { FLOW_LOG_TARGET, flowJson, flowLine } from "./flow_line.ts";
export {
  type BatchPlan,
  decodeEntry,
  encodeEntry,
  entryName,
  filesOfFlow,
  isAuthorizationFolder,
  planBatch,
  spoolFolder,
  TOKEN_FILE,
} from "./spool_entry.ts";
export {
  batchSize,
  decodeUploadConfig,
  encodeUploadConfig,
  NO_UPLOADS,
  type UploadConfig,
  uploadUrl,
} from "./upload_config.ts";
export { UploadSchedule } from "./upload_schedule.ts";
export {
  type BatchOutcome,
  BatchUpload,
  type UploadAnswer,
  type UploadStep,
} from "./batch_upload.ts";

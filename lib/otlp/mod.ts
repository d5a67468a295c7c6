/**
 * Sends the metrics of a gateway to an OpenTelemetry collector.
 *
 * The numbers and their names are those of `status`, as `/metrics` serves them.
 * They travel by OTLP: over HTTP with the library's exporter, which knows the
 * variables of OpenTelemetry, or over gRPC, for which one call on an HTTP/2
 * connection is enough.
 *
 * Deno has an exporter of its own, but a compiled program carries the switch
 * that it was compiled with: it would export always or never.
 *
 * Only loaded when metrics are sent, because of the size of the libraries.
 *
 * @module
 */
export { MetricsExport, type MetricsExportOptions } from "./metrics_export.ts";
export { type MetricsTarget } from "./metrics_sender.ts";

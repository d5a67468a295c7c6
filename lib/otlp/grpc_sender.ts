import { type ClientHttp2Session, connect } from "node:http2";
import { ProtobufMetricsSerializer } from "@opentelemetry/otlp-transformer";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { writeU32 } from "../base/mod.ts";
import type { MetricsSender } from "./metrics_sender.ts";

const PATH = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/** A message on the wire: whether it is compressed, its length, itself. */
const PREFIX_BYTES = 5;

/** Status of a call that succeeded. */
const OK = "0";

/**
 * Sends by OTLP/gRPC, each time on a connection of its own: there is one call
 * a minute.
 *
 * One unary call as "gRPC over HTTP2" describes it; the library for gRPC wants
 * more of HTTP/2 than the runtime of an older Deno has.
 */
export class GrpcSender implements MetricsSender {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #limitMs: number;

  /** `url` is `http://HOST:PORT` or `https://HOST:PORT`; `limitMs` bounds a call. */
  constructor(
    url: string,
    headers: Readonly<Record<string, string>>,
    limitMs: number,
  ) {
    this.#url = url;
    this.#headers = headers;
    this.#limitMs = limitMs;
  }

  /** Calls once. */
  async send(metrics: ResourceMetrics): Promise<void> {
    const message = ProtobufMetricsSerializer.serializeRequest(metrics);
    if (message === undefined) throw new Error("The metrics have no bytes");
    const session = connect(this.#url);
    const failed = Promise.withResolvers<never>();
    session.on("error", failed.reject);
    const timer = setTimeout(
      () => failed.reject(new Error(`No answer within ${this.#limitMs} ms`)),
      this.#limitMs,
    );
    try {
      await Promise.race([
        this.#call(session, framed(message)),
        failed.promise,
      ]);
    } finally {
      clearTimeout(timer);
      session.destroy();
    }
  }

  /** Nothing is kept. */
  close(): void {}

  async #call(session: ClientHttp2Session, body: Uint8Array): Promise<void> {
    const answered = Promise.withResolvers<CallStatus>();
    const stream = session.request({
      ...this.#headers,
      ":method": "POST",
      ":path": PATH,
      "content-type": "application/grpc",
      "te": "trailers",
    });
    let status: CallStatus = {};
    const take = (headers: CallStatus) => status = { ...status, ...headers };
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("error", answered.reject);
    stream.on("end", () => answered.resolve(status));
    stream.resume();
    stream.end(body);
    judge(await answered.promise);
  }
}

/** What is read of the headers and trailers of an answer. */
interface CallStatus {
  readonly ":status"?: number;
  readonly "grpc-status"?: string | string[];
  readonly "grpc-message"?: string | string[];
}

function judge(status: CallStatus): void {
  const code = status["grpc-status"];
  if (String(code) === OK) return;
  if (code === undefined) {
    throw new Error(`No gRPC there: HTTP status ${status[":status"]}`);
  }
  throw new Error(`gRPC status ${code}: ${status["grpc-message"] ?? ""}`);
}

function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(PREFIX_BYTES + message.length);
  writeU32(frame, 1, message.length);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

import { INGEST_CERTIFICATE, INGEST_KEY } from "./ingest_certificate.ts";

/** One request that the server got. */
export interface IngestRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly contentType: string | null;
  readonly records: readonly Record<string, unknown>[];
}

/** Takes flow logs over HTTPS on port 443 of an address of loopback, and answers as told. */
export class IngestServer implements AsyncDisposable {
  /** What came, oldest first. */
  readonly requests: IngestRequest[] = [];
  /** Says what to answer; 200 unless a test replaces it. */
  answer: (request: IngestRequest) => Response = () =>
    Response.json({ data: { status: "ok" } });
  readonly #server: Deno.HttpServer;

  constructor(hostname = "127.44.3.1") {
    this.#server = Deno.serve({
      hostname,
      port: 443,
      cert: INGEST_CERTIFICATE,
      key: INGEST_KEY,
      onListen: () => {},
    }, (request) => this.#handle(request));
  }

  /** All records that came. */
  get records(): Record<string, unknown>[] {
    return this.requests.flatMap(({ records }) => records);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    const { flow_logs } = await request.json();
    const seen: IngestRequest = {
      method: request.method,
      path: new URL(request.url).pathname,
      authorization: request.headers.get("Authorization"),
      contentType: request.headers.get("Content-Type"),
      records: flow_logs,
    };
    this.requests.push(seen);
    return this.answer(seen);
  }
}

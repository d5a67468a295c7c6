import { concatBytes, utf8 } from "../base/mod.ts";
import type { HttpHandler } from "./http_server.ts";
import { RequestHeadReader } from "./portal_server_request.ts";
import { closeQuietly, writeAll } from "./portal_upgrade.ts";

/** How long a request and its answer may take, in ms. Our own choice. */
const PATIENCE_MS = 10_000;

const CHUNK_BYTES = 4_096;

/** Answers the one request of a stream, RFC 9112: its body is not looked at, and the stream ends with the answer. Never throws. */
export async function serveHttp(
  stream: Deno.TcpConn,
  handler: HttpHandler,
): Promise<void> {
  const timer = setTimeout(() => closeQuietly(stream), PATIENCE_MS);
  try {
    const request = await readRequest(stream);
    if (request) await writeAnswer(stream, request, await handler(request));
  } catch {
    // The peer went away, or took too long.
  }
  clearTimeout(timer);
}

/** Returns the request, or `undefined` when there is none that can be answered. */
async function readRequest(
  stream: Deno.TcpConn,
): Promise<Request | undefined> {
  const reader = new RequestHeadReader();
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (;;) {
    const length = await stream.read(chunk);
    if (length === null) return undefined;
    const progress = reader.push(chunk.subarray(0, length));
    if (progress.kind === "incomplete") continue;
    if (progress.kind === "malformed") {
      await writeAll(stream, utf8(headOf(400, "Bad Request", new Headers())));
      return undefined;
    }
    const { method, path, query, headers } = progress.head;
    const url = `http://localhost${path}${query && `?${query}`}`;
    return new Request(url, { method, headers });
  }
}

async function writeAnswer(
  stream: Deno.TcpConn,
  { method }: Request,
  answer: Response,
): Promise<void> {
  const body = new Uint8Array(await answer.arrayBuffer());
  const headers = new Headers(answer.headers);
  if (method !== "HEAD") headers.set("content-length", String(body.length));
  const head = headOf(answer.status, answer.statusText, headers);
  await writeAll(stream, concatBytes(utf8(head), body));
}

function headOf(status: number, reason: string, headers: Headers): string {
  headers.set("connection", "close");
  const fields = [...headers].map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${reason}`, ...fields, "", ""].join("\r\n");
}

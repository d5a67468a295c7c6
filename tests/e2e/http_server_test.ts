import assert from "node:assert/strict";
import { HttpServer } from "../../lib/io/mod.ts";

/** Streams that one peer may have at a time. */
const PEER_LIMIT = 32;

Deno.test("an answer ends its stream, HEAD has no body, HTTP 1.0 is understood and what is no request is refused", async () => {
  await using server = new Server();
  const ask = (head: string) => server.ask(`${head}\r\n\r\n`);

  const get = await ask("GET /a?b=c HTTP/1.1\r\nHost: [::1]:80\r\nX: y");
  const head = await ask("HEAD /a HTTP/1.0");
  const none = await ask("nonsense");

  assert.match(get, /^HTTP\/1\.1 200 \r\n/);
  assert.match(get, /\r\nconnection: close\r\n/);
  assert.match(get, /\r\ncontent-length: 17\r\n/);
  assert.match(get, /\r\n\r\nGET \/a\?b=c y \[::1/);
  assert.match(head, /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
  assert.match(none, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(await ask("GET /fail HTTP/1.1"), /^HTTP\/1\.1 500 /);
});

Deno.test("a peer that holds streams open gets no more of them, and loses those after ten seconds", async () => {
  await using server = new Server();
  const held: Deno.Conn[] = [];
  for (let i = 0; i < PEER_LIMIT; i++) {
    const stream = await server.connect();
    await stream.write(new TextEncoder().encode("GET / HT"));
    held.push(stream);
  }
  const start = performance.now();

  const refused = await server.ask("GET / HTTP/1.1\r\n\r\n");
  const texts = await Promise.all(held.map(readAll));

  const tookMs = performance.now() - start;
  assert.equal(refused, "");
  assert.deepEqual(new Set(texts), new Set([""]));
  assert.ok(tookMs >= 9_000 && tookMs < 14_000, `${tookMs} ms`);
  assert.match(await server.ask("GET / HTTP/1.1\r\n\r\n"), / 200 /);
});

/** A server that answers with what it was asked. */
class Server implements AsyncDisposable {
  readonly #server = HttpServer.listen(
    { ip: { family: 4, bytes: Uint8Array.of(127, 0, 0, 1) }, port: 0 },
    (request) => {
      const { pathname, search } = new URL(request.url);
      if (pathname === "/fail") return Promise.reject(new Error("broken"));
      const { method, headers } = request;
      const text = [method, pathname + search, headers.get("x")].join(" ");
      const host = (headers.get("host") ?? "").slice(0, 4);
      const body = method === "HEAD" ? null : `${text} ${host}`;
      return Promise.resolve(new Response(body));
    },
  );

  connect(): Promise<Deno.Conn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.#server.port! });
  }

  /** Sends bytes and returns all that comes back. */
  async ask(text: string): Promise<string> {
    const stream = await this.connect();
    await stream.write(new TextEncoder().encode(text)).catch(() => {});
    return await readAll(stream);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }
}

/** Reads until the stream ends, or is cut off. */
async function readAll(stream: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(4_096);
  let text = "";
  try {
    for (let n; (n = await stream.read(chunk)) !== null;) {
      text += decoder.decode(chunk.subarray(0, n));
    }
  } catch {
    // It was cut off.
  }
  stream.close();
  return text;
}

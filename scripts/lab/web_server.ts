/**
 * The resource of the lab: `GET /` greets, `GET /address` tells who asks,
 * `GET /bytes/N` streams N zero bytes, `POST` tells how many bytes came.
 *
 * Usage: web_server.ts PORT
 */
const CHUNK = new Uint8Array(65_536);

function streamZeros(length: number): ReadableStream<Uint8Array> {
  let left = length;
  return new ReadableStream({
    pull(controller) {
      const size = Math.min(left, CHUNK.length);
      if (size > 0) controller.enqueue(CHUNK.subarray(0, size));
      left -= size;
      if (left === 0) controller.close();
    },
  });
}

async function count(stream: ReadableStream<Uint8Array> | null) {
  let bytes = 0;
  for await (const chunk of stream ?? []) bytes += chunk.length;
  return new Response(String(bytes));
}

Deno.serve({ hostname: "::", port: Number(Deno.args[0]) }, (request, info) => {
  if (request.method === "POST") return count(request.body);
  const { pathname } = new URL(request.url);
  if (pathname === "/address") return new Response(info.remoteAddr.hostname);
  const bytes = /^\/bytes\/(\d{1,12})$/.exec(pathname)?.[1];
  if (bytes === undefined) return new Response("Hello from the resource\n");
  return new Response(streamZeros(Number(bytes)), {
    headers: { "content-length": bytes },
  });
});

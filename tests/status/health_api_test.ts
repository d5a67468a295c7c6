import assert from "node:assert/strict";
import { answerHealth } from "../../lib/status/mod.ts";
import { ObservedGateway } from "./support.ts";

Deno.test("[ops 1.6] /healthz says whether the data worker answers", async () => {
  const gateway = new ObservedGateway();

  const alive = await ask(gateway, "/healthz");
  gateway.isAlive = false;
  gateway.now += 1_000;
  const stalled = await ask(gateway, "/healthz");

  assert.equal(alive.status, 200);
  assert.equal(stalled.status, 503);
});

Deno.test("[ops 6] /readyz turns as its conditions do, whoever asked before", async () => {
  const gateway = new ObservedGateway();
  const statuses: number[] = [];
  const note = async () => {
    statuses.push((await ask(gateway, "/readyz")).status);
  };

  await note();
  gateway.comeUp();
  await note();
  gateway.observer.noteDisconnected("gone");
  await note();
  gateway.observer.noteJoined();
  await note();
  gateway.observer.noteInterfaceLost();
  await note();

  assert.deepEqual(statuses, [503, 200, 503, 200, 503]);
});

Deno.test("[ops 6] many questions at once cost the data worker one, and five a second at most", async () => {
  const gateway = new ObservedGateway();

  await Promise.all(
    Array.from({ length: 100 }, () => ask(gateway, "/readyz")),
  );
  const atOnce = gateway.questions;
  for (; gateway.now < 1_000; gateway.now += 10) await ask(gateway, "/readyz");

  assert.equal(atOnce, 1);
  assert.ok(gateway.questions <= 6);
});

Deno.test("[ops 6] JSON is told to those who ask for it by header or query", async () => {
  const gateway = new ObservedGateway();
  gateway.comeUp();

  const byHeader = await ask(gateway, "/readyz", {
    headers: { accept: "application/json" },
  });
  const byQuery = await ask(gateway, "/readyz?format=json");
  const asText = await ask(gateway, "/readyz?format=text", {
    headers: { accept: "application/json" },
  });

  assert.equal((await byHeader.json()).ready, true);
  assert.equal((await byQuery.json()).checks.length, 5);
  assert.equal(await asText.text(), "ready\n");
});

Deno.test("[ops 1.6] only GET and HEAD of known paths are answered, and nothing is kept by caches", async () => {
  const gateway = new ObservedGateway();

  const head = await ask(gateway, "/metrics", { method: "HEAD" });
  const post = await ask(gateway, "/metrics", { method: "POST" });
  const other = await ask(gateway, "/status");

  assert.equal(head.status, 200);
  assert.equal(await head.text(), "");
  assert.equal(head.headers.get("cache-control"), "no-store");
  assert.equal(post.status, 405);
  assert.equal(post.headers.get("allow"), "GET, HEAD");
  assert.equal(other.status, 404);
});

function ask(
  { observer }: ObservedGateway,
  target: string,
  options: RequestInit = {},
): Promise<Response> {
  const request = new Request(`http://gateway${target}`, options);
  return answerHealth(request, observer);
}

import assert from "node:assert/strict";
import { answerControl, type ControlTarget } from "../../lib/status/mod.ts";
import { NOW, ObservedGateway } from "./support.ts";

Deno.test("[ops 6] GET /status tells clients, authorizations and drops, and no secrets", async () => {
  const gateway = new ObservedGateway();
  gateway.comeUp();
  gateway.world.sendTo("11.0.0.1");

  const response = await ask(new Target(gateway), "GET", "/status");
  const status = await response.json();

  assert.equal(response.status, 200);
  assert.equal(status.version, "1.2.3");
  assert.equal(status.readiness.ready, true);
  assert.deepEqual(status.interface, {
    name: "tun-test",
    state: "up",
    drops: 4,
    addresses: ["100.64.0.9"],
  });
  assert.equal(status.peers[0].authorizations[0].address, "10.0.0.0/8");
  assert.equal(status.peers[0].lastDrop.reason, "prohibited-destination");
  assert.deepEqual(
    status.drops.map((it: { reason: string; count: number }) => [
      it.reason,
      it.count,
    ]),
    [["tun-queue-full", 4], ["socket-queue-full", 2], [
      "prohibited-destination",
      1,
    ]],
  );
  assert.doesNotMatch(JSON.stringify(status), /key|token|password|secret/i);
});

Deno.test("[ops 6] POST /drain takes a time and answers with the end", async () => {
  const target = new Target();

  const good = await ask(target, "POST", "/drain", '{"timeoutMs":30000}');
  const bad = await Promise.all(
    ["", "{}", '{"timeoutMs":-1}', '{"timeoutMs":1e12}', "null", "[1]"].map(
      (body) => ask(target, "POST", "/drain", body),
    ),
  );

  assert.equal(good.status, 202);
  assert.deepEqual(await good.json(), { since: NOW, until: NOW + 30_000 });
  assert.deepEqual(target.drains, [30_000]);
  assert.ok(bad.every(({ status }) => status === 400));
});

Deno.test("POST /log-filter changes the log or says what cannot be read", async () => {
  const target = new Target();

  const good = await ask(target, "POST", "/log-filter", "info,ice=debug");
  const bad = await ask(target, "POST", "/log-filter", "loud");

  assert.equal(good.status, 200);
  assert.equal(bad.status, 400);
  assert.match(await bad.text(), /loud/);
  assert.deepEqual(target.filters, ["info,ice=debug", "loud"]);
});

Deno.test("other paths, methods and long bodies are refused without effect", async () => {
  const target = new Target();

  const answers = await Promise.all([
    ask(target, "GET", "/"),
    ask(target, "GET", "/drain"),
    ask(target, "POST", "/status", ""),
    ask(target, "POST", "/log-filter", "x".repeat(4_097)),
  ]);

  assert.deepEqual(answers.map(({ status }) => status), [404, 405, 405, 413]);
  assert.deepEqual([target.drains, target.filters], [[], []]);
});

class Target implements ControlTarget {
  readonly drains: number[] = [];
  readonly filters: string[] = [];
  readonly #gateway: ObservedGateway;

  constructor(gateway = new ObservedGateway()) {
    this.#gateway = gateway;
  }

  status(): ReturnType<ControlTarget["status"]> {
    return this.#gateway.observer.status();
  }

  drain(timeoutMs: number): ReturnType<ControlTarget["drain"]> {
    this.drains.push(timeoutMs);
    return Promise.resolve({ since: NOW, until: NOW + timeoutMs });
  }

  setLogFilter(directives: string): string | undefined {
    this.filters.push(directives);
    return directives === "loud" ? directives : undefined;
  }
}

function ask(
  target: ControlTarget,
  method: string,
  path: string,
  body?: string,
): Promise<Response> {
  const init = body === undefined ? { method } : { method, body };
  return answerControl(new Request(`http://gateway${path}`, init), target);
}

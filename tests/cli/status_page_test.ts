import assert from "node:assert/strict";
import { instant } from "../../lib/base/mod.ts";
import { isOurName, StatusPage } from "../../lib/cli/status_page.ts";
import type { GatewayStatus, MetricInputs } from "../../lib/status/mod.ts";

const OUR_NAMES = [
  ...["localhost", "localhost:8090", "LOCALHOST", "edge-1", "Edge-1:8090"],
  ...["127.0.0.1", "192.0.2.7:8090", "[::1]", "[2001:db8::1]:8090"],
];
const OTHER_NAMES = [
  ...["evil.example", "evil.example:8090", "localhost.evil.example", ""],
  ...["127.0.0.1.evil.example", "edge-1.evil.example", "[::1", "1.2.3"],
];

for (const name of OUR_NAMES) {
  Deno.test(`[ops 6] the status page answers at ${name}`, () => {
    assert.equal(isOurName(name, "edge-1"), true);
  });
}

for (const name of OTHER_NAMES) {
  Deno.test(`[ops 6] the status page refuses the name "${name}"`, () => {
    assert.equal(isOurName(name, "edge-1"), false);
  });
}

Deno.test("the status page refuses a request without a name", () => {
  assert.equal(isOurName(null, "edge-1"), false);
});

Deno.test("[ops 6] the status page is one file that may load nothing", async () => {
  const { page } = pageOf([]);

  const response = await page.answer(get("/"));

  const policy = response.headers.get("content-security-policy") ?? "";
  const html = await response.text();
  assert.match(
    policy,
    /default-src 'none'; style-src 'sha256-[\w+/]+=*'; script-src 'sha256-[\w+/]+=*'/,
  );
  assert.doesNotMatch(policy, /unsafe|https?:/);
  assert.doesNotMatch(html, /(?:src|href|url)[=(]\s*["']?(?:https?:)?\/\//);
  assert.doesNotMatch(html, /innerHTML|insertAdjacentHTML|document\.write/);
  assert.match(html, /function linePath\(/);
});

Deno.test("the status page asks for all clients no more often than twice a second", async () => {
  const { page, clock, asked } = pageOf([]);

  await Promise.all([
    page.answer(get("/status.json")),
    page.answer(get("/status.json")),
  ]);
  clock.ms += 499;
  await page.answer(get("/status.json"));
  assert.equal(asked.count, 1);

  clock.ms += 1;
  await page.answer(get("/status.json"));
  assert.equal(asked.count, 2);
});

Deno.test("the status page shows 200 clients, those connected first, and how many there are", async () => {
  const peers = Array.from({ length: 250 }, (_, i) => ({
    client: `client-${i}`,
    connection: i < 240 ? null : { peer: `client-${i}` },
  }));
  const { page } = pageOf(peers);

  const response = await page.answer(get("/status.json"));

  const { status, peerCount } = await response.json();
  assert.equal(peerCount, 250);
  assert.equal(status.peers.length, 200);
  assert.equal(status.peers[0].client, "client-240");
  assert.equal(status.peers[10].client, "client-0");
});

Deno.test("the status page answers GET and HEAD of two paths and nothing else", async () => {
  const { page } = pageOf([]);
  const statusOf = async (path: string, method: string) => {
    const response = await page.answer(get(path, method));
    return [response.status, (await response.text()).length > 0];
  };

  assert.deepEqual(await statusOf("/", "HEAD"), [200, false]);
  assert.deepEqual(await statusOf("/status.json", "HEAD"), [200, false]);
  assert.deepEqual(await statusOf("/status.json?since=x", "GET"), [200, true]);
  assert.deepEqual(await statusOf("/", "POST"), [405, true]);
  assert.deepEqual(await statusOf("/drain", "GET"), [404, true]);
});

function get(path: string, method = "GET"): Request {
  const headers = { host: "127.0.0.1:8090" };
  return new Request(`http://127.0.0.1:8090${path}`, { method, headers });
}

function pageOf(peers: readonly unknown[]) {
  const clock = { ms: 1_000 };
  const asked = { count: 0 };
  const page = new StatusPage({
    observer: {
      status: () => {
        asked.count++;
        return Promise.resolve({ peers } as unknown as GatewayStatus);
      },
      metricInputs: () => Promise.resolve({} as MetricInputs),
    },
    hostName: "edge-1",
    now: () => instant(clock.ms),
    unixNow: () => clock.ms,
  });
  return { page, clock, asked };
}

import assert from "node:assert/strict";
import { ATTEMPT_LIMITS } from "../../lib/io/portal_upgrade.ts";
import { resolveBySystem } from "../../lib/io/resolver.ts";
import { BlackHole } from "../support/black_hole.ts";
import type { FakePortal } from "../support/fake_portal.ts";
import {
  ROOT_CERTIFICATE,
  SERVER_CERTIFICATE,
  SERVER_KEY,
} from "../support/portal_certificate.ts";
import {
  answers,
  CLEAN_TOKEN,
  ip,
  portalTest,
  urlOf,
  USER_AGENT,
} from "../support/portal_client.ts";

portalTest(
  "[portal 8] [portal 10] the upgrade request is what the portal expects, byte for byte",
  async ({ listen, client }) => {
    const portal = listen();
    client(urlOf(portal, "/base/"));

    const { head } = await portal.connection(0);

    const key = /Sec-WebSocket-Key: (\S{22}==)\r\n/.exec(head)?.[1];
    assert.equal(
      head,
      "GET /base/gateway/v2/websocket?external_id=gw-1&name=edge+gw&" +
        "public_key=AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI%3D HTTP/1.1\r\n" +
        "Host: 127.0.0.1\r\n" +
        "Connection: Upgrade\r\n" +
        "Upgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\n" +
        `Sec-WebSocket-Key: ${key}\r\n` +
        `User-Agent: ${USER_AGENT}\r\n` +
        `X-Authorization: Bearer ${CLEAN_TOKEN}\r\n\r\n`,
    );
  },
);

portalTest(
  "[portal 16] a problem body that arrives after the head is read whole",
  async ({ listen, client }) => {
    const portal = listen();
    const body = '{"title":"Unauthorized","code":"invalid_token"}';
    portal.answers = answers([
      "HTTP/1.1 401 Unauthorized\r\n" +
      "Content-Type: application/problem+json; charset=utf-8\r\n" +
      `Content-Length: ${body.length}\r\n\r\n`,
      150,
      body.slice(0, 10),
      150,
      body.slice(10),
    ]);

    const { reason } = await client(urlOf(portal)).event("fatal");

    assert.equal(reason.kind, "token-refused");
  },
);

portalTest(
  "[portal 17] a body that never comes is given up, and its 401 does not blame the token",
  async ({ listen, client }) => {
    const portal = listen();
    portal.answers = answers([
      "HTTP/1.1 401 Unauthorized\r\n" +
      "Content-Type: application/problem+json\r\nContent-Length: 50\r\n\r\n{",
      5_000,
    ]);

    const { reason } = await client(urlOf(portal), {
      limits: { ...ATTEMPT_LIMITS, bodyMs: 200 },
    }).event("fatal");

    assert.equal(reason.kind, "authentication-failed");
  },
);

portalTest(
  "[portal 21] 503 with Retry-After is followed after that time",
  async ({ listen, client }) => {
    const portal = listen();
    portal.answers = answers([
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n" +
      "Content-Length: 0\r\n\r\n",
    ], "agree");
    const gateway = client(urlOf(portal));
    const start = performance.now();

    const { retryInMs, failure } = await gateway.event("disconnected");
    await gateway.event("joined");

    assert.equal(retryInMs, 1_000);
    assert.ok(failure.kind === "rejected" && failure.response.status === 503);
    assert.ok(performance.now() - start >= 990);
  },
);

portalTest(
  "[portal 15] a redirect is not followed",
  async ({ listen, client }) => {
    const [portal, elsewhere] = [listen(), listen()];
    portal.answers = answers([
      `HTTP/1.1 302 Found\r\nLocation: ${urlOf(elsewhere)}\r\n` +
      "Retry-After: 3600\r\nContent-Length: 0\r\n\r\n",
    ]);

    const { failure } = await client(urlOf(portal)).event("disconnected");

    assert.ok(failure.kind === "rejected" && failure.response.status === 302);
    assert.equal(elsewhere.connections.length, 0);
  },
);

portalTest(
  "[portal 13] [portal regression 7] neither a dead nor a silent address delays one that answers",
  async ({ listen, client }) => {
    const portal = listen();
    using hole = await BlackHole.dig("127.0.0.9", portal.port);
    const start = performance.now();

    const gateway = client(`ws://portal.test:${portal.port}`, {
      resolve: () =>
        Promise.resolve([ip(hole.hostname), ip("127.0.0.8"), ip("127.0.0.1")]),
    });
    await gateway.event("joined");

    assert.ok(performance.now() - start < 1_000);
    assert.match(
      (await portal.connection(0)).head,
      /\r\nHost: portal\.test\r\n/,
    );
  },
);

portalTest(
  "[portal 14] [portal regression 6] TCP is given up after its time, for all addresses together",
  async ({ client }) => {
    using hole = await BlackHole.dig("127.0.0.9", 0);

    const { failure } = await client(`ws://portal.test:${hole.port}`, {
      resolve: () => Promise.resolve([ip(hole.hostname), ip(hole.hostname)]),
      limits: { ...ATTEMPT_LIMITS, tcpMs: 200 },
    }).event("disconnected");

    assert.equal(failure.kind, "tcp-timed-out");
  },
);

portalTest(
  "when all addresses refuse, the failure names each",
  async ({ listen, client }) => {
    const portal = listen();
    const { port } = portal;
    portal.close();

    const { failure } = await client(`ws://portal.test:${port}`, {
      resolve: () => Promise.resolve([ip("127.0.0.2"), ip("127.0.0.3")]),
    }).event("disconnected");

    assert.ok(failure.kind === "unreachable");
    assert.match(failure.detail, /127\.0\.0\.2:.*127\.0\.0\.3:/);
  },
);

portalTest(
  "[portal 14] [portal regression 5] a server that accepts and never answers is given up",
  async ({ listen, client }) => {
    const portal = listen();
    portal.answers = answers("nothing");
    const limits = { ...ATTEMPT_LIMITS, attemptMs: 300 };

    const plain = client(urlOf(portal), { limits });
    const secure = client(`wss://127.0.0.1:${portal.port}`, { limits });

    for (const gateway of [plain, secure]) {
      const { failure } = await gateway.event("disconnected");
      assert.equal(failure.kind, "attempt-timed-out");
    }
  },
);

portalTest(
  "a server that speaks no HTTP is a failure like any other",
  async ({ listen, client }) => {
    const portal = listen();
    portal.answers = answers(["220 mail.example ESMTP\r\n\r\n"], [200]);
    const gateway = client(urlOf(portal));

    const first = await gateway.event("disconnected", 0);
    const second = await gateway.event("disconnected", 1);

    assert.deepEqual(first.failure, {
      kind: "invalid-response",
      detail: "invalid-status-line",
    });
    assert.equal(second.failure.kind, "ended");
  },
);

portalTest(
  "TLS is used with the host as server name",
  async ({ listen, client }) => {
    const portal = listen({
      tls: { cert: SERVER_CERTIFICATE, key: SERVER_KEY },
    });

    const gateway = client(`wss://portal.test:${portal.port}`, {
      resolve: () => Promise.resolve([ip("127.0.0.1")]),
      caCerts: [ROOT_CERTIFICATE],
    });

    await gateway.event("joined");
  },
);

portalTest(
  "[portal 19] a certificate that is not trusted, or for another name, is retried",
  async ({ listen, client }) => {
    const portal = listen({
      tls: { cert: SERVER_CERTIFICATE, key: SERVER_KEY },
    });
    const resolve = () => Promise.resolve([ip("127.0.0.1")]);
    const untrusted = client(`wss://portal.test:${portal.port}`, { resolve });
    const misnamed = client(`wss://other.test:${portal.port}`, {
      resolve,
      caCerts: [ROOT_CERTIFICATE],
    });

    for (const gateway of [untrusted, misnamed]) {
      const { failure, retryInMs } = await gateway.event("disconnected");
      assert.equal(failure.kind, "tls-failed");
      assert.equal(retryInMs, 1_000);
    }
  },
);

portalTest(
  "[portal 12] a name that cannot be resolved is retried",
  async ({ listen, client }) => {
    const portal = listen();
    let isKnown = false;
    const gateway = client(`ws://portal.test:${portal.port}`, {
      resolve: () => Promise.resolve(isKnown ? [ip("127.0.0.1")] : []),
    });

    const { failure, retryInMs } = await gateway.event("disconnected");
    isKnown = true;
    await gateway.event("joined");

    assert.deepEqual(failure, {
      kind: "name-not-resolved",
      detail: "portal.test",
    });
    assert.equal(retryInMs, 1_000);
  },
);

portalTest(
  "a literal IPv6 address in brackets is dialed",
  async ({ listen, client }) => {
    let portal: FakePortal;
    try {
      portal = listen({ hostname: "::1" });
    } catch {
      return; // A machine without IPv6 cannot tell.
    }

    const gateway = client(`ws://[::1]:${portal.port}`);
    await gateway.event("joined");

    assert.match((await portal.connection(0)).head, /\r\nHost: \[::1\]\r\n/);
  },
);

Deno.test("the system resolver knows localhost and answers unknown names with nothing", async () => {
  const known = await resolveBySystem("localhost");
  const unknown = await resolveBySystem("no-such-host.invalid");

  assert.ok(known.length > 0);
  assert.deepEqual(unknown, []);
});

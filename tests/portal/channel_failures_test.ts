import assert from "node:assert/strict";
import type { ConnectionFailure } from "../../lib/portal/mod.ts";
import { describeFailure } from "../../lib/portal/mod.ts";
import { Harness, LOST, problem, rejected } from "./harness.ts";

const HOUR_MS = 3_600_000;
const NOT_FOUND_HOST: ConnectionFailure = {
  kind: "name-not-resolved",
  detail: "api.example",
};

function fatalReasonAfter(failure: ConnectionFailure): unknown {
  const portal = new Harness().open();
  portal.channel.handleFailure(failure);
  const last = portal.events().at(-1);
  return last?.kind === "fatal" ? last.reason : last?.kind;
}

Deno.test("[portal 16] 401 with code invalid_token or missing_token is fatal and blames the token", () => {
  for (const code of ["invalid_token", "missing_token"] as const) {
    const reason = fatalReasonAfter(problem(401, { code, detail: "Nope" }));

    assert.deepEqual(reason, { kind: "token-refused", code, detail: "Nope" });
  }
});

Deno.test("[portal 17] [portal regression 4] 401 without such a code is fatal but does not blame the token", () => {
  const cases: [ConnectionFailure, string | undefined][] = [
    [problem(401, { code: "other", detail: "Blocked" }), "Blocked"],
    [problem(401, { detail: "Blocked" }), "Blocked"],
    [problem(401, { code: 5, detail: "Blocked" }), undefined],
    [
      problem(401, { code: "invalid_token" }, "application/json"),
      undefined,
    ],
    [
      rejected(401, { contentType: "text/html", body: "<h1>Proxy</h1>" }),
      undefined,
    ],
    [
      rejected(401, {
        contentType: "application/problem+json",
        body: '{"code":"invalid_tok',
      }),
      undefined,
    ],
    [rejected(401), undefined],
  ];
  for (const [failure, detail] of cases) {
    assert.deepEqual(fatalReasonAfter(failure), {
      kind: "authentication-failed",
      detail,
    });
  }
});

Deno.test("[portal 18] [portal 15] [portal regression 3] every status but 401 is retried, redirects included", () => {
  const statuses = [
    ...[101, 200, 301, 302, 307, 308, 400, 402, 403, 404, 405, 407, 408, 409],
    ...[410, 413, 418, 421, 422, 426, 429, 451, 500, 501, 502, 503, 504, 599],
  ];
  for (const status of statuses) {
    assert.equal(new Harness().open().failWith(rejected(status)), 1_000);
  }
});

Deno.test("[portal 12] [portal 19] failures of DNS, TCP, TLS and time are retried", () => {
  const failures: ConnectionFailure[] = [
    NOT_FOUND_HOST,
    { kind: "unreachable", detail: "192.0.2.1:443 refused" },
    { kind: "tcp-timed-out", detail: "192.0.2.1:443 no answer" },
    { kind: "attempt-timed-out" },
    { kind: "tls-failed", detail: "invalid peer certificate" },
    { kind: "invalid-response", detail: "invalid-status-line" },
    { kind: "broken", detail: "Connection reset" },
    { kind: "protocol-violated", detail: "Invalid opcode" },
    { kind: "ended" },
    { kind: "closed", code: 1012 },
  ];
  for (const failure of failures) {
    assert.equal(new Harness().open().failWith(failure), 1_000);
    assert.notEqual(describeFailure(failure), "");
  }
});

Deno.test("[portal 20] the problem's media type is matched without case and with parameters", () => {
  for (
    const contentType of [
      "application/problem+json",
      "Application/Problem+JSON",
      "application/problem+json;charset=utf-8",
      "APPLICATION/PROBLEM+JSON ; charset=UTF-8",
    ]
  ) {
    const failure = problem(401, { code: "invalid_token" }, contentType);

    assert.equal(new Harness().open().failWith(failure), "token-refused");
  }
});

Deno.test("[portal 21] Retry-After in seconds is the delay on any retryable status", () => {
  for (const status of [302, 400, 403, 404, 409, 429, 500, 503]) {
    const failure = rejected(status, { retryAfter: "7" });

    assert.equal(new Harness().open().failWith(failure), 7_000);
  }
});

Deno.test("Retry-After does not rescue a 401", () => {
  const failure = rejected(401, { retryAfter: "7" });

  assert.equal(new Harness().open().failWith(failure), "authentication-failed");
});

Deno.test("[portal 22] Retry-After as a date is honoured, and a past date means at once", () => {
  const receivedAt = Date.UTC(2026, 7, 22, 12, 0, 0);
  const future = "Sat, 22 Aug 2026 12:00:30 GMT";
  const past = "Sat, 22 Aug 2026 11:59:00 GMT";

  const portal = new Harness().open();

  assert.equal(
    portal.failWith(rejected(503, { retryAfter: future, receivedAt })),
    30_000,
  );
  assert.equal(
    portal.failWith(rejected(503, { retryAfter: past, receivedAt })),
    0,
  );
});

Deno.test("[portal 23] an unusable Retry-After falls back to the backoff", () => {
  for (
    const retryAfter of [
      "-1",
      "12.5",
      "",
      "soon",
      "1e3",
      "+5",
      "99999999999999999999",
    ]
  ) {
    const failure = rejected(503, { retryAfter });

    assert.equal(new Harness().open().failWith(failure), 1_000, retryAfter);
  }
});

Deno.test("[portal 24] delays of Retry-After use up no budget", () => {
  const portal = new Harness().open();
  for (let i = 0; i < 100; i++) {
    portal.failWith(rejected(503, { retryAfter: "1" }));
  }

  const delays = Array.from({ length: 15 }, () => portal.failWith(LOST));

  assert.deepEqual(delays, new Array(15).fill(1_000));
  assert.equal(portal.failWith(LOST), "budget-exhausted");
});

Deno.test("a delay of zero starts the budget over", () => {
  const portal = new Harness().open();
  for (let i = 0; i < 14; i++) portal.failWith(LOST);

  portal.failWith(rejected(503, { retryAfter: "0" }));

  for (let i = 0; i < 15; i++) assert.equal(portal.failWith(LOST), 1_000);
  assert.equal(portal.failWith(LOST), "budget-exhausted");
});

Deno.test("[portal 25] before the first join there are 15 retries one second apart", () => {
  const portal = new Harness();
  portal.channel.connect();
  assert.deepEqual(portal.events(), [{ kind: "connect", delayMs: 0 }]);

  const outcomes = Array.from(
    { length: 16 },
    () => portal.failWith(NOT_FOUND_HOST),
  );

  assert.deepEqual(outcomes, [
    ...new Array(15).fill(1_000),
    "budget-exhausted",
  ]);
});

Deno.test("[portal 26] after a join delays start at 0.5 s, grow by half, are capped at 60 s and jittered up to double", () => {
  const portal = new Harness().join();
  const unjittered = [
    ...[500, 750, 1_125, 1_687.5, 2_531.25, 3_796.875, 5_695.3125],
    ...[8_542.96875, 12_814.453125, 19_221.6796875, 28_832.51953125],
    ...[43_248.779296875, 60_000, 60_000, 60_000],
  ];

  const delays = unjittered.map(() => portal.failWith(LOST) as number);

  delays.forEach((delay, i) => {
    const base = unjittered[i] ?? NaN;
    assert.ok(delay >= base && delay < 2 * base, `${i}: ${delay}`);
  });
  const factors = delays.map((delay, i) => delay / (unjittered[i] ?? NaN));
  assert.ok(new Set(factors).size > 10, "jitter differs");
});

Deno.test("[portal 27] [portal regression 40] the reconnect budget is 24 hours unless configured", () => {
  const spent = (options: { reconnectBudgetMs?: number }) => {
    const portal = new Harness(options).join();
    let sum = 0;
    for (;;) {
      const delay = portal.failWith(LOST);
      if (typeof delay === "string") return { sum, end: delay };
      sum += delay;
    }
  };

  const byDefault = spent({});
  const configured = spent({ reconnectBudgetMs: HOUR_MS });

  assert.equal(byDefault.end, "budget-exhausted");
  assert.ok(byDefault.sum <= 24 * HOUR_MS);
  assert.ok(byDefault.sum > 24 * HOUR_MS - 120_000);
  assert.ok(configured.sum <= HOUR_MS && configured.sum > HOUR_MS - 120_000);
});

Deno.test("[portal 28] [portal regression 1] a connection healthy for longer than the budget survives its first error", () => {
  const portal = new Harness({ reconnectBudgetMs: 60_000 }).join();
  for (let i = 0; i < 100; i++) {
    for (const frame of portal.advance(10_000)) {
      portal.reply(frame.ref, "phoenix");
    }
  }

  const delay = portal.failWith(LOST);

  assert.ok(typeof delay === "number" && delay < 1_000);
});

Deno.test("time spent connecting uses up no budget", () => {
  const portal = new Harness();
  portal.channel.connect();
  portal.events();
  for (let i = 0; i < 15; i++) {
    portal.advance(15_000);
    assert.equal(portal.failWith({ kind: "attempt-timed-out" }), 1_000);
  }
});

Deno.test("[portal 29] [portal regression 2] an open socket does not end a run of failures, a join does", () => {
  const portal = new Harness().open();
  for (let i = 0; i < 14; i++) {
    assert.equal(portal.failWith(LOST), 1_000);
    portal.channel.handleConnected(portal.now);
  }
  assert.equal(portal.failWith(LOST), 1_000);
  portal.channel.handleConnected(portal.now);

  portal.acknowledgeJoin();
  portal.events();

  const first = portal.failWith(LOST) as number;
  assert.ok(first >= 500 && first < 1_000);
  portal.channel.handleConnected(portal.now);
  const second = portal.failWith(LOST) as number;
  assert.ok(second >= 750 && second < 1_500, "a mere socket resets nothing");
  portal.channel.handleConnected(portal.now);
  portal.acknowledgeJoin();
  portal.events();
  const third = portal.failWith(LOST) as number;
  assert.ok(third >= 500 && third < 1_000, "a join does");
});

Deno.test("a connection of ours that is still registered is waited for in short steps", () => {
  const portal = new Harness().open();
  portal.channel.handleConnected(portal.now);
  portal.acknowledgeJoin();
  portal.events();

  const delays = Array.from(
    { length: 12 },
    () => portal.failWith(rejected(409)) as number,
  );
  const other = portal.failWith(LOST) as number;

  assert.ok(delays.every((ms) => ms >= 500 && ms <= 2_000), `${delays}`);
  assert.ok(other > 2_000);
});

Deno.test("[portal 30] exhausting the budget is fatal and names the last failure", () => {
  const portal = new Harness().open();
  for (let i = 0; i < 15; i++) portal.failWith(LOST);

  portal.channel.handleFailure(rejected(409));

  assert.deepEqual(portal.events(), [
    { kind: "release", how: "drop" },
    {
      kind: "fatal",
      reason: { kind: "budget-exhausted", lastFailure: rejected(409) },
    },
  ]);
});

Deno.test("a failure releases the socket, is told, and is followed by one request to connect", () => {
  const portal = new Harness().open();

  portal.channel.handleFailure(LOST);

  assert.deepEqual(portal.events(), [
    { kind: "release", how: "drop" },
    { kind: "disconnected", failure: LOST, retryInMs: 1_000 },
    { kind: "connect", delayMs: 1_000 },
  ]);
});

Deno.test("[portal regression 23] nothing happens after a fatal error", () => {
  const portal = new Harness().open();
  portal.failWith(rejected(401));

  portal.channel.connect();
  portal.channel.handleConnected(portal.now);
  portal.channel.handleFailure(LOST);
  portal.push("init", {});
  portal.advance(HOUR_MS);
  portal.channel.stop();

  assert.equal(portal.channel.send({ kind: "no-relays" }), "not-connected");
  assert.deepEqual(portal.events(), []);
  assert.deepEqual(portal.sent(), []);
  assert.equal(portal.channel.over, true);
});

Deno.test("[portal regression 24] connecting explicitly starts the budget over", () => {
  const portal = new Harness().open();
  for (let i = 0; i < 15; i++) portal.failWith(LOST);

  portal.channel.connect();

  assert.deepEqual(portal.events(), [
    { kind: "release", how: "close" },
    { kind: "connect", delayMs: 0 },
  ]);
  for (let i = 0; i < 15; i++) assert.equal(portal.failWith(LOST), 1_000);
});

Deno.test("failures are described without line breaks that could forge a log line", () => {
  const failure = problem(409, { detail: "first\nsecond\u001b[31m" });

  assert.equal(
    describeFailure(failure),
    "The portal refused the connection: HTTP 409 first second [31m",
  );
  assert.equal(
    describeFailure(rejected(503)),
    "The portal refused the connection: HTTP 503",
  );
});

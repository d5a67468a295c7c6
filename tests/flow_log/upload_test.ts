import assert from "node:assert/strict";
import { after, type Instant, instant } from "../../lib/base/mod.ts";
import {
  batchSize,
  BatchUpload,
  decodeUploadConfig,
  encodeUploadConfig,
  type UploadAnswer,
  UploadSchedule,
  uploadUrl,
} from "../../lib/flow_log/mod.ts";
import { SeededRandom } from "../support/random.ts";

const URL_443 = "https://flow-api.example/ingestion/flow_logs";

Deno.test("the upload's path replaces any path of the API URL", () => {
  for (
    const base of [
      "https://flow-api.example/",
      "https://flow-api.example:443/v1/x?q=1#f",
    ]
  ) {
    assert.equal(uploadUrl(base), URL_443);
  }
});

Deno.test("tokens go to HTTPS on port 443 only, and never beside credentials", () => {
  const refused = [
    "http://flow-api.example/",
    "https://flow-api.example:8443/",
    "https://user@flow-api.example/",
    "https://:secret@flow-api.example/",
    "wss://flow-api.example/",
    "flow-api.example",
    "",
  ];
  for (const base of refused) assert.equal(uploadUrl(base), undefined, base);
});

Deno.test("2xx delivers a batch", () => {
  const upload = new Delivery(3);

  assert.deepEqual(upload.send(200), [0, 3]);

  assert.equal(upload.outcome, "delivered");
  assert.deepEqual(upload.delivered, [[0, 3]]);
});

Deno.test("413 halves a batch until it fits, and a single record that does not stays", () => {
  const upload = new Delivery(4);

  const sent = [413, 413, 413, 200, 200].map((status) => upload.send(status));

  assert.deepEqual(sent, [[0, 4], [0, 2], [0, 1], [1, 2], [2, 4]]);
  assert.equal(upload.outcome, "refused");
  assert.deepEqual(upload.delivered, [[1, 2], [2, 4]]);
});

Deno.test("429 waits as long as it says, one second unless it does, and costs no budget", () => {
  const upload = new Delivery(1);
  for (
    const [retryAfter, waitMs] of [
      ["7", 7_000],
      [null, 1_000],
      ["soon", 1_000],
      ["0", 0],
      ["99999999999", 3_600_000],
    ] as const
  ) {
    const before = upload.now;
    upload.send(429, { retryAfter });
    assert.equal(upload.waitMs, waitMs, `${retryAfter}`);
    assert.equal(upload.now, after(before, waitMs));
  }

  upload.send(200);

  assert.equal(upload.outcome, "delivered");
});

Deno.test("408, 5xx and lost connections are retried with growing delays, for five minutes in all", () => {
  const upload = new Delivery(2);
  const delays: number[] = [];
  const answers = [408, 500, 503, "transport-error"] as const;

  for (let i = 0; upload.outcome === undefined; i++) {
    assert.deepEqual(upload.send(answers[i % 4]!), [0, 2]);
    if (upload.outcome === undefined) delays.push(upload.waitMs);
  }

  assert.equal(upload.outcome, "unreachable");
  assert.deepEqual(upload.delivered, []);
  const total = delays.reduce((sum, it) => sum + it, 0);
  assert.ok(total <= 300_000 && total > 150_000, `${total}`);
  assert.ok(delays[0]! >= 500 && delays[0]! < 1_000);
  assert.ok(delays.every((it) => it < 120_000));
});

Deno.test("redirects are followed five times, to HTTPS on port 443 only", () => {
  const upload = new Delivery(1);
  for (const status of [301, 302, 307, 308, 301]) {
    upload.send(status, { location: `/hop/${status}` });
  }
  assert.equal(upload.url, "https://flow-api.example/hop/301");
  upload.send(302, { location: "/once-more" });
  assert.equal(upload.outcome, "refused");

  for (
    const location of [
      "http://flow-api.example/",
      "https://flow-api.example:8443/",
      "https://u:p@flow-api.example/",
      "//flow-api.example:80/",
      "https://",
      null,
    ]
  ) {
    const refused = new Delivery(1);
    refused.send(307, { location });
    assert.equal(refused.outcome, "refused", `${location}`);
  }
});

Deno.test("after a redirected part the next one starts at the portal's URL again", () => {
  const upload = new Delivery(2);
  upload.send(413);
  upload.send(307, { location: "https://other.example/in" });
  assert.equal(upload.url, "https://other.example/in");

  upload.send(200);

  assert.equal(upload.url, URL_443);
});

Deno.test("any other answer keeps the records for a later pass", () => {
  for (const status of [100, 300, 303, 304, 400, 401, 403, 404, 422]) {
    const upload = new Delivery(2);

    upload.send(status, { location: "https://other.example/" });

    assert.equal(upload.outcome, "refused", `${status}`);
    assert.deepEqual(upload.delivered, []);
  }
});

Deno.test("[portal 84] without an interval nothing is uploaded, and the spool is looked at each 30 s", () => {
  const schedule = new UploadSchedule(instant(0));
  assert.equal(schedule.dueAt, 0);

  schedule.finishPass(true, instant(5));

  assert.equal(schedule.url, undefined);
  assert.equal(schedule.dueAt, 30_005);
});

Deno.test("[portal 84] with an interval a pass follows each interval, and after 1 s while more waits", () => {
  const schedule = new UploadSchedule(instant(0));
  schedule.finishPass(false, instant(0));
  schedule.configure(config(10), instant(1_000));
  assert.equal(schedule.dueAt, 11_000);
  assert.equal(schedule.url, URL_443);

  schedule.finishPass(true, instant(11_000));
  assert.equal(schedule.dueAt, 12_000);
  schedule.finishPass(false, instant(12_000));
  assert.equal(schedule.dueAt, 22_000);

  schedule.configure(config(0), instant(12_000));
  assert.equal(schedule.url, undefined);
});

Deno.test("a URL that no token may go to leaves uploads off", () => {
  const schedule = new UploadSchedule(instant(0));

  schedule.configure(
    { ...config(10), apiUrl: "http://flow-api.example" },
    instant(0),
  );

  assert.equal(schedule.url, undefined);
});

Deno.test("a batch holds 1000 records unless the portal says otherwise, and never more than 10 000", () => {
  const sizes = [[0, 1_000], [1, 1], [9_999, 9_999], [1e9, 10_000]] as const;
  for (const [uploadBatchSize, expected] of sizes) {
    assert.equal(batchSize({ ...config(1), uploadBatchSize }), expected);
  }
});

Deno.test("the settings survive on disk, and what is no settings is refused", () => {
  const text = encodeUploadConfig(config(60));

  assert.equal(
    text,
    '{"api_url":"https://flow-api.example/","interval":60,"batch_size":0}',
  );
  assert.deepEqual(decodeUploadConfig(text), config(60));
  for (const broken of ["", "null", "[]", text.replace("60", "-1"), "{}"]) {
    assert.equal(decodeUploadConfig(broken), undefined, broken);
  }
});

function config(uploadIntervalSecs: number) {
  return {
    apiUrl: "https://flow-api.example/",
    uploadIntervalSecs,
    uploadBatchSize: 0,
  };
}

/** One batch, and the answers that a test gives to its requests. */
class Delivery {
  now: Instant = instant(1_000);
  /** How long the last answer made it wait. */
  waitMs = 0;
  readonly #upload: BatchUpload;

  constructor(count: number) {
    const random = new SeededRandom(1);
    this.#upload = new BatchUpload(URL_443, count, random, this.now);
  }

  get outcome(): string | undefined {
    const step = this.#upload.poll(this.now);
    return step.kind === "done" ? step.outcome : undefined;
  }

  get url(): string {
    const step = this.#upload.poll(this.now);
    return step.kind === "send" ? step.url : step.kind;
  }

  get delivered(): number[][] {
    return this.#upload.delivered.map(({ from, to }) => [from, to]);
  }

  /** Answers the next request, and lets the time pass that the answer demands. Returns which records it was about. */
  send(
    status: number | "transport-error",
    headers: Partial<Extract<UploadAnswer, { kind: "response" }>> = {},
  ): number[] {
    const step = this.#upload.poll(this.now);
    assert.ok(step.kind === "send", step.kind);
    const answer: UploadAnswer = status === "transport-error"
      ? { kind: status }
      : {
        kind: "response",
        status,
        location: null,
        retryAfter: null,
        ...headers,
      };
    this.#upload.handleAnswer(answer, this.now);
    const next = this.#upload.poll(this.now);
    this.waitMs = next.kind === "wait" ? next.until - this.now : 0;
    this.now = after(this.now, this.waitMs);
    return [step.from, step.to];
  }
}

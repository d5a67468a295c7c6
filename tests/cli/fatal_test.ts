import assert from "node:assert/strict";
import { unixMs } from "../../lib/base/mod.ts";
import { explainDataPlane, explainPortal } from "../../lib/cli/fatal.ts";
import {
  MissingCapabilityError,
  TunBusyError,
  TunForbiddenError,
  TunGoneError,
  TunMissingError,
  TunNameTakenError,
  WorkerBrokenError,
} from "../../lib/io/mod.ts";
import type { ConnectionFailure } from "../../lib/portal/mod.ts";

const EBUSY = 16;
const ENOENT = 2;
const EPERM = 1;
const EACCES = 13;
const EINVAL = 22;
const EBADFD = 77;
const URL = "wss://portal.example";

Deno.test("[ops 1.3] every fatal answer of the portal becomes a sentence that says what to do", () => {
  const token = explainPortal(
    { kind: "token-refused", code: "invalid_token", detail: undefined },
    URL,
  );
  const proxy = explainPortal({
    kind: "authentication-failed",
    detail: undefined,
  }, URL);
  const expired = explainPortal({ kind: "token-expired" }, URL);
  const join = explainPortal({ kind: "join-refused", reason: "disabled" }, URL);
  const away = explainPortal({
    kind: "budget-exhausted",
    lastFailure: { kind: "attempt-timed-out" },
  }, URL);

  assert.match(token, /^Authentication token invalid.*FIREZONE_TOKEN/);
  assert.match(
    proxy,
    /^Failed to authenticate with portal: no reason was provided/,
  );
  assert.doesNotMatch(proxy, /token invalid/i);
  assert.match(expired, /FIREZONE_ID is unique/);
  assert.match(join, /disabled/);
  assert.match(
    away,
    /^Cannot reach the portal at wss:\/\/portal\.example: .*in time.*FIREZONE_API_URL/,
  );
});

Deno.test("[ops 1.3] a portal that is not reached is explained by how the last attempt failed", () => {
  const explain = (lastFailure: ConnectionFailure) =>
    explainPortal({ kind: "budget-exhausted", lastFailure }, URL);
  const rejected = (status: number) =>
    explain({
      kind: "rejected",
      response: {
        ...{ status, body: "", receivedAt: unixMs(0) },
        ...{ retryAfter: undefined, contentType: undefined },
      },
    });
  const detail = "why";

  assert.match(
    explain({ kind: "name-not-resolved", detail }),
    /why; .*resolv\.conf$/,
  );
  assert.match(explain({ kind: "unreachable", detail }), /why; .*firewalls/);
  assert.match(explain({ kind: "tls-failed", detail }), /clock.*certificates/);
  assert.match(rejected(409), /HTTP 409; stop the other gateway.*FIREZONE_ID/);
  assert.match(rejected(403), /HTTP 403; check FIREZONE_API_URL and any proxy/);
  assert.match(explain({ kind: "join-timed-out" }), /join; .*try again later$/);
});

Deno.test("[ops 1.3] what keeps the data plane from running becomes a sentence that says what to do", () => {
  assert.match(
    explainDataPlane(new TunBusyError("attach", EBUSY)),
    /another gateway or client.*stop it first.*--tun-name/,
  );
  assert.match(
    explainDataPlane(new TunMissingError("open", ENOENT)),
    /modprobe tun/,
  );
  assert.match(
    explainDataPlane(new TunForbiddenError("open", EACCES)),
    /chmod 0666 \/dev\/net\/tun/,
  );
  assert.match(
    explainDataPlane(new TunNameTakenError("create", EINVAL)),
    /another kind.*--tun-name/,
  );
  assert.match(
    explainDataPlane(new TunGoneError("read", EBADFD)),
    /deleted while in use; start again/,
  );
  assert.match(
    explainDataPlane(new WorkerBrokenError("index 3", undefined)),
    /^Data worker broke: index 3; please report it/,
  );
  assert.match(
    explainDataPlane(new MissingCapabilityError("mark", EPERM)),
    /setcap/,
  );
  assert.equal(explainDataPlane(new Error("Worker broke")), "Worker broke");
});

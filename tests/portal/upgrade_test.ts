import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8 } from "../../lib/base/mod.ts";
import {
  GATEWAY_PROFILE,
  loginUrl,
  normalizeToken,
  upgradeRequest,
  UpgradeResponse,
} from "../../lib/portal/mod.ts";

const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\n" +
  "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" +
  `Sec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`;

function requestWith(token: string): string {
  const url = loginUrl("wss://api.example:8443/base", GATEWAY_PROFILE, [
    ["name", "gw"],
  ]);
  assert.ok(url.ok);
  return upgradeRequest(
    url.value,
    { token, userAgent: "Debian/12.0.0 gateway/1.6.0" },
    "dGhlIHNhbXBsZSBub25jZQ==",
  );
}

function read(...pieces: string[]): UpgradeResponse {
  const response = new UpgradeResponse();
  for (const piece of pieces) {
    response.push(Uint8Array.from(piece, (char) => char.charCodeAt(0)));
  }
  return response;
}

Deno.test("[portal 8] [portal 10] the upgrade request has exactly the headers that it needs", () => {
  assert.equal(
    requestWith("secret-token"),
    "GET /base/gateway/v2/websocket?name=gw HTTP/1.1\r\n" +
      "Host: api.example\r\n" +
      "Connection: Upgrade\r\n" +
      "Upgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      "User-Agent: Debian/12.0.0 gateway/1.6.0\r\n" +
      "X-Authorization: Bearer secret-token\r\n\r\n",
  );
});

Deno.test("[portal 8] [portal regression 25] all white space is removed from the token", () => {
  const lines = requestWith(" .SFMy\nNTY.\r\n\tg2gD \u00a0\u0085\u2028bQ\n")
    .split("\r\n");

  assert.equal(lines.at(-3), "X-Authorization: Bearer .SFMyNTY.g2gDbQ");
});

Deno.test("a token that cannot stand in a header is refused", () => {
  assert.equal(normalizeToken("  a b\n"), "ab");
  for (const token of ["", " \n", "t\u00f6ken", "a\u0000b", "\u{1f600}"]) {
    assert.equal(normalizeToken(token), undefined);
  }
});

Deno.test("a 101 with the right hash is accepted, and bytes behind it are kept", () => {
  const response = read(`${SWITCHING}\x81\x02{}`);

  assert.equal(response.progress.kind, "complete");
  assert.equal(response.accepts(ACCEPT), true);
  assert.deepEqual(response.rest, Uint8Array.of(0x81, 0x02, 0x7b, 0x7d));
});

Deno.test("a 101 that agrees to something else is not accepted", () => {
  const replacements: [string, string][] = [
    ["WebSocket", "h2c"],
    ["keep-alive, Upgrade", "keep-alive"],
    [ACCEPT, ACCEPT.toLowerCase()],
    ["\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"],
    ["\r\n\r\n", "\r\nSec-WebSocket-Protocol: phoenix\r\n\r\n"],
    ["101", "200"],
  ];
  for (const [from, to] of replacements) {
    assert.equal(read(SWITCHING.replace(from, to)).accepts(ACCEPT), false, to);
  }
});

Deno.test("a refusal is read with headers and a body of known length", () => {
  const response = read(
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After:  1 \r\n" +
      "CONTENT-TYPE: application/problem+json\r\nContent-Length: 5\r\n\r\nab",
    "cdeXXX",
  );

  assert.equal(response.progress.kind, "complete");
  assert.equal(response.status, 503);
  assert.equal(response.header("retry-after"), "1");
  assert.equal(response.header("content-type"), "application/problem+json");
  assert.equal(response.body, "abcde");
});

Deno.test("a body in chunks is put together", () => {
  const response = read(
    "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n",
    "3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n",
  );
  assert.equal(response.progress.kind, "reading-body");

  response.push(utf8("\r\n"));

  assert.equal(response.progress.kind, "complete");
  assert.equal(response.body, "abc0123456789");
});

Deno.test("a body without length goes on until the end of the stream", () => {
  const response = read("HTTP/1.0 403 Forbidden\r\n\r\nForb", "idden");

  assert.equal(response.progress.kind, "reading-body");
  assert.equal(response.body, "Forbidden");
});

Deno.test("responses without body are complete at once", () => {
  assert.equal(read("HTTP/1.1 204 \r\n\r\n").progress.kind, "complete");
  assert.equal(
    read("HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n").progress.kind,
    "complete",
  );
});

Deno.test("interim responses are skipped", () => {
  const response = read(
    "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" +
      SWITCHING,
  );

  assert.equal(response.accepts(ACCEPT), true);
  assert.equal(response.header("link"), undefined);
});

Deno.test("bytes that are no response are refused, each for its reason", () => {
  const cases = [
    ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "invalid-status-line"],
    ["HTTP/2 200\r\n\r\n", "invalid-status-line"],
    ["HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "invalid-header"],
    ["HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", "invalid-header"],
    ["x".repeat(40_000), "head-too-long"],
    [
      "HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "invalid-chunk",
    ],
    [
      "HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
      "invalid-chunk",
    ],
    [
      `HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n${"1".repeat(2000)}`,
      "invalid-chunk",
    ],
  ] as const;
  for (const [text, problem] of cases) {
    assert.deepEqual(read(text).progress, { kind: "invalid", problem });
  }
});

Deno.test("a body is kept up to 64 KiB", () => {
  for (
    const head of [
      "HTTP/1.1 500 x\r\n\r\n",
      "HTTP/1.1 500 x\r\nContent-Length: 99999999\r\n\r\n",
      "HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
    ]
  ) {
    const response = read(head, "x".repeat(50_000), "x".repeat(50_000));

    assert.equal(response.progress.kind, "complete");
    assert.equal(response.body.length, 65_536);
  }
});

Deno.test("it does not matter how a response is cut into pieces", () => {
  const texts = [
    `${SWITCHING}\x81\x02{}`,
    "HTTP/1.1 401 x\r\nContent-Length: 5\r\n\r\nabcde",
    "HTTP/1.1 401 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.array(fc.integer({ min: 1, max: 40 })),
      (text, lengths) => {
        const whole = read(text);
        const pieces: string[] = [];
        let at = 0;
        for (const length of [...lengths, text.length]) {
          pieces.push(text.slice(at, at + length));
          at += length;
        }

        const split = read(...pieces);

        assert.deepEqual(split.progress, whole.progress);
        assert.equal(split.status, whole.status);
        assert.equal(split.body, whole.body);
        if (whole.status !== 101) return;
        const later = Uint8Array.from(
          text.slice(text.length - 4),
          (char) => char.charCodeAt(0),
        );
        assert.deepEqual(whole.rest, later);
      },
    ),
  );
});

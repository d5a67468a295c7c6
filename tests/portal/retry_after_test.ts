import assert from "node:assert/strict";
import fc from "fast-check";
import { unixMs } from "../../lib/base/mod.ts";
import { retryAfterMs } from "../../lib/portal/mod.ts";

const NOW = unixMs(Date.UTC(1994, 10, 6, 8, 49, 0));

Deno.test("the three date forms of HTTP are read", () => {
  for (
    const date of [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
    ]
  ) {
    assert.equal(retryAfterMs(date, NOW), 37_000, date);
  }
});

Deno.test("a two-digit year far ahead lies in the past", () => {
  const now = unixMs(Date.UTC(2026, 0, 1));

  assert.equal(retryAfterMs("Sunday, 06-Nov-94 08:49:37 GMT", now), 0);
  assert.ok((retryAfterMs("Friday, 01-Jan-27 00:00:00 GMT", now) ?? 0) > 0);
});

Deno.test("integer seconds have no upper bound but that of 64 bits", () => {
  assert.equal(retryAfterMs("0", NOW), 0);
  assert.equal(retryAfterMs(" 120 ", NOW), 120_000);
  assert.equal(retryAfterMs("31536000", NOW), 31_536_000_000);
  assert.equal(retryAfterMs("18446744073709551616", NOW), undefined);
});

Deno.test("text that is neither is refused", () => {
  for (
    const text of [
      "",
      "-1",
      "12.5",
      "soon",
      "1994-11-06",
      "Sun, 06 Nov 1994 08:49:37 CET",
      "Sun, 31 Feb 1994 08:49:37 GMT",
      "Sun, 06 Foo 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 25:00:00 GMT",
    ]
  ) {
    assert.equal(retryAfterMs(text, NOW), undefined, text);
  }
});

Deno.test("a delay is never negative and reading never throws", () => {
  fc.assert(fc.property(fc.string(), fc.date(), (text, date) => {
    for (const value of [text, String(date), safeUtc(date)]) {
      const delay = retryAfterMs(value, NOW);
      assert.ok(delay === undefined || delay >= 0);
    }
  }));
});

Deno.test("dates agree with the platform's own", () => {
  const dates = fc.date({
    min: new Date(Date.UTC(1994, 10, 7)),
    max: new Date(Date.UTC(9999, 0)),
    noInvalidDate: true,
  });
  fc.assert(fc.property(dates, (date) => {
    const seconds = Math.floor(date.getTime() / 1000) * 1000;

    assert.equal(retryAfterMs(date.toUTCString(), NOW), seconds - NOW);
  }));
});

function safeUtc(date: Date): string {
  return Number.isNaN(date.getTime()) ? "" : date.toUTCString();
}

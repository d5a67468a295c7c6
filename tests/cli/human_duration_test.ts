import assert from "node:assert/strict";
import { parseHumanDuration } from "../../lib/cli/human_duration.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Every spelling, and what one of it is in ms. */
const UNITS: readonly (readonly [spellings: string, ms: number])[] = [
  ["ms msec", 1],
  ["s sec secs second seconds", SECOND],
  ["m min mins minute minutes", MINUTE],
  ["h hr hrs hour hours", HOUR],
  ["d day days", DAY],
  ["w wk wks week weeks", 7 * DAY],
  ["M month months", 30.44 * DAY],
  ["y yr yrs year years", 365.25 * DAY],
];

for (const [spellings, ms] of UNITS) {
  for (const unit of spellings.split(" ")) {
    Deno.test(`[ops 1.1] a duration may be given in ${unit}`, () => {
      assert.equal(parseHumanDuration(`3${unit}`), 3 * ms);
    });
  }
}

Deno.test("[ops 1.1] durations are compound, with blanks or without", () => {
  assert.equal(parseHumanDuration("1h 30m"), 90 * MINUTE);
  assert.equal(parseHumanDuration("1h30m5s"), 90 * MINUTE + 5 * SECOND);
  assert.equal(parseHumanDuration(" 2 days  3 hours "), 2 * DAY + 3 * HOUR);
  assert.equal(parseHumanDuration("1500us 500000nsec"), 2);
  assert.equal(parseHumanDuration("0"), 0);
  assert.equal(parseHumanDuration("0s"), 0);
});

Deno.test("what is no duration is refused", () => {
  for (
    const junk of [
      "",
      "90",
      "h",
      "1x",
      "-1h",
      "1.5h",
      "1H",
      "1h,2m",
      "9999999999999y",
    ]
  ) {
    assert.equal(parseHumanDuration(junk), undefined, junk);
  }
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { DomainPattern } from "../../lib/policy/mod.ts";

const MATCHES: readonly (readonly [string, readonly string[]])[] = [
  ["example.com", ["example.com"]],
  ["*.example.com", ["example.com", "a.example.com"]],
  ["**.example.com", ["example.com", "a.example.com", "a.b.example.com"]],
  ["?.example.com", ["a.example.com"]],
];
const NAMES = ["example.com", "a.example.com", "a.b.example.com"];

for (const [pattern, matching] of MATCHES) {
  Deno.test(`[dp 91] ${pattern} matches what the table of data-plane spec §8.2 says`, () => {
    assert.deepEqual(
      NAMES.filter((name) => matches(pattern, name)),
      matching,
    );
  });
}

Deno.test("[dp 91] case is of no account, on either side", () => {
  for (
    const [pattern, name] of [
      ["example.com", "EXAMPLE.Com"],
      ["EXAMPLE.com", "example.COM"],
      ["*.Example.com", "eXAMPLE.com"],
      ["*.Example.com", "A.eXAMPLE.com"],
      ["[A-C].example.com", "b.example.com"],
      ["[a-c].example.com", "B.example.com"],
    ] as const
  ) {
    assert.ok(matches(pattern, name), `${pattern} ${name}`);
  }
  assert.ok(!matches("[!A-C].example.com", "b.example.com"));
});

Deno.test("[dp 91] wildcards stay within a label", () => {
  expectMatches("a*.example.com", {
    yes: ["a.example.com", "ab.example.com", "abc.example.com"],
    no: ["example.com", "b.example.com", "a.b.example.com"],
  });
  expectMatches("*a*b.example.com", {
    yes: ["ab.example.com", "xaybab.example.com"],
    no: ["ba.example.com", "a.b.example.com"],
  });
  expectMatches("a?c.*.com", {
    yes: ["abc.x.com"],
    no: ["ac.x.com", "a.c.x.com", "abbc.x.com", "abc.x.y.com"],
  });
  expectMatches("*", { yes: ["localhost"], no: ["a.b"] });
});

Deno.test("[dp 91] ** stands for any number of labels, wherever it is", () => {
  expectMatches("**", { yes: ["com", "a.b.c"], no: [] });
  expectMatches("a.**.z", {
    yes: ["a.z", "a.b.z", "a.z.z"],
    no: ["a", "ab.z"],
  });
  expectMatches("a.**", { yes: ["a", "a.b", "a.b.c"], no: ["b.a"] });
  expectMatches("**.b.**.d", {
    yes: ["b.d", "a.b.b.c.d"],
    no: ["d", "b.c", "a.d"],
  });
});

Deno.test("[dp 91] what follows a leading *. matches as it is written", () => {
  expectMatches("*.a.example.com", {
    yes: ["a.example.com", "b.a.example.com"],
    no: ["example.com"],
  });
  expectMatches("*.*.example.com", {
    yes: ["*.example.com", "a.b.example.com"],
    no: ["a.example.com", "example.com"],
  });
  expectMatches("a*.example.com", { yes: [], no: ["example.com"] });
});

Deno.test("[dp 91] classes name one character of a label", () => {
  expectMatches("[abc]1.com", {
    yes: ["a1.com", "c1.com"],
    no: ["d1.com", "1.com"],
  });
  expectMatches("[a-cx-z]1.com", { yes: ["b1.com", "y1.com"], no: ["d1.com"] });
  expectMatches("[!a-c]1.com", {
    yes: ["d1.com", "-1.com"],
    no: ["b1.com", "1.com"],
  });
  expectMatches("[]a].com", { yes: ["].com", "a.com"], no: ["b.com"] });
  expectMatches("[!]a].com", { yes: ["b.com"], no: ["].com", "a.com"] });
  expectMatches("[a-].com", { yes: ["a.com", "-.com"], no: ["b.com"] });
  expectMatches("[-a].com", { yes: ["a.com", "-.com"], no: ["b.com"] });
  expectMatches("[c-a].com", { yes: [], no: ["a.com", "b.com", "c.com"] });
  expectMatches("[*?].com", { yes: ["*.com", "?.com"], no: ["a.com"] });
});

Deno.test("[dp 91] no class matches the dot between labels", () => {
  expectMatches("a[.]b", { yes: [], no: ["a.b", "ab"] });
  expectMatches("a[!x]b", { yes: ["a-b"], no: ["a.b"] });
});

Deno.test("[dp 91] an invalid pattern matches nothing, not even itself", () => {
  for (
    const text of [
      "**foo.com",
      "foo**.com",
      "a.***.com",
      "***",
      "[abc.com",
      "[].com",
      "[!].com",
      "[",
      "*.[",
      "a".repeat(1_025),
    ]
  ) {
    const pattern = DomainPattern.parse(text);

    assert.equal(pattern.isValid, false, text);
    for (const name of [text, text.slice(2), "foo.com", "a.com"]) {
      assert.equal(pattern.matches(name), false, `${text} ${name}`);
    }
  }
});

Deno.test("an escaped dot is part of its label, so a name cannot pass for another one's child", () => {
  assert.ok(!matches("*.example.com", "a\\.example.com"));
  assert.ok(!matches("**.example.com", "a\\.example.com"));
  assert.ok(matches("*.example.com", "a\\.b.example.com"));
  assert.ok(matches("*.example.com", "a\\\\.example.com"));
});

Deno.test("what has an empty label is no name", () => {
  for (const name of ["", ".", "a.", ".example.com", "a..example.com"]) {
    for (const pattern of ["**", "*", "*.*", "*.example.com", "*.**", name]) {
      assert.equal(matches(pattern, name), false, `${pattern} ${name}`);
    }
  }
});

Deno.test("a name longer than any real one matches nothing", () => {
  const name = (length: number) => "a.".repeat(length / 2 - 1) + "aa";

  assert.equal(name(1_024).length, 1_024);
  assert.ok(matches("**", name(1_024)));
  assert.ok(!matches("**", name(1_026)));
});

Deno.test("DomainPattern agrees with a regular expression", () => {
  fc.assert(
    fc.property(
      fc.array(patternLabels(), { minLength: 1, maxLength: 4 }),
      fc.array(fc.stringMatching(/^[abc]{1,4}$/), {
        minLength: 1,
        maxLength: 5,
      }),
      (pattern, name) => {
        const text = pattern.join(".");

        assert.equal(
          matches(text, name.join(".")),
          asRegExp(pattern).test(`${name.join(".")}.`) ||
            text === `*.${name.join(".")}`,
        );
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("DomainPattern never throws", () => {
  const text = fc.string({ unit: "binary", maxLength: 60 });
  const hostile = fc.array(fc.constantFrom(..."*?[]!-.\\aA\u{e9}"), {
    maxLength: 20,
  }).map((characters) => characters.join(""));

  fc.assert(
    fc.property(fc.oneof(text, hostile), fc.oneof(text, hostile), (a, b) => {
      assert.equal(typeof matches(a, b), "boolean");
    }),
    { numRuns: 500 },
  );
});

Deno.test("a pattern of wildcards and a long name take a bounded number of steps", () => {
  const label = "a".repeat(63);
  const names = [
    `${"a".repeat(1_023)}b`,
    `${label}.${label}.${label}.${label}`,
    "a.".repeat(500) + "c",
  ];
  const patterns = [
    `${"*a".repeat(500)}c`,
    `${"**.a.".repeat(200)}b`,
    `${"**.*a*a*a*c.".repeat(80)}b`,
  ];

  for (const pattern of patterns) {
    for (const name of names) assert.equal(matches(pattern, name), false);
  }
});

function matches(pattern: string, name: string): boolean {
  return DomainPattern.parse(pattern).matches(name);
}

function expectMatches(
  pattern: string,
  { yes, no }: {
    readonly yes: readonly string[];
    readonly no: readonly string[];
  },
): void {
  for (const name of yes) {
    assert.ok(matches(pattern, name), `${pattern} ${name}`);
  }
  for (const name of no) {
    assert.ok(!matches(pattern, name), `${pattern} ${name}`);
  }
}

function patternLabels(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constant("**"),
    fc.array(fc.constantFrom("a", "b", "?", "*a", "b*c", "[ab]", "[!a]"), {
      minLength: 1,
      maxLength: 3,
    }).map((parts) => parts.join("")),
    fc.constant("*"),
  );
}

/** Each label ends with a dot here, the last one as well. */
function asRegExp(labels: readonly string[]): RegExp {
  const sources = labels.map((label) =>
    label === "**"
      ? "(?:[^.]+\\.)*"
      : label.replaceAll("*", "[^.]*").replaceAll("?", "[^.]")
        .replaceAll("[!a]", "[^a.]") + "\\."
  );
  return new RegExp(`^${sources.join("")}$`);
}

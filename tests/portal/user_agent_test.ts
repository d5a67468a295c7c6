import assert from "node:assert/strict";
import fc from "fast-check";
import { userAgent } from "../../lib/portal/mod.ts";

const PARTS = {
  osName: "Debian",
  osVersion: "12.0.0",
  component: "gateway",
  version: "1.6.0",
  arch: "x86_64",
  kernel: "6.1.0-18-amd64",
};

Deno.test("[portal 9] the user agent has the form that the portal reads the version from", () => {
  assert.equal(
    userAgent(PARTS),
    "Debian/12.0.0 gateway/1.6.0 (x86_64; 6.1.0-18-amd64)",
  );
});

Deno.test("unknown parts are left out", () => {
  const { osName, component, version } = PARTS;

  assert.equal(
    userAgent({ osName, component, version }),
    "Debian/Unknown gateway/1.6.0",
  );
  assert.equal(
    userAgent({ ...PARTS, kernel: undefined }),
    "Debian/12.0.0 gateway/1.6.0 (x86_64)",
  );
  assert.equal(
    userAgent({ ...PARTS, arch: undefined }),
    "Debian/12.0.0 gateway/1.6.0 (6.1.0-18-amd64)",
  );
});

Deno.test("[portal 9] [portal regression 26] whatever the machine is called, the user agent is printable ASCII with the version as a word", () => {
  const text = fc.string({ unit: "binary", maxLength: 300 });
  fc.assert(
    fc.property(text, text, text, text, (osName, osVersion, arch, kernel) => {
      const agent = userAgent({ ...PARTS, osName, osVersion, arch, kernel });

      assert.match(agent, /^[\x20-\x7e]{1,255}$/);
      assert.ok(agent.split(" ").includes("gateway/1.6.0"));
    }),
  );
});

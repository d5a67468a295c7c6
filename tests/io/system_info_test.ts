import assert from "node:assert/strict";
import fc from "fast-check";
import { parseOsRelease } from "../../lib/io/system_info.ts";

Deno.test("distributions get the name and version that people expect", () => {
  const debian = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n' +
    'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n';
  const ubuntu = 'NAME="Ubuntu"\nVERSION_ID="22.04"\nID=ubuntu\nID_LIKE=debian';
  const alpine = "NAME='Alpine Linux'\nID=alpine\nVERSION_ID=3.19.1\n";
  const other = 'NAME="Distro A/B"\nID=ab\nVERSION_ID="rolling"\n';

  assert.deepEqual(parseOsRelease(debian), {
    osName: "Debian",
    osVersion: "12.0.0",
  });
  assert.deepEqual(parseOsRelease(ubuntu), {
    osName: "Ubuntu",
    osVersion: "22.4.0",
  });
  assert.deepEqual(parseOsRelease(alpine), {
    osName: "Alpine Linux",
    osVersion: "3.19.1",
  });
  assert.deepEqual(parseOsRelease(other), {
    osName: "Distro A B",
    osVersion: "rolling",
  });
});

Deno.test("a missing or odd os-release gives a name all the same", () => {
  assert.deepEqual(parseOsRelease(""), {
    osName: "Linux",
    osVersion: undefined,
  });
  fc.assert(fc.property(fc.string(), (text) => {
    assert.equal(typeof parseOsRelease(text).osName, "string");
  }));
});

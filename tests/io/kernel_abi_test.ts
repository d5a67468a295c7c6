import assert from "node:assert/strict";
import { EVENT_BYTES } from "../../lib/io/epoll.ts";
import { errnoName } from "../../lib/io/errno.ts";
import {
  allKernelConstants,
  type KernelAbi,
} from "../../scripts/kernel_abi.ts";
import abi from "../vectors/kernel_abi.json" with { type: "json" };

const ARCHITECTURES = ["x86_64", "aarch64"] as const;
const VALUES: KernelAbi = abi;
const CONSTANTS = allKernelConstants("lib/io");

/** Constants that stand for one architecture only. */
const ON_ONE_ONLY: Readonly<Record<string, string>> = {
  X86_64_EVENT_BYTES: "x86_64",
  ARM64_EVENT_BYTES: "aarch64",
};

for (const architecture of ARCHITECTURES) {
  Deno.test(`struct layouts and numbers of the kernel are as its headers for ${architecture} have them`, () => {
    for (const { file, name, value, expression } of CONSTANTS) {
      if ((ON_ONE_ONLY[name] ?? architecture) !== architecture) continue;
      const expected = VALUES[architecture][expression];
      assert.equal(value, expected, `${name} in ${file}: ${expression}`);
    }
  });

  Deno.test(`error numbers have the names that they have on ${architecture}`, () => {
    const errors = Object.entries(VALUES[architecture]).filter(([name]) =>
      /^E[A-Z]+$/.test(name) && !name.startsWith("EPOLL")
    );
    assert.ok(errors.length > 15);
    for (const [name, number] of errors) assert.equal(errnoName(number), name);
  });
}

Deno.test("the layout of epoll events is the one of this machine", () => {
  const [x86, arm] = ARCHITECTURES.map((architecture) =>
    VALUES[architecture]["sizeof(struct epoll_event)"]
  );
  assert.deepEqual([x86, arm], [12, 16]);
  assert.equal(EVENT_BYTES, Deno.build.arch === "x86_64" ? x86 : arm);
});

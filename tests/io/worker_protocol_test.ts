import assert from "node:assert/strict";
import {
  KernelRefusedError,
  MissingCapabilityError,
  TunBusyError,
  TunForbiddenError,
  TunGoneError,
  TunMissingError,
  WorkerBrokenError,
} from "../../lib/io/errors.ts";
import { errorOf, failureOf } from "../../lib/io/worker_protocol.ts";

const REFUSALS = [
  KernelRefusedError,
  MissingCapabilityError,
  TunBusyError,
  TunForbiddenError,
  TunGoneError,
  TunMissingError,
] as const;

for (const Refusal of REFUSALS) {
  Deno.test(`${Refusal.name} crosses from the worker as itself`, () => {
    const thrown = new Refusal("open /dev/net/tun", 16);

    const restored = errorOf(structuredClone(failureOf(thrown)));

    assert.ok(restored instanceof Refusal);
    assert.equal(restored.constructor, Refusal);
    assert.equal(restored.message, "Cannot open /dev/net/tun: EBUSY");
    assert.equal(restored.errno, 16);
  });
}

Deno.test("a fault of our own crosses with its message and stack", () => {
  const thrown = new TypeError("x is not a function");

  const restored = errorOf(structuredClone(failureOf(thrown)));

  assert.ok(restored instanceof WorkerBrokenError);
  assert.equal(restored.message, "Data worker broke: x is not a function");
  assert.equal(restored.stack, thrown.stack);
});

Deno.test("whatever is thrown crosses, even if it is no error", () => {
  assert.match(errorOf(failureOf("why")).message, /why/);
});

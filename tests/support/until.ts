import assert from "node:assert/strict";

/** Waits until a condition holds, at most 10 s. */
export async function until(
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!await condition()) {
    assert.ok(performance.now() < deadline, "It did not come to that in 10 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

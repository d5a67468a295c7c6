import assert from "node:assert/strict";

/** Waits until a condition holds, at most 10 s unless told. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!await condition()) {
    assert.ok(
      performance.now() < deadline,
      `It did not come to that in ${limitMs / 1_000} s`,
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

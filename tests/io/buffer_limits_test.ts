import assert from "node:assert/strict";
import {
  BufferLimits,
  type KernelNumbers,
} from "../../lib/io/buffer_limits.ts";
import type { Logger } from "../../lib/base/mod.ts";

const RECEIVE = "/proc/sys/net/core/rmem_max";
const SEND = "/proc/sys/net/core/wmem_max";
const ENOENT = 2;
const EACCES = 13;

Deno.test("[ops 1.1] limits that are too low are raised to 16 MiB and 2 MiB, and put back at the end", () => {
  const host = new Host({ [RECEIVE]: 212_992, [SEND]: 212_992 });
  const limits = new BufferLimits(host.log, host);

  limits.raise();
  const raised = { ...host.values };
  limits.restore();

  assert.deepEqual(raised, { [RECEIVE]: 16_777_216, [SEND]: 2_097_152 });
  assert.deepEqual(host.values, { [RECEIVE]: 212_992, [SEND]: 212_992 });
});

Deno.test("a limit that is high enough is left alone", () => {
  const host = new Host({ [RECEIVE]: 33_554_432, [SEND]: 2_097_152 });
  const limits = new BufferLimits(host.log, host);

  limits.raise();
  limits.restore();

  assert.deepEqual(host.values, { [RECEIVE]: 33_554_432, [SEND]: 2_097_152 });
  assert.deepEqual(host.lines, []);
});

Deno.test("a limit that somebody else has changed since is not put back", () => {
  const host = new Host({ [RECEIVE]: 1, [SEND]: 1 });
  const limits = new BufferLimits(host.log, host);

  limits.raise();
  host.values[RECEIVE] = 99_999_999;
  limits.restore();

  assert.deepEqual(host.values, { [RECEIVE]: 99_999_999, [SEND]: 1 });
});

Deno.test("[ops 1.1] a host that refuses costs one line of information for each limit", () => {
  const host = new Host({ [SEND]: 1 });
  host.isReadOnly = true;
  const limits = new BufferLimits(host.log, host);

  limits.raise();
  limits.restore();

  assert.deepEqual(host.lines, ["info ENOENT", "info EACCES"]);
  assert.deepEqual(host.values, { [SEND]: 1 });
});

/** A host in memory. */
class Host implements KernelNumbers {
  readonly lines: string[] = [];
  readonly log: Logger = {
    enabled: () => true,
    log: (level, _message, { reason } = {}) => {
      if (reason) this.lines.push(`${level} ${reason}`);
    },
    child: () => this.log,
  };
  isReadOnly = false;

  readonly values: Record<string, number>;

  constructor(values: Record<string, number>) {
    this.values = values;
  }

  read(path: string) {
    return this.values[path] ?? { errno: ENOENT };
  }

  write(path: string, value: number) {
    if (this.isReadOnly) return { errno: EACCES };
    this.values[path] = value;
    return undefined;
  }
}

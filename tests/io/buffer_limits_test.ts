import assert from "node:assert/strict";
import { BufferLimits } from "../../lib/io/buffer_limits.ts";
import type { KernelSettings, Setting } from "../../lib/io/kernel_settings.ts";
import type { Logger } from "../../lib/base/mod.ts";

const RECEIVE = "net/core/rmem_max";
const SEND = "net/core/wmem_max";
const EACCES = 13;

Deno.test("[ops 1.1] limits that are too low are raised to 16 MiB and 2 MiB, and put back at the end", () => {
  const host = new Host({ [RECEIVE]: "212992", [SEND]: "212992" });
  const limits = new BufferLimits(host.log, host);

  limits.raise();
  const raised = { ...host.values };
  limits.restore();

  assert.deepEqual(raised, { [RECEIVE]: "16777216", [SEND]: "2097152" });
  assert.deepEqual(host.values, { [RECEIVE]: "212992", [SEND]: "212992" });
});

Deno.test("a limit that is high enough is left alone", () => {
  const host = new Host({ [RECEIVE]: "33554432", [SEND]: "2097152" });
  const limits = new BufferLimits(host.log, host);

  limits.raise();
  limits.restore();

  assert.deepEqual(host.values, { [RECEIVE]: "33554432", [SEND]: "2097152" });
  assert.deepEqual(host.lines, []);
});

Deno.test("a limit that somebody else has changed since is not put back", () => {
  const host = new Host({ [RECEIVE]: "1", [SEND]: "1" });
  const limits = new BufferLimits(host.log, host);

  limits.raise();
  host.values[RECEIVE] = "99999999";
  limits.restore();

  assert.deepEqual(host.values, { [RECEIVE]: "99999999", [SEND]: "1" });
});

Deno.test("[ops 1.1] a host that refuses costs one line of information for each limit", () => {
  const host = new Host({ [SEND]: "1" });
  host.isReadOnly = true;
  const limits = new BufferLimits(host.log, host);

  limits.raise();
  limits.restore();

  assert.deepEqual(host.lines, ["info ENOENT", "info EACCES"]);
  assert.deepEqual(host.values, { [SEND]: "1" });
});

/** A host in memory. */
class Host implements KernelSettings {
  readonly lines: string[] = [];
  readonly log: Logger = {
    enabled: () => true,
    log: (level, _message, { reason } = {}) => {
      if (reason) this.lines.push(`${level} ${reason}`);
    },
    child: () => this.log,
  };
  readonly values: Record<string, string>;
  isReadOnly = false;

  constructor(values: Record<string, string>) {
    this.values = values;
  }

  read(path: string): string | undefined {
    return this.values[path];
  }

  write({ path, value }: Setting): number {
    if (this.isReadOnly) return EACCES;
    this.values[path] = value;
    return 0;
  }

  probe(): number {
    return 0;
  }
}

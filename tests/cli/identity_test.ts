import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import {
  findIdentity,
  type Identity,
  stateDirectoryOf,
} from "../../lib/cli/identity.ts";
import type { StateFiles } from "../../lib/cli/state_files.ts";
import { filesOf, READ_ONLY, unreadable } from "../support/state_files.ts";

const UUID = "a3b2c1d0-1111-4222-8333-444455556666";
const KEPT = { "/var/lib/firezone/gateway_id": '{"id":"kept"}' };
const MACHINE = { "/etc/machine-id": "0123\n" };
const APPLICATION_ID = "753b38f9f96947ef8083802d5909a372";

Deno.test("[ops 1.2] the configured identity wins over all files", () => {
  const found = find(filesOf({ ...KEPT, ...MACHINE }), { configured: "given" });

  assert.deepEqual(found, { id: "given", origin: "configured" });
});

Deno.test("[ops 1.2] the kept identity wins over the machine id", () => {
  const found = find(filesOf({ ...KEPT, ...MACHINE }));

  assert.deepEqual(found, {
    id: "kept",
    origin: "/var/lib/firezone/gateway_id",
  });
});

Deno.test("[ops 1.2] without a file the identity is the HMAC of the machine id as it is read, line end included", () => {
  assert.equal(find(filesOf(MACHINE)).id, hmacOf("0123\n"));
});

Deno.test("a file without an identity is passed over and said so", () => {
  for (const text of ["", "{", "[]", '{"id":7}', '{"id":""}']) {
    const found = find(
      filesOf({ "/var/lib/firezone/gateway_id": text, ...MACHINE }),
    );

    assert.equal(found.id, hmacOf("0123\n"), text);
    assert.match(
      found.notice ?? "",
      /^Cannot find an identity in .*FIREZONE_ID/,
    );
  }
});

Deno.test("a file that may not be read is passed over and said so", () => {
  const found = find(unreadable(MACHINE, Object.keys(KEPT)));

  assert.equal(found.id, hmacOf("0123\n"));
  assert.match(found.notice ?? "", /^Cannot read .*gateway_id: .*FIREZONE_ID/);
});

Deno.test("[ops 1.2] an identity made up is kept, and is the hash of a UUID", () => {
  const files = filesOf({});

  const made = find(files);

  assert.equal(
    made.id,
    "88c05f6bde22ed65ea239327bace5453efdfe2283e3eb0dc51055842280d2705",
  );
  assert.equal(find(files, { newUuid: () => "another" }).id, made.id);
});

Deno.test("the machine id of a system that never booted is none", () => {
  for (const text of ["", "\n", "uninitialized\n"]) {
    const files = filesOf({ "/etc/machine-id": text });

    assert.match(find(files).origin, /^made up/, text);
  }
});

Deno.test("[ops 1.2] an identity that cannot be kept is refused with the way out", () => {
  const found = findIdentity({
    configured: undefined,
    tunName: "tun-firezone",
    files: READ_ONLY,
    newUuid: () => UUID,
  });

  assert.ok("problem" in found);
  assert.match(
    found.problem,
    /^Cannot keep an identity in \/var\/lib\/firezone: .*FIREZONE_ID.*read and write access/,
  );
});

Deno.test("gateways that share a host by names of their interfaces have identities of their own", () => {
  const files = filesOf({ ...KEPT, ...MACHINE });

  const other = find(files, { tunName: "fz1" });

  assert.equal(other.id, hmacOf("0123\nfz1"));
  assert.equal(stateDirectoryOf("fz1"), "/var/lib/firezone/fz1");
  assert.equal(stateDirectoryOf("tun-firezone"), "/var/lib/firezone");
});

function find(
  files: StateFiles,
  options: Partial<Parameters<typeof findIdentity>[0]> = {},
): Identity {
  const found = findIdentity({
    configured: undefined,
    tunName: "tun-firezone",
    files,
    newUuid: () => UUID,
    ...options,
  });
  assert.ok("id" in found);
  return found;
}

function hmacOf(text: string): string {
  return createHmac("sha256", APPLICATION_ID).update(text).digest("hex");
}

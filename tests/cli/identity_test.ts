import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import {
  findIdentity,
  findToken,
  type IdentityFiles,
} from "../../lib/cli/identity.ts";

const UUID = "a3b2c1d0-1111-4222-8333-444455556666";

Deno.test("the configured identity wins over all files", () => {
  const files = filesOf({ "/var/lib/firezone/gateway_id": '{"id":"kept"}' });

  assert.equal(findIdentity("given", files, () => UUID), "given");
});

Deno.test("the kept identity wins over the machine id", () => {
  const files = filesOf({
    "/var/lib/firezone/gateway_id": '{"id":"kept"}',
    "/etc/machine-id": "0123\n",
  });

  assert.equal(findIdentity(undefined, files, () => UUID), "kept");
});

Deno.test("without a usable file the identity is the HMAC of the machine id", () => {
  const files = filesOf({
    "/var/lib/firezone/gateway_id": "{",
    "/etc/machine-id": "0123\n",
  });
  const hmac = createHmac("sha256", "753b38f9f96947ef8083802d5909a372").update(
    "0123\n",
  );

  assert.equal(findIdentity(undefined, files, () => UUID), hmac.digest("hex"));
});

Deno.test("an identity made up is kept, and is the hash of a UUID", () => {
  const files = filesOf({});

  const id = findIdentity(undefined, files, () => UUID);

  assert.equal(
    id,
    "88c05f6bde22ed65ea239327bace5453efdfe2283e3eb0dc51055842280d2705",
  );
  assert.equal(findIdentity(undefined, files, () => "another"), id);
});

Deno.test("an identity that cannot be kept is refused with the way out", () => {
  const files: IdentityFiles = {
    read: () => undefined,
    write: () => {
      throw new Error("Read-only file system");
    },
  };

  const found = findIdentity(undefined, files, () => UUID);

  assert.ok(typeof found === "object" && found.problem.includes("FIREZONE_ID"));
});

Deno.test("[portal 8] white space is removed from the token wherever it stands", () => {
  assert.equal(
    findToken(" .SFM\nyNT Y.x\n", undefined, filesOf({}))?.reveal(),
    ".SFMyNTY.x",
  );
});

Deno.test("the systemd credential is read when no token is configured", () => {
  const files = filesOf({ "/run/credentials/FIREZONE_TOKEN": "abc\n" });

  assert.equal(
    findToken(undefined, "/run/credentials", files)?.reveal(),
    "abc",
  );
  assert.equal(
    findToken("given", "/run/credentials", files)?.reveal(),
    "given",
  );
  assert.equal(findToken(undefined, undefined, files), undefined);
});

function filesOf(texts: Record<string, string>): IdentityFiles {
  return {
    read: (path) => texts[path],
    write: (path, text) => {
      texts[path] = text;
    },
  };
}

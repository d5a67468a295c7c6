import assert from "node:assert/strict";
import { toHex } from "../../lib/base/mod.ts";
import {
  formatRelayUsername,
  longTermKey,
  parseRelayUsername,
  relayPassword,
  relaySalt,
} from "../../lib/stun/mod.ts";

const SECRET =
  "4c98bf59c99b3e467ecd7cf9d6b3e5279645fca59be67bc5bb4af3cf653761ab";

Deno.test("relayPassword gives the passwords of p2p §10.1", () => {
  assert.equal(
    relayPassword("1cab293a-4032-46f4-862a-40e5d174b0d2", {
      expiresAtUnixSeconds: 1685984278,
      salt: "uvdgKvS9GXYZ_vmv",
    }),
    "6xUIoZ+QvxKhRasLifwfRkMXl+ETLJUsFkHlXjlHAkg",
  );
  assert.equal(
    relayPassword(SECRET, {
      expiresAtUnixSeconds: 1892160000,
      salt: "n23JJ2wKKtt30oXi",
    }),
    "00hqldgk5xLeKKOB+xls9mHMVtgqzie9DulfgQwMv68",
  );
});

Deno.test("user name, password and key follow from public key and stamp secret", () => {
  const salt = relaySalt("fiAjSBWDgQfD1CFJkTwOf4zg+1QhH0eTT+oLaVIMpH8=");
  const parts = { expiresAtUnixSeconds: 2145916800, salt };

  const username = formatRelayUsername(parts);
  const password = relayPassword(SECRET, parts);

  assert.equal(
    username,
    "2145916800:vWv9RfZkTOa8lNJGVhSPK65JoOhjM2b5vyNIV8CU2zE",
  );
  assert.equal(password, "Ss5oQP/cSPEGAn4VHay0yTT6+MuRPZOt+KMhU8J4D6w");
  assert.equal(
    toHex(longTermKey(username, "firezone", password)),
    "752b55596b4b2f5597706e2fe44b4a8a",
  );
});

Deno.test("a user name is an expiry and a salt with exactly one colon", () => {
  assert.deepEqual(parseRelayUsername("1685984278:uvdgKvS9GXYZ_vmv"), {
    expiresAtUnixSeconds: 1685984278,
    salt: "uvdgKvS9GXYZ_vmv",
  });
  for (
    const text of [
      "",
      "1685984278",
      "a:b",
      ":b",
      "1:b:c",
      "-1:b",
      "1.5:b",
      " 1:b",
    ]
  ) {
    assert.equal(parseRelayUsername(text), undefined, text);
  }
});

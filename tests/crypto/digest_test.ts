import assert from "node:assert/strict";
import { toHex, utf8 } from "../../lib/base/mod.ts";
import { hmacSha256, md5, pbkdf2Sha256, sha256 } from "../../lib/crypto/mod.ts";
import { hmacSha1 } from "./hmac_sha1.ts";

Deno.test("md5 gives the digests of RFC 1321 appendix A.5", () => {
  const digest = (text: string) => toHex(md5(utf8(text)));

  assert.equal(digest(""), "d41d8cd98f00b204e9800998ecf8427e");
  assert.equal(digest("abc"), "900150983cd24fb0d6963f7d28e17f72");
  assert.equal(digest("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
});

Deno.test("sha256 gives the digest of FIPS 180-4 for abc", () => {
  assert.equal(
    toHex(sha256(utf8("abc"))),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

Deno.test("hmacSha1 gives the MACs of RFC 2202 §3", () => {
  assert.equal(
    toHex(hmacSha1(filled(20, 0x0b), utf8("Hi There"))),
    "b617318655057264e28bc0b6fb378c8ef146be00",
  );
  assert.equal(
    toHex(hmacSha1(utf8("Jefe"), utf8("what do ya want for nothing?"))),
    "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
  );
  assert.equal(
    toHex(hmacSha1(
      filled(80, 0xaa),
      utf8("Test Using Larger Than Block-Size Key - Hash Key First"),
    )),
    "aa4ae5e15272d00e95705637ce8a3b55ed402112",
  );
});

Deno.test("hmacSha256 gives the MACs of RFC 4231 §4", () => {
  assert.equal(
    toHex(hmacSha256(filled(20, 0x0b), utf8("Hi There"))),
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  );
  assert.equal(
    toHex(hmacSha256(utf8("Jefe"), utf8("what do ya want for nothing?"))),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});

Deno.test("pbkdf2Sha256 gives the keys of RFC 7914 §11", () => {
  assert.equal(
    toHex(pbkdf2Sha256(utf8("passwd"), utf8("salt"), 1, 64)),
    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc" +
      "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
  );
  assert.equal(
    toHex(pbkdf2Sha256(utf8("Password"), utf8("NaCl"), 80_000, 64)),
    "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56" +
      "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d",
  );
});

Deno.test("digests of parts are digests of the parts joined, as plain arrays", () => {
  const key = utf8("key");
  const parts = [utf8("user"), utf8(":"), utf8(""), utf8("realm")];
  const whole = utf8("user:realm");

  assert.deepEqual(md5(...parts), md5(whole));
  assert.deepEqual(sha256(...parts), sha256(whole));
  assert.deepEqual(hmacSha1(key, ...parts), hmacSha1(key, whole));
  assert.deepEqual(hmacSha256(key, ...parts), hmacSha256(key, whole));
  assert.equal(md5(whole).constructor, Uint8Array);
  assert.equal(pbkdf2Sha256(key, whole, 1, 8).constructor, Uint8Array);
});

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

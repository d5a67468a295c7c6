import assert from "node:assert/strict";
import { sendRefusalOf } from "../../lib/io/send_refusal.ts";

const EPERM = 1;
const ENOMEM = 12;
const EACCES = 13;
const EINVAL = 22;
const EMSGSIZE = 90;
const EADDRNOTAVAIL = 99;
const ENETDOWN = 100;
const ENETUNREACH = 101;
const ENOBUFS = 105;
const EHOSTUNREACH = 113;

Deno.test("what the kernel answers to a datagram tells firewall, route, length and memory apart", () => {
  const named = (codes: readonly number[]) => [
    ...new Set(codes.map(sendRefusalOf)),
  ];

  assert.deepEqual(named([EPERM, EACCES]), ["send-forbidden"]);
  assert.deepEqual(
    named([ENETUNREACH, EHOSTUNREACH, ENETDOWN, EADDRNOTAVAIL]),
    ["send-unroutable"],
  );
  assert.deepEqual(named([EMSGSIZE]), ["send-too-long"]);
  assert.deepEqual(named([ENOBUFS, ENOMEM]), ["send-queue-full"]);
  assert.deepEqual(named([EINVAL, 0, -1, 4_711]), ["send-error"]);
});

import assert from "node:assert/strict";
import { fromHex, toHex } from "../../lib/base/mod.ts";
import { encodeCheckRequest, encodeCheckResponse } from "../../lib/ice/mod.ts";
import { addressOf } from "../support/datagram.ts";
import { CLIENT_CREDENTIALS, GATEWAY_CREDENTIALS } from "./support.ts";

const TRANSACTION_ID = fromHex("a0a1a2a3a4a5a6a7a8a9aaab") as Uint8Array;
const CLIENT_KEY = new TextEncoder().encode(CLIENT_CREDENTIALS.password);
const GATEWAY_KEY = new TextEncoder().encode(GATEWAY_CREDENTIALS.password);

Deno.test("[p2p 37] [p2p 38] [p2p 40] a gateway's check is the vector of p2p spec §10.4", () => {
  const check = encodeCheckRequest({
    transactionId: TRANSACTION_ID,
    username: "resc:jbi4",
    role: "controlled",
    tieBreaker: 0x0102030405060708n,
    priority: 1862270719,
    useCandidate: false,
  }, CLIENT_KEY);

  assert.equal(
    toHex(check),
    "000100442112a442a0a1a2a3a4a5a6a7a8a9aaab00060009726573633a6a6269340000008029000801020304050607080024" +
      "00046efffeff000800142393d6b630ee8b95c5a6527a646eb4a3d4536f35802800040c5a6ed7",
  );
});

Deno.test("[p2p 37] [p2p 39] [p2p 40] a client's nominating check is the vector of p2p spec §10.4", () => {
  const check = encodeCheckRequest({
    transactionId: TRANSACTION_ID,
    username: "jbi4:resc",
    role: "controlling",
    tieBreaker: 0x1112131415161718n,
    priority: 1862270719,
    useCandidate: true,
  }, GATEWAY_KEY);

  assert.equal(
    toHex(check),
    "000100482112a442a0a1a2a3a4a5a6a7a8a9aaab000600096a6269343a72657363000000802a00081112131415161718002400046efffeff" +
      "00250000000800141b6ebcaedc96a8e6ed3c0c8bb8c77ba06389290b802800045ecd40fe",
  );
});

Deno.test("[p2p 40] [p2p 42] a gateway's answer is the vector of p2p spec §10.4", () => {
  const answer = encodeCheckResponse(
    TRANSACTION_ID,
    addressOf("192.0.2.1:32853"),
    GATEWAY_KEY,
  );

  assert.equal(
    toHex(answer),
    "0101002c2112a442a0a1a2a3a4a5a6a7a8a9aaab002000080001a147e112a64300080014751219cc19ff1532bb24edffa27f621d83c06775802800043089bc2e",
  );
  assert.equal(answer.length, 20 + 0x2c);
});

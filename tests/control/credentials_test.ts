import assert from "node:assert/strict";
import {
  deriveClientPresharedKey,
  deriveIceCredentials,
  derivePresharedKey,
  deriveRelayId,
  deriveTurnCredentials,
  deriveTurnPassword,
  mintIngestToken,
} from "../../lib/control/mod.ts";
import { utf8 } from "../../lib/base/mod.ts";

const FIRST = {
  id: "11111111-aaaa-4aaa-8aaa-111111111111",
  publicKey: "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
  pskBase: new Uint8Array(32).fill(0xaa),
};
const GATEWAY = {
  id: "22222222-bbbb-4bbb-8bbb-222222222222",
  publicKey: "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
  pskBase: new Uint8Array(32).fill(0xbb),
};
const SECOND = {
  id: "33333333-cccc-4ccc-8ccc-333333333333",
  publicKey: "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=",
  pskBase: new Uint8Array(32).fill(0xcc),
};
const STAMP_SECRET = "00112233445566778899aabbccddeeff".repeat(2);

Deno.test("[portal 88] preshared keys match the vectors of portal spec §6.7", () => {
  assert.equal(
    derivePresharedKey(FIRST, GATEWAY),
    "5wD6kBD9FIicIeus0Zw4AD8UauhsgEpdH58W03krDII=",
  );
  assert.equal(
    deriveClientPresharedKey(FIRST, SECOND),
    "gVPoURrp8JDJTshfzEwcIdjDTdsEld5GjQwOshAPSIc=",
  );
});

Deno.test("[portal 88] ICE credentials match the vector of portal spec §6.7", () => {
  // js2r kac4cxdfov6uern665almc 6m2b wbe5f6eiomdg777ozqbldq
  assert.deepEqual(deriveIceCredentials(FIRST, GATEWAY), {
    initiator: { username: "js2r", password: "kac4cxdfov6uern665almc" },
    receiver: { username: "6m2b", password: "wbe5f6eiomdg777ozqbldq" },
  });
});

Deno.test("[portal 88] relay id and TURN credentials match the vectors of portal spec §6.7", () => {
  assert.equal(
    deriveRelayId(STAMP_SECRET),
    "2a8abfa8-cb99-4629-8437-854193ca6bca",
  );
  assert.deepEqual(
    deriveTurnCredentials(GATEWAY.publicKey, STAMP_SECRET, 2_145_916_800),
    {
      username: "2145916800:nXAyqBpHWYA/1G2XTllLzU96O4pcBycOWOnhLBT9TPA",
      password: "zucOmDbZYWqXe6hC+WPQHO58kEJZbNkSTtZsX4YeIP0",
    },
  );
});

Deno.test("derivations match the vectors of the connectivity spec, §10.1", () => {
  const client = {
    id: "3abd725a-733b-4801-ac16-72f26cd98a24",
    publicKey: "fiAjSBWDgQfD1CFJkTwOf4zg+1QhH0eTT+oLaVIMpH8=",
    pskBase: new Uint8Array(32).fill(0x01),
  };
  const gateway = {
    id: "d263d490-a0bb-452a-8990-01d27a1f1144",
    publicKey: "uMBCkAxTewfSgypIyxdQ18uCi84HLtKmQJy0wvQrYWY=",
    pskBase: new Uint8Array(32).fill(0x02),
  };
  const stampSecret =
    "4c98bf59c99b3e467ecd7cf9d6b3e5279645fca59be67bc5bb4af3cf653761ab";

  assert.deepEqual(deriveIceCredentials(client, gateway), {
    initiator: { username: "sim3", password: "ceqc5rlg6ueluoxqoa56ze" },
    receiver: { username: "bmet", password: "g6zhuorrjh2c2cmvvuepsa" },
  });
  assert.equal(
    derivePresharedKey(client, gateway),
    "gU4gNbumrt69XqECOI3Tqp47e89+g26St8xPk0U8b4Y=",
  );
  assert.equal(
    deriveTurnPassword(
      "uvdgKvS9GXYZ_vmv",
      "1cab293a-4032-46f4-862a-40e5d174b0d2",
      1_685_984_278,
    ),
    "6xUIoZ+QvxKhRasLifwfRkMXl+ETLJUsFkHlXjlHAkg",
  );
  assert.equal(
    deriveTurnPassword("n23JJ2wKKtt30oXi", stampSecret, 1_892_160_000),
    "00hqldgk5xLeKKOB+xls9mHMVtgqzie9DulfgQwMv68",
  );
  assert.deepEqual(
    deriveTurnCredentials(client.publicKey, stampSecret, 2_145_916_800),
    {
      username: "2145916800:vWv9RfZkTOa8lNJGVhSPK65JoOhjM2b5vyNIV8CU2zE",
      password: "Ss5oQP/cSPEGAn4VHay0yTT6+MuRPZOt+KMhU8J4D6w",
    },
  );
});

Deno.test("an ingest token is the sample of portal spec §6.5, byte for byte", () => {
  const token = mintIngestToken(utf8("dev-portal-key"), {
    accountId: "99999999-0000-4000-8000-000000000001",
    uploadsEnabled: false,
    role: "responder",
    initiatorId: FIRST.id,
    responderId: GATEWAY.id,
    authorizationId: "44444444-dddd-4ddd-8ddd-444444444444",
    policyId: "55555555-eeee-4eee-8eee-555555555555",
    resourceId: "66666666-ffff-4fff-8fff-666666666666",
    resourceName: "Internal wiki",
    actorId: "77777777-0000-4000-8000-777777777777",
    actorName: "Dev User",
    authorizedAt: 1_787_011_200,
    expiresAt: 1_787_040_000,
  });

  assert.equal(token, SAMPLE_TOKEN);
});

const SAMPLE_TOKEN =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhY2NvdW50X2lkIjoiOTk5OTk5O" +
  "TktMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAxIiwiaWF0IjoxNzg3MDExMjAwLCJ" +
  "leHAiOjE3ODk2MzIwMDAsInVwbG9hZHNfZW5hYmxlZCI6ZmFsc2UsInJvbGUiOiJyZ" +
  "XNwb25kZXIiLCJpbml0aWF0b3JfZGV2aWNlX2lkIjoiMTExMTExMTEtYWFhYS00YWF" +
  "hLThhYWEtMTExMTExMTExMTExIiwicmVzcG9uZGVyX2RldmljZV9pZCI6IjIyMjIyM" +
  "jIyLWJiYmItNGJiYi04YmJiLTIyMjIyMjIyMjIyMiIsInBvbGljeV9hdXRob3JpemF" +
  "0aW9uX2lkIjoiNDQ0NDQ0NDQtZGRkZC00ZGRkLThkZGQtNDQ0NDQ0NDQ0NDQ0Iiwic" +
  "G9saWN5X2lkIjoiNTU1NTU1NTUtZWVlZS00ZWVlLThlZWUtNTU1NTU1NTU1NTU1Iiw" +
  "icmVzb3VyY2VfaWQiOiI2NjY2NjY2Ni1mZmZmLTRmZmYtOGZmZi02NjY2NjY2NjY2N" +
  "jYiLCJyZXNvdXJjZV9uYW1lIjoiSW50ZXJuYWwgd2lraSIsImluaXRpYXRvcl9hY3R" +
  "vcl9pZCI6Ijc3Nzc3Nzc3LTAwMDAtNDAwMC04MDAwLTc3Nzc3Nzc3Nzc3NyIsImlua" +
  "XRpYXRvcl9hY3Rvcl9uYW1lIjoiRGV2IFVzZXIiLCJhdXRob3JpemVkX2F0IjoiMjA" +
  "yNi0wOC0xOFQwMDowMDowMC4wMDAwMDBaIiwiYXV0aG9yaXphdGlvbl9leHBpcmVzX" +
  "2F0IjoiMjAyNi0wOC0xOFQwODowMDowMC4wMDAwMDBaIn0.L4G8OThK2IV7dbwU8QV" +
  "dxLUAsilXZUrF9M5U3_GvTAY";

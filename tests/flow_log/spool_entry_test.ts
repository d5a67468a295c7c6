import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { FlowReport } from "../../lib/flow_log/mod.ts";
import {
  decodeEntry,
  encodeEntry,
  entryName,
  filesOfFlow,
  planBatch,
  spoolFolder,
} from "../../lib/flow_log/mod.ts";
import { CLAIMS } from "../support/ingest_token.ts";
import { FlowWorld, SYN } from "./flow_world.ts";

Deno.test("an entry is a record with its CRC-32, in compact JSON with sorted names", () => {
  const [opened] = reports();
  assert.ok(opened);

  const text = encodeEntry(opened);

  const payload = text.slice(text.indexOf('"payload":') + 10, -1);
  const { checksum } = JSON.parse(text);
  assert.equal(checksum, naiveCrc32(payload));
  assert.match(payload, /^\{"flow_start":"[^"]+","inner_dst_ip":/);
  assert.match(
    payload,
    /"outers":\[\{"dst_ip":"[^"]+","dst_port":\d+,"path_activated_at":"[^"]+","src_ip":/,
  );
  assert.equal(decodeEntry(text), payload);
});

Deno.test("an entry that another program wrote in another order is read too", () => {
  const payload = '{"a":{"c":1,"d":2},"b":[3]}';
  const shuffled = '{"b":[3],"a":{"d":2,"c":1}}';

  const text = `{"payload":${shuffled},"checksum":${naiveCrc32(payload)}}`;

  assert.equal(decodeEntry(text), payload);
});

Deno.test("a damaged entry is refused, whatever was lost", () => {
  const [opened] = reports();
  assert.ok(opened);
  const text = encodeEntry(opened);

  fc.assert(fc.property(fc.nat(text.length - 1), (length) => {
    assert.equal(decodeEntry(text.slice(0, length)), undefined);
  }));
  assert.equal(decodeEntry(text.replace("40000", "40001")), undefined);
  fc.assert(fc.property(fc.string(), (noise) => {
    assert.equal(decodeEntry(noise), undefined);
  }));
});

Deno.test("the entries of a flow have one name but for start and end", () => {
  const [opened, closed] = reports();
  assert.ok(opened && closed);

  assert.match(entryName(opened), /^1787000000-[0-9a-f]{16}\.start\.json$/);
  assert.equal(
    entryName(opened).replace(".start.", ".end."),
    entryName(closed),
  );
  const [other] = reports(1);
  assert.ok(other);
  assert.notEqual(entryName(other), entryName(opened));
  assert.deepEqual(filesOfFlow(entryName(closed)), [
    entryName(opened),
    entryName(closed),
  ]);
});

Deno.test("only a role and an authorization's UUID become a path", () => {
  const id = CLAIMS.policyAuthorizationId;
  assert.equal(spoolFolder(CLAIMS), `responder/${id}`);
  for (
    const policyAuthorizationId of [
      "",
      "..",
      `../${id}`,
      `${id}/..`,
      id.slice(1),
    ]
  ) {
    assert.equal(
      spoolFolder({ role: "responder", policyAuthorizationId }),
      undefined,
    );
  }
  const role = "../x" as "initiator";
  assert.equal(spoolFolder({ role, policyAuthorizationId: id }), undefined);
});

Deno.test("a batch holds the oldest entries, and no start whose end is there", () => {
  const names = [
    "token",
    entry(3, "start"),
    entry(1, "start"),
    entry(1, "end"),
    entry(2, "end"),
    `${entry(4, "end")}.tmp`,
    "notes.json",
  ];

  assert.deepEqual(planBatch(names, 2), {
    send: [entry(1, "end"), entry(2, "end")],
    hasMore: true,
  });
  assert.deepEqual(planBatch(names, 3), {
    send: [entry(1, "end"), entry(2, "end"), entry(3, "start")],
    hasMore: false,
  });
});

Deno.test("what lies behind a refused batch goes first, and then the refused ones again", () => {
  const names = [entry(1, "end"), entry(2, "end"), entry(3, "end")];

  assert.deepEqual(planBatch(names, 2, entry(2, "end")), {
    send: [entry(3, "end")],
    hasMore: false,
  });
  assert.deepEqual(planBatch(names, 2, entry(3, "end")).send, [
    entry(1, "end"),
    entry(2, "end"),
  ]);
});

function entry(second: number, kind: "start" | "end"): string {
  return `178700000${second}-00000000deadbeef.${kind}.json`;
}

function reports(clientPort = 40_000): FlowReport[] {
  const world = new FlowWorld();
  world.tx({ flags: SYN, clientPort });
  return world.stop();
}

function naiveCrc32(text: string): number {
  let crc = 0xffff_ffff;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
    }
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp, ipFromBytes, toHex, utf8 } from "../../lib/base/mod.ts";
import {
  encodeAssignedIps,
  encodeDomainStatus,
  encodeP2pControl,
  IpPacketView,
  readAssignedIps,
  readDomainStatus,
} from "../../lib/wire/mod.ts";

const RESOURCE = "00000000-0000-0000-0000-000000000065";
const PROXY_IPS = [
  ...["100.96.0.1", "100.96.0.2", "100.96.0.3", "100.96.0.4"],
  ...["fd00:2021:1111:8000::", "fd00:2021:1111:8000::1"],
  ...["fd00:2021:1111:8000::2", "fd00:2021:1111:8000::3"],
];
const ZEROS = "0".repeat(64);

Deno.test("[dp 84] domain status and assigned addresses are encoded as in data-plane spec §21", () => {
  const status = encodeDomainStatus({
    resourceId: RESOURCE,
    domain: "example.com",
    isActive: true,
  });
  const assigned = announcement();

  assert.equal(status.length, 140);
  assert.equal(
    toHex(status),
    `600000000064ff00${ZEROS}0100000000000000` +
      "7b227265736f75726365223a2230303030303030302d303030302d303030302d30" +
      "3030302d303030303030303030303635222c22646f6d61696e223a226578616d70" +
      "6c652e636f6d222c22737461747573223a22416374697665227d",
  );
  assert.equal(assigned.length, 287);
  assert.equal(
    toHex(assigned.subarray(0, 48)),
    `6000000000f7ff00${ZEROS}0000000000000000`,
  );
  assert.equal(
    new TextDecoder().decode(assigned.subarray(48)),
    `{"resource":"${RESOURCE}","domain":"example.com","proxy_ips":["` +
      `${PROXY_IPS.join('","')}"]}`,
  );
});

Deno.test("an announcement is read as it was written, whatever its names and addresses", () => {
  fc.assert(
    fc.property(
      domains(),
      fc.uuid(),
      fc.array(ipAddresses(), { maxLength: 8 }),
      (domain, resourceId, proxyIps) => {
        const packet = encodeAssignedIps({ resourceId, domain, proxyIps });

        const result = readAssignedIps(viewOf(packet));

        const expected = { ok: true, value: { resourceId, domain, proxyIps } };
        assert.deepEqual(result, expected);
      },
    ),
  );
});

Deno.test("an answer is read as it was written, and everything but Active is inactive", () => {
  for (const isActive of [true, false]) {
    const status = { resourceId: RESOURCE, domain: "a.b", isActive };

    const result = readDomainStatus(viewOf(encodeDomainStatus(status)));

    assert.deepEqual(result, { ok: true, value: status });
  }
  const read = readDomainStatus(viewOf(payload({ status: "Perhaps" }, 1)));
  assert.equal(read.ok && read.value.isActive, false);
});

Deno.test("an answer to any name that is taken fits into a packet", () => {
  const label = "\\\\".repeat(63);
  const longest = [label, label, label, label].join(".").slice(0, 510);

  const result = readAssignedIps(
    viewOf(payload({ domain: longest, proxy_ips: [] })),
  );

  assert.ok(result.ok);
  const { resourceId, domain } = result.value;
  const answer = encodeDomainStatus({ resourceId, domain, isActive: false });
  assert.ok(answer.length <= 1280);
});

Deno.test("[dp 82] unknown keys, their order and spaces are of no account; a missing key is", () => {
  const text =
    `{ "x": [{}], "proxy_ips": [ "100.96.0.1" ], "domain": "A.b", "resource": "${RESOURCE}" }`;

  const result = readAssignedIps(viewOf(encodeP2pControl(0, utf8(text))));

  assert.ok(result.ok);
  assert.equal(result.value.domain, "A.b");
  assert.deepEqual(result.value.proxyIps.map(formatIp), ["100.96.0.1"]);
  assert.equal(refusalOf({ resource: undefined }), "payload-invalid-resource");
  assert.equal(refusalOf({ domain: undefined }), "payload-invalid-domain");
  assert.equal(
    refusalOf({ proxy_ips: undefined }),
    "payload-invalid-proxy-ips",
  );
});

Deno.test("resources are lower-case UUIDs, and names lose their trailing dot", () => {
  const resource = "0000000A-0000-0000-0000-00000000006F";
  for (
    const [domain, expected] of [
      ["example.com.", "example.com"],
      [".", "."],
      ["a\\.", "a\\."],
      ["a\\\\.", "a\\\\"],
    ]
  ) {
    const result = readAssignedIps(viewOf(payload({ resource, domain })));

    assert.ok(result.ok);
    assert.equal(result.value.resourceId, resource.toLowerCase());
    assert.equal(result.value.domain, expected);
  }
});

Deno.test("each way to be unusable has its own refusal", () => {
  const refusals = [
    [Uint8Array.of(0xff), "payload-not-utf8"],
    [utf8("{"), "payload-not-json"],
    [utf8(""), "payload-not-json"],
    [utf8("[".repeat(1_200)), "payload-not-json"],
    [utf8("[]"), "payload-not-an-object"],
    [utf8("null"), "payload-not-an-object"],
    [utf8("7"), "payload-not-an-object"],
  ] as const;
  for (const [bytes, refusal] of refusals) {
    const result = readAssignedIps(viewOf(encodeP2pControl(0, bytes)));
    assert.deepEqual(result, { ok: false, error: refusal });
  }

  for (const resource of ["", "x", 7, null, `${RESOURCE}0`, [RESOURCE]]) {
    assert.equal(refusalOf({ resource }), "payload-invalid-resource");
  }
  const domains = [
    ...["", "..", "a..b", ".a", "é.com", "a\u0000", "a\\", "a\\12", "a\\256"],
    ...["a".repeat(64), `${"a.".repeat(300)}a`, 7, null, ["a"]],
  ];
  for (const domain of domains) {
    assert.equal(refusalOf({ domain }), "payload-invalid-domain");
  }
  for (const proxy_ips of ["100.96.0.1", [7], ["x"], ["100.96.0.1/32"], {}]) {
    assert.equal(refusalOf({ proxy_ips }), "payload-invalid-proxy-ips");
  }
  assert.deepEqual(readDomainStatus(viewOf(payload({ status: 1 }, 1))), {
    ok: false,
    error: "payload-invalid-status",
  });
});

Deno.test("no payload makes a reader throw, nor take long", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 1_232 }),
        fc.json().map(utf8).filter(({ length }) => length <= 1_232),
        fc.string({ maxLength: 900 }).map((domain) =>
          utf8(JSON.stringify({ resource: RESOURCE, domain, proxy_ips: [] }))
            .subarray(0, 1_232)
        ),
      ),
      (bytes) => {
        const view = viewOf(encodeP2pControl(0, bytes));

        readAssignedIps(view);
        readDomainStatus(view);
      },
    ),
  );
});

function announcement(): Uint8Array {
  return payload({ domain: "example.com", proxy_ips: PROXY_IPS });
}

/** An event with the given fields among usable ones. */
function payload(
  fields: Readonly<Record<string, unknown>>,
  event = 0,
): Uint8Array {
  const usable = { resource: RESOURCE, domain: "a.b", proxy_ips: [] };
  return encodeP2pControl(
    event,
    utf8(JSON.stringify({ ...usable, ...fields })),
  );
}

function refusalOf(fields: Readonly<Record<string, unknown>>): string {
  const result = readAssignedIps(viewOf(payload(fields)));
  return result.ok ? "taken" : result.error;
}

function ipAddresses() {
  const bytes = fc.constantFrom(4, 16).chain((length) =>
    fc.uint8Array({ minLength: length, maxLength: length })
  );
  return bytes.map(ipFromBytes);
}

function domains(): fc.Arbitrary<string> {
  const label = fc.stringMatching(/^[a-z0-9_*-]{1,12}$/);
  return fc.array(label, { minLength: 1, maxLength: 6 })
    .map((labels) => labels.join("."));
}

function viewOf(packet: Uint8Array): IpPacketView {
  const view = new IpPacketView();
  assert.equal(view.attach(packet, 0, packet.length), "ok");
  return view;
}

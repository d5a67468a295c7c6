import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cidr, fromHex, parseCidr } from "../../lib/base/mod.ts";
import {
  encodeNetlink,
  type NetlinkRequest,
} from "../../lib/io/netlink_message.ts";
import {
  masquerade,
  matchInterface,
  matchSource,
  verdict,
} from "../../lib/io/nft_expressions.ts";
import { chainOf, ruleOf, tableOf } from "../../lib/io/nft_listing.ts";
import {
  addChain,
  addSourceNatChain,
  addTable,
  appendRule,
  beginBatch,
  endBatch,
  insertRule,
  type NftChain,
  removeRuleByHandle,
  removeTable,
} from "../../lib/io/nft_messages.ts";

// What nft 1.0.6 sends for the same, behind the header: seen by strace.
const TABLE = hex(
  "010000000f000100666972657a6f6e655f7800000800020000000000",
);
const PLAIN_CHAIN = hex(
  "010000000f000100666972657a6f6e655f7800001400030073657474696e6773",
  "5f6265666f726500",
);
const NAT_CHAIN = hex(
  "010000000f000100666972657a6f6e655f78000010000300706f7374726f7574",
  "696e6700080007006e6174000800050000000001140004800800010000000004",
  "0800020000000064",
);
const BY_INTERFACE = hex(
  "010000000f000100666972657a6f6e655f78000010000200706f7374726f7574",
  "696e6700d000048024000180090001006d657461000000001400028008000200",
  "0000000608000100000000013800018008000100636d70002c00028008000100",
  "000000010800020000000000180003801400010074756e2d666972657a6f6e65",
  "0000000024000180090001006d65746100000000140002800800020000000007",
  "08000100000000013800018008000100636d70002c0002800800010000000001",
  "0800020000000001180003801400010074756e2d666972657a6f6e6500000000",
  "14000180090001006d6173710000000004000280",
);
const BY_IPV4_SOURCE = hex(
  "010000000f000100666972657a6f6e655f78000010000200706f7374726f7574",
  "696e67006801048024000180090001006d657461000000001400028008000200",
  "0000000f08000100000000012c00018008000100636d70002000028008000100",
  "0000000108000200000000000c0003800500010002000000340001800c000100",
  "7061796c6f616400240002800800010000000001080002000000000108000300",
  "0000000c0800040000000004440001800c000100626974776973650034000280",
  "0800010000000001080002000000000108000300000000040c00048008000100",
  "ffe000000c00058008000100000000002c00018008000100636d700020000280",
  "080001000000000108000200000000000c000380080001006440000024000180",
  "090001006d657461000000001400028008000200000000070800010000000001",
  "3800018008000100636d70002c00028008000100000000010800020000000001",
  "180003801400010074756e2d666972657a6f6e65000000001400018009000100",
  "6d6173710000000004000280",
);
const BY_IPV6_SOURCE = hex(
  "010000000f000100666972657a6f6e655f78000010000200706f7374726f7574",
  "696e67008c01048024000180090001006d657461000000001400028008000200",
  "0000000f08000100000000012c00018008000100636d70002000028008000100",
  "0000000108000200000000000c000380050001000a000000340001800c000100",
  "7061796c6f616400240002800800010000000001080002000000000108000300",
  "0000000808000400000000105c0001800c00010062697477697365004c000280",
  "0800010000000001080002000000000108000300000000101800048014000100",
  "ffffffffffffffffffffffffffe0000018000580140001000000000000000000",
  "00000000000000003800018008000100636d70002c0002800800010000000001",
  "08000200000000001800038014000100fd002021111100000000000000000000",
  "24000180090001006d6574610000000014000280080002000000000708000100",
  "000000013800018008000100636d70002c000280080001000000000108000200",
  "00000001180003801400010074756e2d666972657a6f6e650000000014000180",
  "090001006d6173710000000004000280",
);

/** `return comment "net/ipv4/ip_forward=0"`, from its expressions on, seen by strace. */
const COMMENTED_RETURN = hex(
  "34000480300001800e000100696d6d656469617465000000" +
    "1c000280080001000000000010000280" +
    "0c00028008000100fffffffb" +
    "1c00070000166e65742f697076342f69705f666f72776172643d3000",
);

const TABLE_NAME = { family: "inet", table: "firezone_x" } as const;
const POSTROUTING: NftChain = { ...TABLE_NAME, chain: "postrouting" };
const SETTINGS: NftChain = { ...TABLE_NAME, chain: "settings_before" };
const HANDLE = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9);

Deno.test("tables and chains are added as nft does it", () => {
  assert.deepEqual(bodyOf(addTable(TABLE_NAME)), TABLE);
  assert.deepEqual(bodyOf(addChain(SETTINGS)), PLAIN_CHAIN);
  assert.deepEqual(bodyOf(addSourceNatChain(POSTROUTING)), NAT_CHAIN);
  assert.equal(addTable(TABLE_NAME).type, 0x0a00);
  assert.equal(addChain(SETTINGS).type, 0x0a03);
});

Deno.test("rules that translate are added as nft does it", () => {
  const leaves = matchInterface("oifname", "is-not", "tun-firezone");
  const rule = (expressions: ReturnType<typeof matchSource>) =>
    appendRule(POSTROUTING, {
      expressions: [...expressions, ...leaves, masquerade()],
    });

  const enters = matchInterface("iifname", "is", "tun-firezone");
  assert.deepEqual(bodyOf(rule(enters)), BY_INTERFACE);
  assert.deepEqual(
    bodyOf(rule(matchSource(cidr("100.64.0.0/11")))),
    BY_IPV4_SOURCE,
  );
  assert.deepEqual(
    bodyOf(rule(matchSource(cidr("fd00:2021:1111::/107")))),
    BY_IPV6_SOURCE,
  );
  assert.equal(rule(enters).type, 0x0a06);
});

Deno.test("a rule with a verdict and a comment is added as nft does it", () => {
  const request = appendRule(SETTINGS, {
    expressions: [verdict("return")],
    comment: "net/ipv4/ip_forward=0",
  });

  const body = bodyOf(request);
  assert.deepEqual(body.slice(-COMMENTED_RETURN.length), COMMENTED_RETURN);
});

Deno.test("a rule goes to the end of a chain or to its head", () => {
  const rule = { expressions: [verdict("accept")] };

  assert.equal(appendRule(POSTROUTING, rule).flags, 0x400 | 0x800);
  assert.equal(insertRule(POSTROUTING, rule).flags, 0x400);
});

Deno.test("a transaction names its subsystem and the generation it starts from", () => {
  const begin = beginBatch(Uint8Array.of(0, 0, 0, 7));

  assert.equal(begin.type, 0x10);
  assert.deepEqual(bodyOf(begin), hex("0000000a", "0800010000000007"));
  assert.equal(endBatch().type, 0x11);
  assert.deepEqual(bodyOf(endBatch()), hex("0000000a"));
});

Deno.test("tables go by their name, rules by their handle", () => {
  const rule = bodyOf(removeRuleByHandle(POSTROUTING, HANDLE));

  assert.equal(removeTable(TABLE_NAME).type, 0x0a02);
  assert.equal(removeRuleByHandle(POSTROUTING, HANDLE).type, 0x0a08);
  assert.deepEqual(rule.slice(-12), hex("0c000300", "0000000000000009"));
});

Deno.test("a listed table, chain and rule are what was added", () => {
  const rule = appendRule(SETTINGS, {
    expressions: [verdict("return")],
    comment: "net/ipv4/ip_forward=0",
  });

  assert.deepEqual(tableOf(replyOf(addTable(TABLE_NAME))), {
    ...TABLE_NAME,
    handle: "",
  });
  assert.deepEqual(chainOf(replyOf(addSourceNatChain(POSTROUTING))), {
    ...POSTROUTING,
    filtersForwarded: false,
    dropsByPolicy: false,
  });
  assert.deepEqual(ruleOf(replyOf(withHandle(rule)), SETTINGS), {
    handle: HANDLE,
    comment: "net/ipv4/ip_forward=0",
    dropsAll: false,
  });
});

Deno.test("a chain that drops forwarded packets is known by hook, type and policy", () => {
  const hook = (hookNumber: number) => ({
    type: 4,
    value: [{ type: 1, value: Uint8Array.of(0, 0, 0, hookNumber) }],
  });
  const chain = (hookNumber: number, type: string, policy: number) =>
    chainOf(replyOf({
      ...addChain(POSTROUTING),
      attributes: [
        ...addChain(POSTROUTING).attributes,
        { type: 7, value: new TextEncoder().encode(`${type}\0`) },
        { type: 5, value: Uint8Array.of(0, 0, 0, policy) },
        hook(hookNumber),
      ],
    }));

  const of = (it: ReturnType<typeof chainOf>) => [
    it?.filtersForwarded,
    it?.dropsByPolicy,
  ];
  assert.deepEqual(of(chain(2, "filter", 0)), [true, true]);
  assert.deepEqual(of(chain(2, "filter", 1)), [true, false]);
  assert.deepEqual(of(chain(1, "filter", 0)), [false, true]);
  assert.deepEqual(of(chain(2, "route", 0)), [false, true]);
});

Deno.test("a rule drops all when nothing is asked before it drops or rejects", () => {
  const drop = {
    name: "immediate",
    attributes: [{
      type: 2,
      value: [{
        type: 2,
        value: [{ type: 1, value: Uint8Array.of(0, 0, 0, 0) }],
      }],
    }],
  };
  const named = (name: string) => ({ name, attributes: [] });
  const target = (name: string) => ({
    name: "target",
    attributes: [{ type: 1, value: new TextEncoder().encode(`${name}\0`) }],
  });
  const dropsAll = (
    ...expressions: Parameters<typeof appendRule>[1]["expressions"]
  ) =>
    ruleOf(
      replyOf(withHandle(appendRule(POSTROUTING, { expressions }))),
      POSTROUTING,
    )?.dropsAll;

  assert.equal(dropsAll(drop), true);
  assert.equal(dropsAll(named("counter"), named("log"), drop), true);
  assert.equal(dropsAll(named("counter"), named("reject")), true);
  assert.equal(dropsAll(target("REJECT")), true);
  assert.equal(dropsAll(target("LOG")), false);
  assert.equal(dropsAll(verdict("accept")), false);
  assert.equal(
    dropsAll(...matchInterface("iifname", "is", "eth0"), drop),
    false,
  );
  assert.equal(dropsAll(), false);
});

Deno.test("entries of other families, kinds and chains are not taken for ours", () => {
  const rule = replyOf(withHandle(appendRule(SETTINGS, { expressions: [] })));
  const arp = replyOf(addTable(TABLE_NAME));
  arp.body[0] = 3;

  assert.equal(tableOf(arp), undefined);
  assert.equal(tableOf(replyOf(addChain(SETTINGS))), undefined);
  assert.equal(ruleOf(rule, POSTROUTING), undefined);
  assert.equal(ruleOf(rule, { ...SETTINGS, family: "ip" }), undefined);
  assert.equal(ruleOf(rule, { ...SETTINGS, table: "filter" }), undefined);
});

Deno.test("random entries never throw", () => {
  fc.assert(fc.property(
    fc.constantFrom(0x0a00, 0x0a03, 0x0a06),
    fc.uint8Array({ maxLength: 200 }),
    (type, bytes) => {
      const reply = { type, sequence: 1, body: bytes };
      tableOf(reply);
      chainOf(reply);
      ruleOf(reply, SETTINGS);
    },
  ));
});

Deno.test("random user data and expressions of a rule never throw", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 100 }),
    fc.uint8Array({ maxLength: 100 }),
    (expressions, userdata) => {
      const rule = withHandle(appendRule(SETTINGS, { expressions: [] }));
      const attributes = rule.attributes
        .map((it) =>
          (it.type & 0x3fff) === 4 ? { ...it, value: expressions } : it
        );
      const reply = replyOf({
        ...rule,
        attributes: [...attributes, { type: 7, value: userdata }],
      });

      assert.ok(ruleOf(reply, SETTINGS));
    },
  ));
});

function bodyOf(request: NetlinkRequest): Uint8Array {
  return encodeNetlink(request, 1).slice(16);
}

/** What is added looks as it does when it is listed. */
function replyOf(request: NetlinkRequest) {
  return { type: request.type, sequence: 1, body: bodyOf(request) };
}

function withHandle(request: NetlinkRequest): NetlinkRequest {
  const attributes = [...request.attributes, { type: 3, value: HANDLE }];
  return { ...request, attributes };
}

function hex(...parts: readonly string[]): Uint8Array {
  const bytes = fromHex(parts.join(""));
  assert.ok(bytes);
  return bytes;
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert.ok(parsed);
  return parsed;
}

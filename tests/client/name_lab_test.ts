import assert from "node:assert/strict";
import { policyFile } from "../control/lab.ts";
import { naiveChecksum, udpPacket } from "../support/ip_packet.ts";
import {
  CLIENT_V4,
  CLIENT_V6,
  NameLab,
  namePolicy,
  wayOf,
  WIKI_ID,
} from "./name_lab.ts";
import type { RoleHost } from "./whole_lab.ts";

const AAAA = 28;
const SRV = 33;
const CLIENT_ID = policyFile().clients[0].id;

for (const family of [4, 6] as const) {
  Deno.test(`a name carries packets both ways, IPv${family}`, () => {
    const { names, client } = started();
    const own = family === 4 ? CLIENT_V4 : CLIENT_V6;
    const real = family === 4 ? "10.0.0.1" : "2001:db8::1";
    const proxy = names.ask(client, "wiki.example", family === 4 ? 1 : AAAA);

    const out = names.exchange(client, udp(own, proxy));
    assert.deepEqual(out.gateway.map(wayOf), [`${own} > ${real}`]);
    assert.deepEqual(out.gateway[0], udp(own, real));

    const back = names.reply(client, udp(real, own, 53, 4_000));
    assert.deepEqual(back, [udp(proxy, own, 53, 4_000)]);
  });
}

Deno.test("[dp 85] every address of a name leads to it, and the latest lookup comes before the packet", () => {
  const { names, client } = started();
  names.zone.set("wiki.example", ["10.0.0.2", "10.0.0.1"]);
  names.ask(client, "wiki.example");

  const reached = [1, 2, 3, 4].map((n) => {
    const { gateway } = names.exchange(client, udp(CLIENT_V4, `100.96.0.${n}`));
    return wayOf(gateway[0]);
  });

  assert.deepEqual(reached, [
    `${CLIENT_V4} > 10.0.0.1`,
    `${CLIENT_V4} > 10.0.0.2`,
    `${CLIENT_V4} > 10.0.0.1`,
    `${CLIENT_V4} > 10.0.0.2`,
  ]);
  assert.deepEqual(names.lookedUp, ["wiki.example"]);
});

Deno.test("[dp 79] [dp 87] a family that the name does not have is unreachable, and access stays", () => {
  const { names, client } = started();
  names.zone.set("wiki.example", []);
  names.ask(client, "wiki.example");

  const v4 = names.exchange(client, udp(CLIENT_V4, "100.96.0.1"));
  assert.deepEqual(icmpOf(v4.client), ["100.96.0.1 > 100.64.0.2 3/0"]);
  const v6 = names.exchange(client, udp(CLIENT_V6, "fd00:2021:1111:8000::"));
  assert.deepEqual(icmpOf(v6.client), [
    `fd00:2021:1111:8000:: > ${CLIENT_V6} 1/3`,
  ]);

  names.zone.set("wiki.example", ["10.0.0.1"]);
  names.ask(client, "wiki.example");
  names.lab.world.advance(500);
  const out = names.exchange(client, udp(CLIENT_V4, "100.96.0.1"));
  assert.deepEqual(out.gateway.map(wayOf), [`${CLIENT_V4} > 10.0.0.1`]);
});

Deno.test("[dp 51] [dp 80] after 10 s without a lookup the gateway says no, and what waited is denied: it knows no such address", () => {
  const { names, client } = started();
  names.ask(client, "slow.wild.example");

  const early = names.exchange(client, udp(CLIENT_V4, "100.96.0.1"), 9_000);
  assert.deepEqual([early.gateway, early.client], [[], []]);
  names.lab.world.advance(3_000);

  assert.deepEqual(icmpOf(client.delivered), ["100.96.0.1 > 100.64.0.2 3/13"]);
});

Deno.test("[dp 89] after another lookup sessions stay where they are, and others go to the new address", () => {
  const { names, client } = started();
  const proxy = names.ask(client, "wiki.example");
  names.exchange(client, udp(CLIENT_V4, proxy, 4_000));

  names.zone.set("wiki.example", ["10.0.0.9"]);
  names.ask(client, "wiki.example");
  names.lab.world.advance(500);

  const old = names.exchange(client, udp(CLIENT_V4, proxy, 4_000));
  const fresh = names.exchange(client, udp(CLIENT_V4, proxy, 4_001));
  assert.deepEqual([...old.gateway, ...fresh.gateway].map(wayOf), [
    `${CLIENT_V4} > 10.0.0.1`,
    `${CLIENT_V4} > 10.0.0.9`,
  ]);
  assert.deepEqual(names.lookedUp, ["wiki.example", "wiki.example"]);
});

Deno.test("[dp 88] a client that starts anew numbers its names anew, and nothing of before is in the way", () => {
  const { names, client } = started();
  names.zone.set("wiki.example", ["10.0.0.7"]);
  assert.equal(names.ask(client, "wiki.example"), "100.96.0.1");
  names.exchange(client, udp(CLIENT_V4, "100.96.0.1", 4_000));

  names.lab.disconnect(client);
  const restarted = names.addClient("n.client", "203.0.113.7");
  assert.equal(names.ask(restarted, "four.wild.example"), "100.96.0.1");
  const out = names.exchange(restarted, udp(CLIENT_V4, "100.96.0.1", 4_000));

  assert.deepEqual(out.gateway.map(wayOf), [`${CLIENT_V4} > 10.0.0.4`]);
});

Deno.test("[dp 38] [dp 105] a resource that is revoked behind the client's back comes back by itself, and so do its names", () => {
  const { names, client } = started();
  const proxy = names.ask(client, "wiki.example");
  names.exchange(client, udp(CLIENT_V4, proxy));
  names.exchange(client, udp(CLIENT_V4, "10.20.0.1"));

  names.gateway.tell({
    kind: "reject-access",
    clientId: CLIENT_ID,
    resourceId: WIKI_ID,
  }, names.lab.world.now);

  const denied = names.exchange(client, udp(CLIENT_V4, proxy));
  assert.deepEqual(denied.gateway, []);
  assert.deepEqual(icmpOf(denied.client), [`${proxy} > ${CLIENT_V4} 3/13`]);
  const other = names.exchange(client, udp(CLIENT_V4, "10.20.0.1"));
  assert.equal(other.gateway.length, 1);
  const again = names.exchange(client, udp(CLIENT_V4, proxy));
  assert.deepEqual(again.gateway.map(wayOf), [`${CLIENT_V4} > 10.0.0.1`]);
});

Deno.test("a policy that is withdrawn takes the name away, and gives it back with the same addresses", () => {
  const { names, client } = started();
  const proxy = names.ask(client, "wiki.example");
  names.exchange(client, udp(CLIENT_V4, proxy));
  const withdrawn = namePolicy();
  withdrawn.policies = [{ client: "*", resource: "Net" }];

  names.lab.reload(withdrawn);
  names.lab.world.advance(1_000);
  client.events.length = 0;
  assert.equal(names.ask(client, "wiki.example"), "SERVFAIL");
  const out = names.exchange(client, udp(CLIENT_V4, proxy));
  assert.deepEqual(out.gateway, []);
  assert.deepEqual(icmpOf(out.client), [`${proxy} > ${CLIENT_V4} 3/13`]);

  names.lab.reload(namePolicy());
  names.lab.world.advance(1_000);
  assert.equal(names.ask(client, "wiki.example"), proxy);
  const again = names.exchange(client, udp(CLIENT_V4, proxy));
  assert.deepEqual(again.gateway.map(wayOf), [`${CLIENT_V4} > 10.0.0.1`]);
});

Deno.test("[dp 93] two names of one server keep flows with the same port apart", () => {
  const { names, client } = started();
  const [one, other] = ["wiki.example", "a.wild.example"].map((domain) =>
    names.ask(client, domain)
  ) as [string, string];

  names.exchange(client, udp(CLIENT_V4, one, 5_555));
  const second = names.exchange(client, udp(CLIENT_V4, other, 5_555));

  const [packet] = second.gateway;
  assert.equal(wayOf(packet), `${CLIENT_V4} > 10.0.0.1`);
  assert.deepEqual(packet, udp(CLIENT_V4, "10.0.0.1", 5_556));
  assert.deepEqual(
    names.reply(client, udp("10.0.0.1", CLIENT_V4, 53, 5_555)),
    [udp(one, CLIENT_V4, 53, 5_555)],
  );
  assert.deepEqual(
    names.reply(client, udp("10.0.0.1", CLIENT_V4, 53, 5_556)),
    [udp(other, CLIENT_V4, 53, 5_555)],
  );
});

Deno.test("two clients with the same proxy address for different names never see each other's flows", () => {
  const { names, client } = started();
  const phone = names.addClient("n.client-2", "203.0.113.8");
  const phoneV4 = "100.64.0.3";
  assert.equal(names.ask(client, "wiki.example"), "100.96.0.1");
  assert.equal(names.ask(phone, "four.wild.example"), "100.96.0.1");

  const one = names.exchange(client, udp(CLIENT_V4, "100.96.0.1"));
  const other = names.exchange(phone, udp(phoneV4, "100.96.0.1"));
  assert.deepEqual([...one.gateway, ...other.gateway].map(wayOf), [
    `${CLIENT_V4} > 10.0.0.1`,
    `${phoneV4} > 10.0.0.4`,
  ]);

  const forPhone = udp("10.0.0.4", phoneV4, 53, 4_000);
  assert.deepEqual(names.reply(client, forPhone), []);
  assert.deepEqual(names.reply(phone, forPhone), [
    udp("100.96.0.1", phoneV4, 53, 4_000),
  ]);
  assert.deepEqual(names.reply(client, udp("10.0.0.4", CLIENT_V4, 53)), []);
});

Deno.test("[dp 49] [dp 67] SRV is asked for at the gateway's own address, and its answer comes back", () => {
  const { names, client } = started();
  names.ask(client, "wiki.example", SRV);
  names.lab.world.advance(3_000);

  const asked = client.events.findLast(({ kind }) => kind === "dns-forward");
  assert.ok(asked?.kind === "dns-forward");
  assert.equal(asked.mark, false);
  assert.deepEqual(
    asked.servers.map(({ ip, port }) => [[...ip.bytes], port])[0],
    [
      [100, 64, 0, 1],
      53_535,
    ],
  );
  const query = udp(CLIENT_V4, "100.64.0.1", 60_000, 53_535);
  assert.deepEqual(names.exchange(client, query).gateway, [query]);
  const answer = udp("100.64.0.1", CLIENT_V4, 53_535, 60_000);
  assert.deepEqual(names.reply(client, answer), [answer]);
});

Deno.test("[dp 43] a connection that is lost for a while costs no name and no session", () => {
  const { names, client } = started();
  const proxy = names.ask(client, "wiki.example");
  names.exchange(client, udp(CLIENT_V4, proxy));

  names.lab.world.dropIf = () => true;
  names.lab.world.advance(60_000);
  names.lab.world.dropIf = () => false;
  names.lab.world.advance(30_000);

  const out = names.exchange(client, udp(CLIENT_V4, proxy), 10_000);
  assert.deepEqual(out.gateway.map(wayOf), [`${CLIENT_V4} > 10.0.0.1`]);
});

Deno.test("a gateway that stops takes nothing along: the other one learns the names anew", () => {
  const file = namePolicy();
  const names = new NameLab(file);
  const client = names.addClient();
  const proxy = names.ask(client, "wiki.example");
  names.exchange(client, udp(CLIENT_V4, proxy));

  names.gateway.core.stop(names.lab.world.now);
  names.lab.world.advance(3_000);
  const out = names.exchange(client, udp(CLIENT_V4, proxy), 5_000);

  assert.deepEqual(out.gateway.map(wayOf), [`${CLIENT_V4} > 10.0.0.1`]);
  assert.ok(names.lookedUp.length >= 2);
});

function started(): { names: NameLab; client: RoleHost } {
  const names = new NameLab();
  return { names, client: names.addClient() };
}

function udp(
  source: string,
  destination: string,
  sourcePort = 4_000,
  destinationPort = 53,
): Uint8Array {
  return udpPacket({ source, destination, sourcePort, destinationPort });
}

/** Way, type and code of ICMP errors; whatever else came is `not an error`. */
function icmpOf(packets: readonly Uint8Array[]): string[] {
  return packets.map((packet) => {
    const isIpv4 = packet[0]! >> 4 === 4;
    const at = isIpv4 ? 20 : 40;
    const isIcmp = packet[isIpv4 ? 9 : 6] === (isIpv4 ? 1 : 58);
    if (!isIcmp) return "not an error";
    if (isIpv4) assert.equal(naiveChecksum(packet.subarray(20)), 0);
    return `${wayOf(packet)} ${packet[at]}/${packet[at + 1]}`;
  });
}

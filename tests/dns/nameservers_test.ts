import assert from "node:assert/strict";
import { formatIp, instant, parseIp } from "../../lib/base/mod.ts";
import { NameserverOrder, NameserverRanking } from "../../lib/dns/mod.ts";

const [A, B, C] = ["192.0.2.1", "192.0.2.2", "2001:db8::3"].map((text) =>
  parseIp(text)!
) as [ReturnType<typeof ip>, ReturnType<typeof ip>, ReturnType<typeof ip>];

Deno.test("without nameservers there is none to ask", () => {
  assert.equal(new NameserverRanking().fastest("udp"), undefined);
});

Deno.test("[dp 114] before any answered, the first of the configuration is asked", () => {
  const ranking = rankingOf(A, B);

  assert.equal(ranking.fastest("udp"), A);
});

Deno.test("the fastest of the latest evaluation is asked, for each transport its own", () => {
  const ranking = rankingOf(A, B);

  ranking.note(A, "udp", { kind: "resolved", tookMs: 20 });
  ranking.note(B, "udp", { kind: "resolved", tookMs: 10 });
  ranking.note(A, "tcp", { kind: "resolved", tookMs: 20 });
  ranking.note(B, "tcp", { kind: "silent" });

  assert.equal(ranking.fastest("udp"), B);
  assert.equal(ranking.fastest("tcp"), A);
  ranking.note(A, "udp", { kind: "resolved", tookMs: 5 });
  assert.equal(ranking.fastest("udp"), A);
});

Deno.test("a server that died gives way to any that answers", () => {
  const ranking = rankingOf(A, B);
  ranking.note(A, "udp", { kind: "resolved", tookMs: 1 });
  ranking.note(B, "udp", { kind: "answered", tookMs: 500 });

  ranking.note(A, "udp", { kind: "silent" });

  assert.equal(ranking.fastest("udp"), B);
});

Deno.test("one that resolves comes before one that merely answers", () => {
  const ranking = rankingOf(A, B);

  ranking.note(A, "udp", { kind: "answered", tookMs: 1 });
  ranking.note(B, "udp", { kind: "resolved", tookMs: 500 });

  assert.equal(ranking.fastest("udp"), B);
});

Deno.test("[dp 114] lost probes never leave us without a nameserver", () => {
  const ranking = rankingOf(A, B);
  ranking.note(A, "udp", { kind: "silent" });
  ranking.note(B, "udp", { kind: "resolved", tookMs: 10 });

  ranking.note(B, "udp", { kind: "silent" });
  assert.equal(ranking.fastest("udp"), B);
  ranking.note(B, "udp", { kind: "silent" });
  assert.ok(ranking.fastest("udp"));
});

Deno.test("what is known of a server survives a new configuration only if it is in there", () => {
  const ranking = rankingOf(A, B);
  ranking.note(B, "udp", { kind: "resolved", tookMs: 10 });

  ranking.setNameservers([A, B, C]);
  assert.equal(ranking.fastest("udp"), B);
  ranking.setNameservers([A, C]);
  assert.equal(ranking.fastest("udp"), A);
  ranking.setNameservers([A, B]);
  assert.equal(ranking.fastest("udp"), A);
});

Deno.test("nameservers are asked as configured, those last that failed within 30 s", () => {
  const order = new NameserverOrder();
  const next = (ms: number) => order.next([A, B, C], false, instant(ms));

  assert.deepEqual(texts(next(0)), texts([A, B, C]));
  order.note(A, false, instant(0));
  assert.deepEqual(texts(next(29_999)), texts([B, C, A]));
  assert.deepEqual(texts(next(30_000)), texts([A, B, C]));
  order.note(A, false, instant(30_000));
  order.note(A, true, instant(30_001));
  assert.deepEqual(texts(next(30_001)), texts([A, B, C]));
});

Deno.test("with rotate each query begins with the next nameserver", () => {
  const order = new NameserverOrder();
  const next = () => texts(order.next([A, B, C], true, instant(0)));

  assert.deepEqual(next(), texts([A, B, C]));
  assert.deepEqual(next(), texts([B, C, A]));
  assert.deepEqual(next(), texts([C, A, B]));
  assert.deepEqual(next(), texts([A, B, C]));
  assert.deepEqual(order.next([], true, instant(0)), []);
});

function ip(text: string) {
  return parseIp(text)!;
}

function texts(ips: readonly ReturnType<typeof ip>[]): string[] {
  return ips.map(formatIp);
}

function rankingOf(...nameservers: readonly ReturnType<typeof ip>[]) {
  const ranking = new NameserverRanking();
  ranking.setNameservers(nameservers);
  return ranking;
}

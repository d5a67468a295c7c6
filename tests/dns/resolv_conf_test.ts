import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIp } from "../../lib/base/mod.ts";
import { parseResolvConf, searchOrder } from "../../lib/dns/mod.ts";

Deno.test("nameservers, search list and options are read", () => {
  const settings = parseResolvConf(
    "# made by hand\n" +
      "nameserver 192.0.2.1\n" +
      "  nameserver\t2001:db8::1 # the other one\n" +
      "search Corp.Example lab.example.\n" +
      "options ndots:2 timeout:3\n" +
      "options attempts:4 rotate edns0\n",
  );

  assert.deepEqual(
    { ...settings, nameservers: settings.nameservers.map(formatIp) },
    {
      nameservers: ["192.0.2.1", "2001:db8::1"],
      search: ["corp.example", "lab.example"],
      ndots: 2,
      timeoutMs: 3_000,
      attempts: 4,
      rotate: true,
    },
  );
});

Deno.test("an empty file means no nameserver and the defaults of resolv.conf(5)", () => {
  assert.deepEqual(parseResolvConf(""), {
    nameservers: [],
    search: [],
    ndots: 1,
    timeoutMs: 5_000,
    attempts: 2,
    rotate: false,
  });
});

Deno.test("of several search and domain lines the last one counts", () => {
  const search = (text: string) => parseResolvConf(text).search;

  assert.deepEqual(search("search a b\ndomain c d\n"), ["c"]);
  assert.deepEqual(search("domain c\nsearch a b\n"), ["a", "b"]);
});

Deno.test("options beyond their bounds are brought within, and nonsense is passed over", () => {
  const { ndots, timeoutMs, attempts } = parseResolvConf(
    "options ndots:99 timeout:0 attempts:100\n",
  );
  const other = parseResolvConf(
    "options ndots:x timeout: attempts:1.5\nnameserver 1.2.3\nnameserver fe80::1%eth0\nnameserver\nsearch a..b\nbogus\n",
  );

  assert.deepEqual([ndots, timeoutMs, attempts], [15, 1_000, 5]);
  assert.deepEqual(
    other,
    { ...parseResolvConf(""), timeoutMs: 1_000 },
  );
});

Deno.test("a nameserver named twice is asked once, and only the first ten are", () => {
  const lines = Array.from({ length: 12 }, (_, i) => `nameserver 10.0.0.${i}`);

  const { nameservers } = parseResolvConf(
    [lines[0], ...lines].join("\n"),
  );

  assert.deepEqual(
    nameservers.map(formatIp),
    Array.from({ length: 10 }, (_, i) => `10.0.0.${i}`),
  );
});

Deno.test("a name with fewer dots than ndots is tried with the search list first", () => {
  const search = ["corp.example", "lab.example"];
  const order = (domain: string, ndots: number) =>
    searchOrder(domain, { search, ndots });

  assert.deepEqual(order("DNS", 1), [
    "dns.corp.example",
    "dns.lab.example",
    "dns",
  ]);
  assert.deepEqual(order("a.b", 1), [
    "a.b",
    "a.b.corp.example",
    "a.b.lab.example",
  ]);
  assert.deepEqual(order("a.b", 2), [
    "a.b.corp.example",
    "a.b.lab.example",
    "a.b",
  ]);
  assert.deepEqual(order("dns", 0)[0], "dns");
});

Deno.test("a name with a final dot is tried as it is alone", () => {
  const settings = { search: ["corp.example"], ndots: 1 };

  assert.deepEqual(searchOrder("dns.", settings), ["dns"]);
});

Deno.test("names that cannot be asked for are left out", () => {
  const settings = { search: ["x".repeat(60) + ".example"], ndots: 1 };

  assert.deepEqual(searchOrder("", settings), []);
  assert.deepEqual(searchOrder("a..b", settings), []);
  assert.deepEqual(searchOrder("a b", settings), []);
  assert.deepEqual(searchOrder("a\\046b", settings), []);
  assert.deepEqual(searchOrder("bücher.example", settings), []);
  assert.deepEqual(searchOrder("y".repeat(64), settings), []);
  const long = `${"y".repeat(63)}.`.repeat(3) + "yyyy";
  assert.deepEqual(searchOrder(long, settings), [long]);
});

Deno.test("[dp 13] no text makes the reader of resolv.conf throw", () => {
  const line = fc.tuple(
    fc.constantFrom("nameserver", "search", "domain", "options", ""),
    fc.string(),
  ).map((words) => words.join(" "));
  fc.assert(fc.property(fc.array(line), fc.string(), (lines, domain) => {
    const settings = parseResolvConf(lines.join("\n"));

    assert.ok(settings.attempts >= 1 && settings.timeoutMs >= 1_000);
    searchOrder(domain, settings);
  }));
});

import assert from "node:assert/strict";
import { formatIp, type LogLevel, NO_LOG } from "../../lib/base/mod.ts";
import { Clock, HostDns, Resolver, SYSTEM_RANDOM } from "../../lib/io/mod.ts";
import { libc } from "../../lib/io/libc.ts";
import { Dnsmasq } from "../support/dnsmasq.ts";
import {
  freePort,
  type Script,
  ScriptedNameserver,
} from "../support/scripted_nameserver.ts";
import { requireTools } from "../support/tools.ts";

// Loaded for all tests: a library is never closed, which a single test would be blamed for.
libc();

const A = 1;

/** Answers A with one address and AAAA with none. */
const knowing = (data: string): Script => ({ type, reply }) =>
  reply(0, type === A ? [{ type: "A", ttlSeconds: 60, data }] : []);

Deno.test("addresses of both families, aliases, search domains and names that do not exist are resolved by dnsmasq", async () => {
  requireTools("dnsmasq");
  const port = await freePort();
  await using _dnsmasq = await Dnsmasq.start("127.0.0.1", port, [
    "--host-record=both.example,192.0.2.1,2001:db8::1",
    "--host-record=only6.example,2001:db8::6",
    "--host-record=only4.example,192.0.2.4",
    "--cname=alias.example,other.example,both.example",
    "--host-record=short.lab.example,192.0.2.5",
    "--txt-record=none.example,text",
  ]);
  await using host = await Host.make(port, "search corp.example lab.example");

  assert.deepEqual(await host.lookup("both.example"), [
    "192.0.2.1",
    "2001:db8::1",
  ]);
  assert.deepEqual(await host.lookup("Both.Example"), [
    "192.0.2.1",
    "2001:db8::1",
  ]);
  assert.deepEqual(await host.lookup("only6.example"), ["2001:db8::6"]);
  assert.deepEqual(await host.lookup("only4.example"), ["192.0.2.4"]);
  assert.deepEqual(await host.lookup("alias.example"), [
    "192.0.2.1",
    "2001:db8::1",
  ]);
  assert.deepEqual(await host.lookup("short"), ["192.0.2.5"]);
  assert.deepEqual(await host.lookup("short."), []);
  assert.deepEqual(await host.lookup("none.example"), []);
  assert.deepEqual(await host.lookup("missing.example"), []);
});

Deno.test("an answer that does not fit into a datagram is fetched over TCP", async () => {
  requireTools("dnsmasq");
  const port = await freePort();
  const wanted = Array.from({ length: 60 }, (_, i) => `192.0.2.${i + 1}`);
  await using _dnsmasq = await Dnsmasq.start(
    "127.0.0.1",
    port,
    wanted.map((address) => `--host-record=big.example,${address}`),
  );
  await using host = await Host.make(port);

  const found = await host.lookup("big.example");

  assert.deepEqual(new Set(found), new Set(wanted));
});

Deno.test("no address for A but one for AAAA is what the name has", async () => {
  await using server = await ScriptedNameserver.start(({ type, reply }) =>
    type === A
      ? reply(3)
      : reply(0, [{ type: "AAAA", ttlSeconds: 60, data: "2001:db8::1" }])
  );
  await using host = await Host.make(server.address.port);

  assert.deepEqual(await host.lookup("www.example"), ["2001:db8::1"]);
});

Deno.test("the hosts file comes first, for short names too, and its changes count at once", async () => {
  await using server = await ScriptedNameserver.start(knowing("192.0.2.1"));
  await using host = await Host.make(server.address.port, "search lab.example");

  await host.writeHosts("198.51.100.1 www.example\n::2 db.lab.example\n");
  assert.deepEqual(await host.lookup("WWW.example"), ["198.51.100.1"]);
  assert.deepEqual(await host.lookup("db"), ["::2"]);
  assert.deepEqual(server.asked, []);

  await host.writeHosts("");
  assert.deepEqual(await host.lookup("www.example"), ["192.0.2.1"]);
});

Deno.test("an answer is kept until its records expire, and asked for again when the nameservers change", async () => {
  await using server = await ScriptedNameserver.start(knowing("192.0.2.1"));
  await using other = await ScriptedNameserver.start(
    knowing("192.0.2.2"),
    "127.0.0.2",
    server.address.port,
  );
  await using host = await Host.make(server.address.port);

  await host.lookup("www.example");
  await host.lookup("www.example");
  assert.deepEqual(server.asked.toSorted(), [
    "udp www.example 1",
    "udp www.example 28",
  ]);

  await host.replaceResolvConf("nameserver 127.0.0.2\n");
  assert.deepEqual(await host.lookup("www.example"), ["192.0.2.2"]);
  assert.equal(other.asked.length, 2);
});

Deno.test("records with a life of zero are asked for each time", async () => {
  await using server = await ScriptedNameserver.start(({ reply }) =>
    reply(0, [{ type: "A", ttlSeconds: 0, data: "192.0.2.1" }])
  );
  await using host = await Host.make(server.address.port);

  await host.lookup("www.example");
  await host.lookup("www.example");

  const ofA = server.asked.filter((it) => it.endsWith(" 1"));
  assert.equal(ofA.length, 2);
});

Deno.test("nameservers that refuse, fail or are dead give way to the next one", async () => {
  await using last = await ScriptedNameserver.start(
    knowing("192.0.2.1"),
    "127.0.0.4",
  );
  const { port } = last.address;
  await using refusing = await ScriptedNameserver.start(
    ({ reply }) => reply(5),
    "127.0.0.1",
    port,
  );
  await using failing = await ScriptedNameserver.start(
    ({ reply }) => reply(2),
    "127.0.0.2",
    port,
  );
  await using host = await Host.make(port);
  // Nobody listens on the third.
  await host.replaceResolvConf(
    [1, 2, 3, 4].map((i) => `nameserver 127.0.0.${i}\n`).join(""),
  );

  assert.deepEqual(await host.lookup("www.example"), ["192.0.2.1"]);
  assert.equal(refusing.asked.length, 2);
  assert.equal(failing.asked.length, 2);

  // They failed a moment ago, so they are not asked first again.
  assert.deepEqual(await host.lookup("other.example"), ["192.0.2.1"]);
  assert.equal(refusing.asked.length, 2);
});

Deno.test("a silent nameserver costs a second, not the look-up", async () => {
  await using silent = await ScriptedNameserver.start(() => {});
  await using good = await ScriptedNameserver.start(
    knowing("192.0.2.1"),
    "127.0.0.2",
    silent.address.port,
  );
  await using host = await Host.make(silent.address.port);
  await host.replaceResolvConf(
    "nameserver 127.0.0.1\nnameserver 127.0.0.2\n",
  );
  const start = performance.now();

  assert.deepEqual(await host.lookup("www.example"), ["192.0.2.1"]);
  const firstMs = performance.now() - start;
  assert.deepEqual(await host.lookup("other.example"), ["192.0.2.1"]);
  const secondMs = performance.now() - start - firstMs;

  assert.ok(firstMs >= 950 && firstMs < 4_000, `${firstMs} ms`);
  assert.ok(secondMs < 900, `${secondMs} ms`);
  assert.equal(good.asked.length, 4);
});

Deno.test("a query that gets lost is sent again", async () => {
  const seen = new Set<number>();
  await using server = await ScriptedNameserver.start((query) => {
    if (seen.has(query.type)) return knowing("192.0.2.1")(query);
    seen.add(query.type);
  });
  await using host = await Host.make(server.address.port);

  assert.deepEqual(await host.lookup("www.example"), ["192.0.2.1"]);
});

Deno.test("a lying nameserver is not believed", async () => {
  await using server = await ScriptedNameserver.start((query) => {
    const forged = new Uint8Array(query.bytes);
    forged[0]! ^= 0x55;
    forged[2]! |= 0x80;
    query.send(forged);
    knowing("192.0.2.1")({
      ...query,
      reply: (rcode, records) =>
        setTimeout(() => query.reply(rcode, records), 50),
    });
  });
  await using host = await Host.make(server.address.port);

  assert.deepEqual(await host.lookup("www.example"), ["192.0.2.1"]);
});

Deno.test("a nameserver that never answers for AAAA holds the others up for two seconds", async () => {
  await using server = await ScriptedNameserver.start((query) => {
    if (query.type === A) return knowing("192.0.2.1")(query);
  });
  await using host = await Host.make(server.address.port);
  const start = performance.now();

  assert.deepEqual(await host.lookup("www.example"), ["192.0.2.1"]);

  assert.ok(performance.now() - start < 5_000);
});

Deno.test("an answer that ends in an alias is followed by another question", async () => {
  const alias = (target: string): Script => ({ bytes, send }) => {
    // One CNAME record with two labels, named by the question.
    const [first = "", second = ""] = target.split(".");
    const data = [first, second].flatMap((label) => [
      label.length,
      ...new TextEncoder().encode(label),
    ]);
    const answer = new Uint8Array([
      ...bytes,
      ...[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, data.length + 1],
      ...data,
      0,
    ]);
    answer[2]! |= 0x80;
    answer[7] = 1;
    send(answer);
  };
  await using server = await ScriptedNameserver.start((query) => {
    switch (query.name) {
      case "www.example":
        return alias("real.example")(query);
      case "loop.example":
        return alias("loop.example")(query);
      default:
        return knowing("192.0.2.1")(query);
    }
  });
  await using host = await Host.make(server.address.port);

  assert.deepEqual(await host.lookup("www.example"), ["192.0.2.1"]);
  assert.deepEqual(await host.lookup("loop.example"), []);
  assert.ok(server.asked.length < 30);
});

Deno.test("[dp 79] when all nameservers refuse, the name has no addresses", async () => {
  await using server = await ScriptedNameserver.start(({ reply }) => reply(5));
  await using host = await Host.make(server.address.port);

  assert.deepEqual(await host.lookup("www.example"), []);
});

Deno.test("[dp 80] a look-up that takes longer than ten seconds comes to nothing", async () => {
  await using server = await ScriptedNameserver.start(() => {});
  await using host = await Host.make(
    server.address.port,
    "search a.example b.example c.example",
  );
  const start = performance.now();

  assert.equal(await host.lookup("www.example"), undefined);

  const tookMs = performance.now() - start;
  assert.ok(tookMs >= 9_900 && tookMs < 14_000, `${tookMs} ms`);
});

Deno.test("[dp 76] of 1001 look-ups at a time the last is passed over, and closing ends all", async () => {
  await using server = await ScriptedNameserver.start(() => {});
  await using host = await Host.make(server.address.port);

  const lookups = Array.from(
    { length: 1_000 },
    (_, i) => host.lookup(`n${i}.example`),
  );
  // The same name again is one look-up.
  const same = host.lookup("n0.example");

  assert.equal(await host.lookup("more.example"), undefined);
  host.resolver.close();
  const outcomes = await Promise.all([...lookups, same]);
  assert.ok(outcomes.every((outcome) => outcome === undefined));
});

Deno.test("a look-up gives its place up once nobody waits for it", async () => {
  await using server = await ScriptedNameserver.start(() => {});
  await using host = await Host.make(server.address.port);
  await host.writeHosts("192.0.2.1 more.example\n");
  const [first, second] = [new AbortController(), new AbortController()];
  const lookups = Array.from(
    { length: 999 },
    (_, i) => host.lookup(`n${i}.example`),
  );
  const abandoned = [first, second].map(({ signal }) =>
    host.resolver.lookup("slow.example", signal)
  );

  first.abort();
  assert.equal(await host.lookup("more.example"), undefined);
  second.abort();
  assert.deepEqual(await host.lookup("more.example"), ["192.0.2.1"]);

  assert.deepEqual(await Promise.all(abandoned), [undefined, undefined]);
  host.resolver.close();
  await Promise.all(lookups);
});

Deno.test("[dp 114] a host without nameservers is warned about once and works once it has some", async () => {
  await using server = await ScriptedNameserver.start(knowing("192.0.2.1"));
  await using host = await Host.make(server.address.port);
  await host.replaceResolvConf("# nothing yet\n");

  assert.deepEqual(await host.lookup("www.example"), []);
  assert.deepEqual(await host.lookup("www.example"), []);
  assert.deepEqual(host.lines, [
    "warn No nameserver: names cannot be resolved",
  ]);

  await host.replaceResolvConf("nameserver 127.0.0.1\n");
  assert.deepEqual(await host.lookup("www.example"), ["192.0.2.1"]);
});

Deno.test("while resolv.conf is missing the nameservers it named stay in use", async () => {
  await using server = await ScriptedNameserver.start(knowing("192.0.2.1"));
  await using host = await Host.make(server.address.port);
  await host.lookup("www.example");

  await host.removeResolvConf();

  assert.deepEqual(await host.lookup("other.example"), ["192.0.2.1"]);
});

/** A host with files of its own, and a resolver that reads them. */
class Host implements AsyncDisposable {
  readonly resolver: Resolver;
  readonly lines: string[] = [];
  readonly #directory: string;

  private constructor(directory: string, port: number) {
    const clock = new Clock();
    const log = {
      ...NO_LOG,
      log: (level: LogLevel, message: string) =>
        void this.lines.push(`${level} ${message}`),
    };
    this.#directory = directory;
    this.resolver = new Resolver({
      hostDns: new HostDns(log, {
        resolvConf: `${directory}/resolv.conf`,
        hosts: `${directory}/hosts`,
      }),
      now: () => clock.now(),
      random: SYSTEM_RANDOM,
      port,
    });
  }

  /** Makes one whose nameserver is 127.0.0.1 at `port`, with further lines in its resolv.conf. */
  static async make(port: number, more = ""): Promise<Host> {
    const directory = await Deno.makeTempDir({ prefix: "firezone-dns-" });
    const host = new Host(directory, port);
    await host.replaceResolvConf(`nameserver 127.0.0.1\n${more}\n`);
    await host.writeHosts("");
    return host;
  }

  async lookup(domain: string): Promise<string[] | undefined> {
    return (await this.resolver.lookup(domain))?.map(formatIp);
  }

  /** Replaces the file as programs do that care: by renaming. */
  async replaceResolvConf(text: string): Promise<void> {
    await Deno.writeTextFile(`${this.#directory}/next`, text);
    await Deno.rename(
      `${this.#directory}/next`,
      `${this.#directory}/resolv.conf`,
    );
  }

  async removeResolvConf(): Promise<void> {
    await Deno.remove(`${this.#directory}/resolv.conf`);
  }

  /** Writes the file in place, as editors do. */
  async writeHosts(text: string): Promise<void> {
    await Deno.writeTextFile(`${this.#directory}/hosts`, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resolver.close();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

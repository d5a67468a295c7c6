import assert from "node:assert/strict";
import {
  formatSocketAddress,
  parseSocketAddress,
  toHex,
} from "../../lib/base/mod.ts";
import { readMessage, writeQuery } from "../../lib/dns/mod.ts";
import { type DnsExchange, exchange } from "../../lib/io/mod.ts";
import { libc } from "../../lib/io/libc.ts";
import { Lab } from "../../scripts/lab/lab.ts";
import { BlackHole } from "../support/black_hole.ts";
import { Dnsmasq } from "../support/dnsmasq.ts";
import {
  freePort,
  type Script,
  ScriptedNameserver,
} from "../support/scripted_nameserver.ts";
import { requireTools } from "../support/tools.ts";

// Loaded for all tests: a library is never closed, which a single test would be blamed for.
libc();

const QUERY = writeQuery({ id: 0x1234, name: "www.example", type: "A" });
const TRANSPORTS = ["udp", "tcp"] as const;

const answering: Script = ({ reply }) => reply(0);

for (const hostname of ["127.0.0.1", "::1"]) {
  for (const transport of TRANSPORTS) {
    Deno.test(`dnsmasq on ${hostname} answers a query over ${transport}`, async () => {
      requireTools("dnsmasq");
      const port = await freePort(hostname);
      await using _dnsmasq = await Dnsmasq.start(hostname, port, [
        "--host-record=www.example,192.0.2.1",
      ]);
      const host = hostname.includes(":") ? `[${hostname}]` : hostname;

      const answer = await exchange({
        server: parseSocketAddress(`${host}:${port}`)!,
        transport,
        query: QUERY,
        limitMs: 5_000,
        mark: true,
      });

      assert.ok(answer);
      const { id, name, rcode } = readMessage(answer)!;
      assert.deepEqual([id, name, rcode], [0x1234, "www.example", 0]);
      assert.ok(toHex(answer).endsWith("0004c0000201"));
    });
  }
}

Deno.test("over UDP an answer with another ID, question or source is passed over", async () => {
  const other = writeQuery({ id: 0x1234, name: "evil.example", type: "A" });
  await using server = await ScriptedNameserver.start((query) => {
    const { bytes, send, sendFromElsewhere } = query;
    const forged = answerTo(bytes);
    forged[1]! ^= 1;
    send(forged);
    send(answerTo(other));
    send(bytes); // A query is no answer.
    send(Uint8Array.of(1, 2, 3));
    const fromElsewhere = answerTo(bytes);
    fromElsewhere[3]! |= 5;
    sendFromElsewhere(fromElsewhere);
    setTimeout(() => send(answerTo(bytes)), 100);
  });

  const answer = await exchange(request(server, "udp"));

  assert.deepEqual(answer, answerTo(QUERY));
});

Deno.test("over TCP an answer to another question is none", async () => {
  await using server = await ScriptedNameserver.start(({ bytes, send }) => {
    const forged = answerTo(bytes);
    forged[1]! ^= 1;
    send(forged);
  });

  assert.equal(await exchange(request(server, "tcp")), undefined);
});

for (const transport of TRANSPORTS) {
  Deno.test(`a nameserver that says nothing over ${transport} is given up at the limit`, async () => {
    await using server = await ScriptedNameserver.start(() => {});
    const start = performance.now();

    const answer = await exchange(request(server, transport, { limitMs: 300 }));

    const tookMs = performance.now() - start;
    assert.equal(answer, undefined);
    assert.ok(tookMs >= 290 && tookMs < 2_000, `${tookMs} ms`);
  });

  Deno.test(`a port where nobody listens is given up at once over ${transport}`, async () => {
    const port = await freePort();
    const server = parseSocketAddress(`127.0.0.1:${port}`)!;
    const start = performance.now();

    const answer = await exchange({
      server,
      transport,
      query: QUERY,
      limitMs: 5_000,
      mark: true,
    });

    assert.equal(answer, undefined);
    assert.ok(performance.now() - start < 2_000);
  });

  Deno.test(`an exchange over ${transport} can be abandoned`, async () => {
    await using server = await ScriptedNameserver.start(() => {});
    const stop = new AbortController();
    const start = performance.now();

    const answer = exchange(
      request(server, transport, { signal: stop.signal }),
    );
    stop.abort();

    assert.equal(await answer, undefined);
    assert.ok(performance.now() - start < 2_000);
    const late = request(server, transport, { signal: stop.signal });
    assert.equal(await exchange(late), undefined);
  });
}

Deno.test("a TCP connection that is never accepted is given up at the limit", async () => {
  using hole = await BlackHole.dig("127.0.0.1", 0);
  const server = parseSocketAddress(`127.0.0.1:${hole.port}`)!;
  const start = performance.now();

  const answer = await exchange({
    server,
    transport: "tcp",
    query: QUERY,
    limitMs: 300,
    mark: true,
  });

  assert.equal(answer, undefined);
  assert.ok(performance.now() - start < 2_000);
});

Deno.test("over TCP the longest answer arrives whole, and one that breaks off is none", async () => {
  const long = new Uint8Array(65_535);
  long.set(answerTo(QUERY));
  await using server = await ScriptedNameserver.start(({ send }) => send(long));

  assert.deepEqual(await exchange(request(server, "tcp")), long);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const breakingOff = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(512));
    await conn.write(Uint8Array.of(0, 100, 0x12, 0x34));
  })();
  const { port } = listener.addr;
  const answer = await exchange({
    ...request(server, "tcp"),
    server: parseSocketAddress(`127.0.0.1:${port}`)!,
  });
  assert.equal(answer, undefined);
  await breakingOff;
  listener.close();
});

Deno.test("a thousand exchanges at a time all get their own answer", async () => {
  await using server = await ScriptedNameserver.start(answering);

  // As many datagrams as fit in the server's receive buffer; the rest over TCP.
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, id) =>
      exchange({
        ...request(server, id % 5 === 0 ? "udp" : "tcp"),
        query: writeQuery({ id, name: `n${id}.example`, type: "A" }),
      })),
  );

  for (const [id, answer] of answers.entries()) {
    const read = answer && readMessage(answer);
    assert.deepEqual([read?.id, read?.name], [id, `n${id}.example`]);
  }
});

Deno.test("what is no query is not sent", async () => {
  await using server = await ScriptedNameserver.start(answering);

  for (const query of [new Uint8Array(0), QUERY.subarray(0, 20)]) {
    const asked = { ...request(server, "udp"), query };
    assert.equal(await exchange(asked), undefined);
  }

  assert.deepEqual(server.asked, []);
});

Deno.test("[dp 21] sockets to nameservers carry the mark from their first packet on", async () => {
  requireTools("ip", "nft", "dnsmasq");
  await using lab = new Lab("fzdns");
  await lab.addBox("marks");
  await lab.nft(
    "marks",
    `table inet t {
      chain out { type filter hook output priority 0;
        meta mark 0xfd002021 udp dport 53 counter comment "udp marked"
        meta mark 0 udp dport 53 counter comment "udp plain"
        meta mark 0xfd002021 tcp dport 53 tcp flags syn counter comment "tcp marked"
        meta mark 0 tcp dport 53 tcp flags syn counter comment "tcp plain"
      }
    }`,
  );
  await using _dnsmasq = await Dnsmasq.start(
    "127.0.0.1",
    53,
    ["--host-record=www.example,192.0.2.1"],
    (label, command) => lab.spawn("marks", label, command),
  );

  const script = new URL("../support/dns_asker.ts", import.meta.url).pathname;
  const printed = await lab.must(
    "marks",
    Deno.execPath(),
    "run",
    "--allow-all",
    script,
    formatSocketAddress(parseSocketAddress("127.0.0.1:53")!),
  );

  assert.equal(
    printed,
    "udp true answer\nudp false answer\ntcp true answer\ntcp false answer\n",
  );
  const rules = await lab.must("marks", "nft", "list", "ruleset");
  const counts = [...rules.matchAll(/packets (\d+) .* comment "(.*)"/g)]
    .map(([, count, what]) => `${what}: ${count}`);
  assert.deepEqual(counts, [
    "udp marked: 1",
    "udp plain: 1",
    "tcp marked: 1",
    "tcp plain: 1",
  ]);
});

function request(
  server: ScriptedNameserver,
  transport: "udp" | "tcp",
  more: Partial<DnsExchange> = {},
): DnsExchange {
  return {
    server: server.address,
    transport,
    query: QUERY,
    limitMs: 5_000,
    mark: true,
    ...more,
  };
}

/** The query with the bit that makes it an answer. */
function answerTo(query: Uint8Array): Uint8Array {
  const answer = new Uint8Array(query);
  answer[2]! |= 0x80;
  return answer;
}

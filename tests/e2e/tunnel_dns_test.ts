import assert from "node:assert/strict";
import { type IpAddress, NO_LOG, parseIp, toHex } from "../../lib/base/mod.ts";
import { readMessage, writeQuery } from "../../lib/dns/mod.ts";
import {
  Clock,
  type DnsBindError,
  exchange,
  HostDns,
  SYSTEM_RANDOM,
  TunnelDns,
} from "../../lib/io/mod.ts";
import { libc } from "../../lib/io/libc.ts";
import { Dnsmasq } from "../support/dnsmasq.ts";
import { until } from "../support/until.ts";
import {
  freePort,
  type Script,
  ScriptedNameserver,
} from "../support/scripted_nameserver.ts";
import { requireTools } from "../support/tools.ts";

// Loaded for all tests: a library is never closed, which a single test would be blamed for.
libc();

const TRANSPORTS = ["udp", "tcp"] as const;

/** Where clients ask, data-plane spec §1.4. */
const PORT = 53_535;

/** A loopback address of our own stands for the gateway's in the tunnel. */
const SERVICE = `127.${Deno.pid >> 16 & 0xff}.${Deno.pid >> 8 & 0xff}.${
  (Deno.pid & 0xff) || 1
}`;

const answering: Script = ({ reply }) => reply(0);
const refusing: Script = ({ reply }) => reply(5);
const silent: Script = () => {};

Deno.test("[dp 109] [dp 110] dig gets records of any type through the service, over UDP and TCP, IPv4 and IPv6", async () => {
  requireTools("dnsmasq", "dig");
  const port = await freePort();
  await using _dnsmasq = await Dnsmasq.start("127.0.0.1", port, [
    "--host-record=www.example,192.0.2.1,2001:db8::1",
    "--srv-host=_sip._tcp.example,www.example,5060,1,2",
    "--txt-record=text.example,hello",
    "--mx-host=mail.example,www.example,10",
  ]);
  await using service = await Service.start(port, [SERVICE, "::1"]);

  for (const hostname of [SERVICE, "::1"]) {
    for (const transport of ["+notcp", "+tcp"]) {
      const dig = (...args: string[]) =>
        service.dig(hostname, transport, ...args);
      assert.deepEqual(await dig("_sip._tcp.example", "SRV"), [
        "1 2 5060 www.example.",
      ]);
      assert.deepEqual(await dig("text.example", "TXT"), ['"hello"']);
      assert.deepEqual(await dig("mail.example", "MX"), ["10 www.example."]);
      assert.deepEqual(await dig("www.example", "AAAA"), ["2001:db8::1"]);
    }
  }
});

Deno.test("[dp 110] a query is forwarded byte for byte over the transport it came by, and the answer too", async () => {
  const forwarded: string[] = [];
  await using server = await ScriptedNameserver.start((query) => {
    if (query.name === "firezone.dev") return query.reply(0);
    forwarded.push(`${query.transport} ${toHex(query.bytes)}`);
    const answer = new Uint8Array([...query.bytes, 1, 2, 3]);
    answer[2]! |= 0x80;
    query.send(answer);
  });
  await using service = await Service.start(server.address.port);
  // With bits that few use, and trailing bytes.
  const query = new Uint8Array([...QUERY, 9, 9]);
  query[3]! |= 0x30;

  for (const transport of TRANSPORTS) {
    const answer = await service.ask(transport, query);

    const wanted = new Uint8Array([...query, 1, 2, 3]);
    wanted[2]! |= 0x80;
    assert.deepEqual(answer, wanted);
  }
  assert.deepEqual(forwarded, [
    `udp ${toHex(query)}`,
    `tcp ${toHex(query)}`,
  ]);
});

for (const transport of TRANSPORTS) {
  Deno.test(`[dp 111] a nameserver silent over ${transport} means SERVFAIL after five seconds`, async () => {
    await using server = await ScriptedNameserver.start(silent);
    await using service = await Service.start(server.address.port);
    const start = performance.now();

    const answer = await service.ask(transport);

    const tookMs = performance.now() - start;
    assert.equal(readMessage(answer!)?.rcode, 2);
    assert.equal(toHex(answer!.subarray(12)), toHex(QUERY.subarray(12)));
    assert.ok(tookMs > 4_900 && tookMs < 8_000, `${tookMs} ms`);
  });

  Deno.test(`[dp 111] a dead nameserver and none at all mean SERVFAIL at once over ${transport}`, async () => {
    await using service = await Service.start(await freePort());
    const start = performance.now();

    assert.equal(readMessage((await service.ask(transport))!)?.rcode, 2);
    await service.setNameservers();
    assert.equal(readMessage((await service.ask(transport))!)?.rcode, 2);

    assert.ok(performance.now() - start < 2_000);
  });
}

Deno.test("[dp 112] a long answer is cut over UDP, so that dig asks again over TCP", async () => {
  requireTools("dnsmasq", "dig");
  const port = await freePort();
  const text = "x".repeat(250);
  await using _dnsmasq = await Dnsmasq.start("127.0.0.1", port, [
    `--txt-record=long.example,${Array(8).fill(text).join()}`,
    "--edns-packet-max=4096",
  ]);
  await using service = await Service.start(port);

  const cut = await service.dig(
    SERVICE,
    "+noshort",
    "+ignore",
    "+bufsize=4096",
    "+noall",
    "+comments",
    "long.example",
    "TXT",
  );
  const whole = await service.dig(
    SERVICE,
    "+bufsize=4096",
    "long.example",
    "TXT",
  );

  assert.match(cut.join("\n"), /flags: .*\btc\b.*ANSWER: 0/);
  assert.equal(whole.join("").replace(/[" ]/g, "").length, 2_000);
});

Deno.test("the fastest nameserver is asked, and another one once it is dead", async () => {
  await using slow = await ScriptedNameserver.start((query) => {
    setTimeout(() => query.reply(0), 60);
  });
  await using fast = await ScriptedNameserver.start(
    answering,
    "127.0.0.2",
    slow.address.port,
  );
  await using service = await Service.start(slow.address.port);
  await service.setNameservers("127.0.0.1", "127.0.0.2");
  // The first query makes the service try both. It knows them once both were tried.
  await service.ask("udp");
  const isProbed = (server: ScriptedNameserver) =>
    server.asked.includes("tcp firezone.dev 1") &&
    server.asked.includes("udp firezone.dev 1");
  await until(() => isProbed(slow) && isProbed(fast));
  await until(async () => {
    const before = fast.asked.length;
    await service.ask("udp");
    return fast.asked.length > before;
  });

  for (const transport of TRANSPORTS) {
    await until(async () => {
      const before = fast.asked.length;
      assert.equal(readMessage((await service.ask(transport))!)?.rcode, 0);
      return fast.asked.length > before;
    });
  }

  await fast[Symbol.asyncDispose]();
  for (const transport of TRANSPORTS) {
    const rcode = async () =>
      readMessage((await service.ask(transport))!)?.rcode;
    assert.equal(await rcode(), 2);
    // The slow one may not have answered its probe yet.
    await until(async () => await rcode() === 0);
  }
});

Deno.test("[dp 114] a nameserver that refuses the probe still serves, and one that comes up late is used", async () => {
  const port = await freePort();
  await using service = await Service.start(port);
  assert.equal(readMessage((await service.ask("udp"))!)?.rcode, 2);

  await using server = await ScriptedNameserver.start(
    refusing,
    "127.0.0.1",
    port,
  );

  for (const transport of TRANSPORTS) {
    const answer = await service.ask(transport);
    assert.equal(readMessage(answer!)?.rcode, 5);
  }
  assert.ok(server.asked.length >= 2);
});

Deno.test("[dp 109] binding again replaces the addresses and keeps the service up", async () => {
  await using server = await ScriptedNameserver.start(answering);
  await using service = await Service.start(server.address.port);

  for (let i = 0; i < 5; i++) await service.bind(SERVICE);
  assert.ok(await service.ask("udp"));
  assert.ok(await service.ask("tcp"));

  // The last of several calls at a time counts.
  void service.bind(SERVICE);
  void service.bind();
  await service.bind("::1");
  assert.equal(await service.ask("udp"), undefined);
  assert.equal(await service.ask("tcp"), undefined);
  assert.ok(await service.ask("udp", QUERY, "::1"));
  assert.deepEqual(service.failures, []);
});

Deno.test("[dp 109] an address that comes late is tried three times before it is a failure", async () => {
  await using server = await ScriptedNameserver.start(answering);
  await using service = await Service.start(server.address.port);
  const blocker = Deno.listen({ hostname: "::1", port: PORT });

  const binding = service.bind(SERVICE, "::1");
  setTimeout(() => blocker.close(), 150);
  await binding;
  assert.deepEqual(service.failures, []);
  assert.ok(await service.ask("tcp", QUERY, "::1"));

  const start = performance.now();
  await service.bind(SERVICE, "203.0.113.7");
  const tookMs = performance.now() - start;
  assert.equal(service.failures.length, 1);
  assert.match(service.failures[0]!, /Cannot listen for DNS: .*203\.0\.113\.7/);
  assert.ok(tookMs >= 290 && tookMs < 3_000, `${tookMs} ms`);
  // All or nothing.
  assert.equal(await service.ask("udp"), undefined);
});

const QUERY = writeQuery({ id: 0x1234, name: "www.example", type: "A" });

/** The service on a loopback address, its nameservers on loopback as well. */
class Service implements AsyncDisposable {
  readonly failures: string[] = [];
  readonly #dns: TunnelDns;
  readonly #resolvConf: string;

  private constructor(resolvConf: string, port: number) {
    const clock = new Clock();
    this.#resolvConf = resolvConf;
    this.#dns = new TunnelDns({
      hostDns: new HostDns(NO_LOG, { resolvConf, hosts: "/dev/null" }),
      now: () => clock.now(),
      random: SYSTEM_RANDOM,
      log: NO_LOG,
      onFailure: (error: DnsBindError) =>
        void this.failures.push(error.message),
      port,
    });
  }

  static async start(
    port: number,
    addresses: readonly string[] = [SERVICE],
  ): Promise<Service> {
    const resolvConf = await Deno.makeTempFile({ prefix: "firezone-dns-" });
    await Deno.writeTextFile(resolvConf, "nameserver 127.0.0.1\n");
    const service = new Service(resolvConf, port);
    await service.bind(...addresses);
    return service;
  }

  bind(...addresses: readonly string[]): Promise<void> {
    return this.#dns.bind(addresses.map(ip));
  }

  async setNameservers(...addresses: readonly string[]): Promise<void> {
    const lines = addresses.map((address) => `nameserver ${address}\n`);
    await Deno.writeTextFile(this.#resolvConf, lines.join(""));
  }

  ask(
    transport: "udp" | "tcp",
    query: Uint8Array = QUERY,
    hostname = SERVICE,
  ): Promise<Uint8Array | undefined> {
    const server = { ip: ip(hostname), port: PORT };
    return exchange({ server, transport, query, limitMs: 9_000, mark: false });
  }

  /** Asks with Debian's dig and returns the lines of its short output. */
  async dig(hostname: string, ...args: readonly string[]): Promise<string[]> {
    const { stdout } = await new Deno.Command("dig", {
      args: [
        `@${hostname}`,
        `-p${PORT}`,
        "+short",
        "+time=5",
        "+tries=1",
        ...args,
      ],
    }).output();
    return new TextDecoder().decode(stdout).trim().split("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dns.close();
    await Deno.remove(this.#resolvConf);
  }
}

function ip(text: string): IpAddress {
  return parseIp(text)!;
}

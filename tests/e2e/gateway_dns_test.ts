import assert from "node:assert/strict";
import {
  FirezoneLab,
  PROGRAM_FROM_SOURCE,
} from "../../scripts/lab/firezone_lab.ts";
import { Dnsmasq } from "../support/dnsmasq.ts";
import { requireTools } from "../support/tools.ts";
import { until } from "../support/until.ts";

/** How long the gateway may take to notice a portal that is back, in ms. */
const REJOIN_MS = 30_000;

Deno.test("[dp 21] [dp 22] [dp 109] [dp 136] a gateway serves DNS on its tunnel addresses, without the portal and after it came back", async () => {
  requireTools("ip", "nft", "dig", "dnsmasq", "unshare");
  await using files = await ResolvConf.make();
  await using demo = new FirezoneLab("fzdns");
  await demo.build();
  const { lab } = demo;
  await lab.nft("gateway", COUNTERS);
  await using _dnsmasq = await Dnsmasq.start(
    "127.0.0.1",
    53,
    ["--srv-host=_sip._tcp.example,www.example,5060,1,2"],
    (label, command) => lab.spawn("gateway", label, command),
  );
  const portal = await demo.startPortal();
  const gateway = await demo.startGateway(files.around(PROGRAM_FROM_SOURCE));

  const addresses = await tunnelAddresses(demo);
  const expectService = async () => {
    for (const address of addresses) {
      for (const transport of ["+notcp", "+tcp"]) {
        // Binding takes a moment after the interface is configured.
        await until(async () => {
          const { stdout } = await lab.run(
            "gateway",
            ...["dig", `@${address}`, "-p53535", "+short", transport],
            ...["+time=5", "+tries=1", "_sip._tcp.example", "SRV"],
          );
          return stdout === "1 2 5060 www.example.\n";
        });
      }
    }
  };
  assert.equal(addresses.length, 2);
  await expectService();

  await portal.stop();
  await gateway.waitFor(/Lost the portal/, REJOIN_MS);
  await expectService();

  gateway.lines.length = 0;
  await demo.startPortal();
  await gateway.waitFor(/Interface configured/, REJOIN_MS);
  await expectService();

  const counts = await countersOf(demo);
  assert.equal(counts.get("asked unmarked"), 0);
  assert.equal(counts.get("opened unmarked"), 0);
  assert.equal(counts.get("answered marked"), 0);
  assert.ok(counts.get("asked marked")! > 0);
  assert.ok(counts.get("opened marked")! > 0);
  assert.ok(counts.get("answered unmarked")! > 0);
  assert.equal(await gateway.stop(), 0);
});

/**
 * Nameservers are asked with the mark, clients are answered without. dig asks
 * from the same box, at another port. Of streams to nameservers only what
 * opens them counts: the kernel ends some without their socket.
 */
const COUNTERS = `table inet t {
  chain out { type filter hook output priority 0;
    udp dport 53 meta mark 0xfd002021 counter comment "asked marked"
    udp dport 53 meta mark != 0xfd002021 counter comment "asked unmarked"
    tcp dport 53 tcp flags syn meta mark 0xfd002021 counter comment "opened marked"
    tcp dport 53 tcp flags syn meta mark != 0xfd002021 counter comment "opened unmarked"
    meta l4proto { tcp, udp } th sport 53535 meta mark 0xfd002021 counter comment "answered marked"
    meta l4proto { tcp, udp } th sport 53535 meta mark != 0xfd002021 counter comment "answered unmarked"
  }
}`;

async function countersOf({ lab }: FirezoneLab): Promise<Map<string, number>> {
  const rules = await lab.must("gateway", "nft", "list", "ruleset");
  return new Map(
    [...rules.matchAll(/packets (\d+) .* comment "(.*)"/g)]
      .map(([, count, what = ""]) => [what, Number(count)]),
  );
}

async function tunnelAddresses({ lab }: FirezoneLab): Promise<string[]> {
  const listed = await lab.must(
    "gateway",
    ...["ip", "-oneline", "address", "show", "dev", "tun-firezone"],
  );
  return [...listed.matchAll(/inet6? ([0-9a-f.:]+)\//g)]
    .map(([, address = ""]) => address);
}

/** A resolv.conf that one program sees in place of the host's. */
class ResolvConf implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async make(): Promise<ResolvConf> {
    const path = await Deno.makeTempFile({ prefix: "firezone-dns-" });
    await Deno.writeTextFile(path, "nameserver 127.0.0.1\n");
    return new ResolvConf(path);
  }

  /** The command that runs `program` in a mount namespace of its own. Deno's question for updates would go out unmarked. */
  around(program: readonly string[]): string[] {
    const script = 'mount --bind "$0" /etc/resolv.conf && ' +
      'DENO_NO_UPDATE_CHECK=1 exec "$@"';
    return ["unshare", "--mount", "sh", "-c", script, this.#path, ...program];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#path);
  }
}

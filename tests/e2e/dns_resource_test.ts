import assert from "node:assert/strict";
import {
  BIG_TXT_BYTES,
  CLIENT_RESOLVER,
  NAMES,
  TEXT,
} from "../../scripts/lab/dns_server.ts";
import { narrowIpv6 } from "../../scripts/lab/faults.ts";
import { FAR_MTU, SITES } from "../../scripts/lab/sites.ts";
import { SshServer } from "../../scripts/lab/ssh_server.ts";
import {
  CURL,
  FAMILIES,
  type FamilyFlag,
  PolicyLab,
} from "./policy_support.ts";
import { sha256OfZeros } from "./recovery_support.ts";

const PROXY = {
  "-4": /^100\.(?:9[6-9]|1[01]\d|12[0-7])\./,
  "-6": /^fd00:2021:1111:8000:/,
};
const OUTSIDE = { "-4": SITES.portal, "-6": SITES.portalIpv6 };
const SERVICE_PORT = "53535";
const UDP_BYTES = 2_000_000;
const SSH_BYTES = 3_000_000;
const UPLOAD_BYTES = 2_000_000;

/** The least that IPv6 works with, RFC 8200 §5, and all that the tunnel carries. */
const IPV6_MTU = 1280;
const PATH_MTU_SCRIPT =
  new URL("../support/path_mtu.py", import.meta.url).pathname;

Deno.test("a user at the client works with DNS resources as if they were next door", async (t) => {
  await using lab = await PolicyLab.start();
  await using ssh = await SshServer.start(lab.demo.lab, "web");

  for (const { family, flag, record } of FAMILIES) {
    await t.step(
      `a name of a resource has proxy addresses of ${family}, one outside its own`,
      async () => {
        const proxies = await lab.dig(NAMES.app, record);
        const outside = await lab.dig(NAMES.outside, record);

        assert.ok(proxies.length > 0);
        for (const ip of proxies) assert.match(ip, PROXY[flag]);
        assert.deepEqual(outside, [OUTSIDE[flag]]);
      },
    );

    await t.step(`curl fetches over ${family}`, async () => {
      await lab.expectGreeting(NAMES.app, flag);
    });

    await t.step(
      `[dp 94] ping over ${family} gets every answer in turn`,
      async () => {
        const text = await lab.must(
          ...["ping", flag, "-n", "-c", "5", "-i", "0.1", "-W", "2", NAMES.app],
        );

        const sequence = [...text.matchAll(/(?:icmp_)?seq=(\d+)/g)];
        assert.deepEqual(sequence.map(([, n]) => Number(n)), [1, 2, 3, 4, 5]);
      },
    );

    await t.step(
      `ssh logs in over ${family} and moves data both ways`,
      async () => {
        const echo = ssh.command(NAMES.app, "cat", flag);
        const script =
          'set -o pipefail; head -c "$0" /dev/zero | "$@" | sha256sum';
        const text = await lab.must(
          ...["bash", "-c", script, String(SSH_BYTES), ...echo],
        );

        assert.equal(text.slice(0, 64), await sha256OfZeros(SSH_BYTES));
      },
    );

    for (const { way, options } of UDP_WAYS) {
      await t.step(
        `${UDP_BYTES / 1e6} MB of UDP arrive ${way} over ${family}`,
        async () => {
          const sum = await exchangeUdp(lab, flag, options);

          assert.ok(sum.packets >= UDP_BYTES / 1_200, `${sum.packets} packets`);
          assert.ok(sum.lost_percent < 1, `${sum.lost_percent} % lost`);
        },
      );
    }

    await t.step(
      `[dp 102] tracepath over ${family} reaches the server under its proxy address`,
      async () => {
        const text = await lab.must(
          ...["tracepath", flag, "-n", "-m", "4", NAMES.app],
        );

        const reached = /^\s*2:\s+(\S+) .*reached/m.exec(text)?.[1] ?? text;
        assert.match(reached, PROXY[flag]);
      },
    );

    await t.step(
      `[dp 109] [dp 110] the gateway's DNS service answers over ${family}, UDP and TCP`,
      async () => {
        const server = await gatewayAddress(lab, flag);
        for (const transport of ["+notcp", "+tcp"]) {
          const at = [`@${server}`, "-p", SERVICE_PORT, transport];
          assert.deepEqual(await lab.dig(...at, NAMES.app, "TXT"), [
            `"${TEXT}"`,
          ]);
        }
      },
    );
  }

  await t.step(
    "[dp 110] TXT and SRV records of a resource come from behind the gateway",
    async () => {
      assert.deepEqual(await lab.dig(NAMES.app, "TXT"), [`"${TEXT}"`]);
      assert.deepEqual(await lab.dig(NAMES.service, "SRV"), [
        `0 0 80 ${NAMES.app}.`,
      ]);
    },
  );

  await t.step(
    "[ops 12] [dp 112] an answer of 2048 bytes sends a UDP query to TCP",
    async () => {
      const text = await lab.must("dig", NAMES.big, "TXT");

      assert.match(text, /;; Truncated, retrying in TCP mode/);
      assert.match(text, /SERVER: .*\(TCP\)/);
      const strings = [...text.matchAll(/"(x*)"/g)].map(([, it = ""]) => it);
      assert.equal(strings.join("").length, BIG_TXT_BYTES);
    },
  );

  await t.step(
    "[ops 12] DNS over TCP knows short names, full names and those outside",
    async () => {
      const short = await lab.dig("+tcp", "+search", NAMES.short);
      const full = await lab.dig("+tcp", NAMES.app);
      const outside = await lab.dig("+tcp", NAMES.outside);

      for (const ip of [...short, ...full]) assert.match(ip, PROXY["-4"]);
      assert.notEqual(short.length, 0);
      assert.notEqual(full.length, 0);
      assert.deepEqual(outside, [SITES.portal]);
    },
  );

  await t.step(
    "[ops 6] a short name is found in the search domain",
    async () => {
      assert.equal(await lab.ping(NAMES.short), "answered");
      await lab.expectGreeting(NAMES.short);
    },
  );

  await t.step("[ops 9] two resources answer one after the other", async () => {
    assert.equal(
      await lab.ping(`${NAMES.short}.${NAMES.searchDomain}`),
      "answered",
    );
    assert.equal(await lab.ping(NAMES.files[0]), "answered");
  });

  await t.step(
    "[dp 91] names of any depth below a deep wildcard are reached",
    async () => {
      for (const name of ["", "a.", "a.b."]) {
        await lab.expectGreeting(`${name}${NAMES.wildcard}`);
      }
    },
  );

  await t.step(
    "[dp 93] two names of one server are kept apart, whatever each may be used for",
    async () => {
      const [app] = await lab.dig(NAMES.app);
      const [mirror] = await lab.dig(NAMES.mirror);

      assert.notEqual(app, mirror);
      await lab.expectGreeting(NAMES.mirror);
      assert.equal(await lab.ping(NAMES.app), "answered");
      assert.notEqual(await lab.ping(NAMES.mirror), "answered");
    },
  );

  await t.step(
    "[dp 87] a name without IPv6 refuses it at once, and curl goes on with IPv4",
    async () => {
      await lab.expectRefusal(NAMES.ipv4Only, "-6");
      assert.equal(await lab.ping(NAMES.ipv4Only, "-6"), "unreachable");
      assert.ok(await secondsToGreet(lab, NAMES.ipv4Only) < 1);
    },
  );

  await t.step(
    "[dp 87] a name without IPv4 refuses it at once, and curl uses IPv6",
    async () => {
      await lab.expectRefusal(NAMES.ipv6Only, "-4");
      assert.equal(await lab.ping(NAMES.ipv6Only, "-4"), "unreachable");
      assert.ok(await secondsToGreet(lab, NAMES.ipv6Only) < 1);
    },
  );

  await t.step(
    "[dp 79] a name without addresses refuses both families at once",
    async () => {
      for (const { flag } of FAMILIES) {
        assert.equal(await lab.ping(NAMES.empty, flag), "unreachable");
        await lab.expectRefusal(NAMES.empty, flag);
      }
    },
  );

  await t.step(
    "[dp 103] a narrow link behind the gateway tells senders so, and transfers through it complete",
    async () => {
      const zeros = ["bash", "-c", 'head -c "$0" /dev/zero | "$@"'];
      const post = ["curl", ...CURL, "--data-binary", "@-"];
      const sent = await lab.must(
        ...[...zeros, String(UPLOAD_BYTES), ...post, `http://${NAMES.far}/`],
      );
      const [proxy = ""] = await lab.dig(NAMES.far);
      const route = await lab.must("ip", "route", "get", proxy);
      const size = await lab.must(
        ...["curl", ...CURL, "-o", "/dev/null", "-w", "%{size_download}"],
        `http://${NAMES.far}/bytes/${UPLOAD_BYTES}`,
      );

      assert.equal(Number(sent), UPLOAD_BYTES);
      assert.match(route, new RegExp(`mtu ${FAR_MTU}\\b`));
      assert.equal(Number(size), UPLOAD_BYTES);
    },
  );

  await t.step(
    "[dp 103] tracepath finds the narrow link by the errors of the router before it",
    async () => {
      const text = await lab.must(
        "tracepath",
        "-4",
        "-n",
        "-m",
        "5",
        NAMES.far,
      );

      assert.match(text, new RegExp(`pmtu ${FAR_MTU}\\b`));
      assert.match(text, /^\s*3:\s+100\.\S+ .*reached/m);
    },
  );

  await t.step(
    "[dp 103] a packet too big for a link comes back to its sender under the name's own address, over IPv6",
    async () => {
      await narrowIpv6(lab.demo.lab, IPV6_MTU);
      const [proxy = ""] = await lab.dig(NAMES.app, "AAAA");
      const probe = ["python3", PATH_MTU_SCRIPT, proxy, "1200"];

      assert.equal(await lab.must(...probe), `${proxy} ${IPV6_MTU}\n`);
    },
  );

  await t.step("the client's resolver is the one that was asked", async () => {
    const text = await lab.must("dig", NAMES.app);
    assert.match(text, new RegExp(`SERVER: ${CLIENT_RESOLVER}#53`));
  });

  await t.step(
    "[ops 6] without the gateway the name leads nowhere",
    async () => {
      assert.equal(await lab.gateway.stop(), 0);
      const { code } = await lab.run(
        ...["curl", "-sS", "-m", "3", `http://${NAMES.short}/`],
      );
      assert.notEqual(code, 0);
    },
  );

  await t.step(
    "[dp 101] no packet of all these had a wrong checksum",
    async () => {
      await lab.expectHealth();
    },
  );
});

/** Options of iperf3 for both directions. */
const UDP_WAYS = [
  { way: "at the server", options: [] },
  { way: "from the server", options: ["-R"] },
];

/** Sends UDP one way, and returns what of it arrived. */
async function exchangeUdp(
  lab: PolicyLab,
  flag: FamilyFlag,
  options: readonly string[],
): Promise<{ packets: number; lost_percent: number }> {
  // Its answers must come from the address that was asked.
  const own = flag === "-6" ? SITES.appIpv6 : SITES.app;
  const serve = ["iperf3", "-s", "-1", "--forceflush", "-B", own];
  const server = lab.demo.lab.spawn("web", "iperf3", serve);
  await server.waitFor(/Server listening/, 5_000);
  const sized = ["-u", "-l", "1200", "-n", String(UDP_BYTES), "-b", "10M"];
  const text = await lab.must(
    ...["iperf3", "-J", flag, "-c", NAMES.app, ...sized, ...options],
  );
  return JSON.parse(text).end.sum;
}

/** How long curl takes, without being told a family, until it has the greeting. */
async function secondsToGreet(lab: PolicyLab, host: string): Promise<number> {
  const time = ["-o", "/dev/null", "-w", "%{time_total}"];
  return Number(await lab.must("curl", ...CURL, ...time, `http://${host}/`));
}

/** The tunnel address of the gateway. */
async function gatewayAddress(
  { demo }: PolicyLab,
  flag: FamilyFlag,
): Promise<string> {
  const json = await demo.lab.must(
    "gateway",
    ...["ip", flag, "-j", "address", "show", "dev", "tun-firezone"],
  );
  return JSON.parse(json)[0].addr_info[0].local;
}

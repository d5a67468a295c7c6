import assert from "node:assert/strict";
import { parseIp, type SocketAddress } from "../../lib/base/mod.ts";
import {
  diagnosisOf,
  type DoctorEffects,
  type DoctorSettings,
  examine,
  type Probe,
  type ProbeInputs,
  renderDiagnoses,
} from "../../lib/cli/doctor.ts";
import {
  probeBuffers,
  probeHost,
  probeInterface,
  probePort,
  probeProgram,
} from "../../lib/cli/doctor_host.ts";
import {
  probeNameservers,
  probePortal,
  probeRelays,
} from "../../lib/cli/doctor_network.ts";
import type { HostReport } from "../../lib/io/mod.ts";
import type { ConnectionFailure } from "../../lib/portal/mod.ts";
import type { GatewayStatus } from "../../lib/status/mod.ts";

const NOW = Date.UTC(2026, 0, 1, 12);

const GOOD_HOST: HostReport = {
  forwardingIpv4: "off",
  forwardingIpv6: "on",
  usesIpv6: true,
  settingsRefusal: undefined,
  nftablesRefusal: undefined,
  masquerades: false,
  droppingChains: [],
  legacyFirewall: { 4: "passes", 6: "passes" },
};

const DOCKER = {
  chain: { family: "ip", table: "filter", chain: "FORWARD" },
  isOpen: false,
} as unknown as HostReport["droppingChains"][number];

const SETTINGS: DoctorSettings = {
  apiUrl: "wss://portal.example",
  tunName: "tun-firezone",
  masquerade: true,
  stunServers: ["198.51.100.1:3478", "198.51.100.2:3478"],
};

/** A gateway as far as probes look at it. */
const GATEWAY = {
  interface: { name: "tun-firezone", state: "up" },
  relays: [{ addresses: ["198.51.100.9:3478", "[2001:db8::9]:3478"] }],
} as unknown as GatewayStatus;

const OUTSIDE = at("203.0.113.5", 40_000);

const EFFECTS: DoctorEffects = {
  runningGateway: () => Promise.resolve(undefined),
  capability: () => ({ subject: "capability", detail: "CAP_NET_ADMIN" }),
  tun: (name) => ({ subject: "interface", detail: name }),
  token: () => ({ subject: "token", detail: "configured" }),
  identity: () => ({ subject: "identity", detail: "configured" }),
  host: () => GOOD_HOST,
  kernel: () => "6.2.0-1",
  setting: () => "16777216",
  exists: () => false,
  variable: () => undefined,
  isPortFree: () => Promise.resolve(true),
  nameservers: () =>
    Promise.resolve([at("192.0.2.53", 53), at("192.0.2.54", 53)]),
  nameserverAnswers: () => Promise.resolve(true),
  resolve: () => Promise.resolve([]),
  portal: () => refusedBy(401),
  stun: ({ servers }) => Promise.resolve(servers.map(() => OUTSIDE)),
  unixNow: () => NOW,
};

interface Case {
  readonly what: string;
  readonly probe: Probe;
  readonly effects?: Partial<DoctorEffects>;
  readonly settings?: Partial<DoctorSettings>;
  readonly gateway?: GatewayStatus;
  /** What is not well: subject, verdict. */
  readonly ailments?: readonly (readonly [string, string])[];
  /** What the text has to say. */
  readonly says?: RegExp;
}

const missing = { subject: "x", detail: "missing", fault: "Do this" };
const HOST_CASES: readonly Case[] = [
  { what: "a good program", probe: probeProgram },
  {
    what: "a missing capability",
    probe: probeProgram,
    effects: { capability: () => missing },
    ailments: [["x", "failed"]],
    says: /→ Do this/,
  },
  {
    what: "no token, which costs nothing here",
    probe: probeProgram,
    effects: { token: () => missing },
    ailments: [["x", "warning"]],
  },
  {
    what: "an identity that cannot be kept",
    probe: probeProgram,
    effects: { identity: () => missing },
    ailments: [["x", "failed"]],
  },
  {
    what: "a code cache that anybody could have written",
    probe: probeProgram,
    effects: { exists: (path) => path.startsWith("/tmp/") },
    ailments: [["code cache", "warning"]],
  },
  { what: "an interface that can be made", probe: probeInterface },
  {
    what: "a TUN node that is closed",
    probe: probeInterface,
    effects: { tun: () => missing },
    ailments: [["x", "failed"]],
  },
  {
    what: "the interface of the running gateway",
    probe: probeInterface,
    effects: { tun: () => missing },
    gateway: GATEWAY,
    says: /of the running gateway, up/,
  },
  {
    what: "a kernel that does not join UDP at the interface",
    probe: probeInterface,
    effects: { kernel: () => "6.1.0-13-amd64" },
    ailments: [["offloads", "warning"]],
    says: /not for UDP at the interface/,
  },
  {
    what: "a kernel that does not join UDP at all",
    probe: probeInterface,
    effects: { kernel: () => "4.19.0" },
    ailments: [["offloads", "warning"]],
    says: /not for UDP\n/,
  },
  { what: "a good host", probe: probeHost, says: /switches it on/ },
  {
    what: "forwarding that stays off",
    probe: probeHost,
    effects: { host: () => ({ ...GOOD_HOST, settingsRefusal: "EROFS" }) },
    ailments: [["forward IPv4", "failed"]],
    says: /sysctl -w net.ipv4.ip_forward=1/,
  },
  {
    what: "no IPv6 to forward",
    probe: probeHost,
    effects: {
      host: () => ({
        ...GOOD_HOST,
        forwardingIpv4: "on",
        forwardingIpv6: "missing",
        settingsRefusal: "EROFS",
      }),
    },
  },
  {
    what: "no nftables",
    probe: probeHost,
    effects: {
      host: () => ({ ...GOOD_HOST, nftablesRefusal: "EPROTONOSUPPORT" }),
    },
    ailments: [["NAT", "failed"], ["firewall", "warning"]],
    says: /iptables -t nat/,
  },
  {
    what: "no nftables for want of the capability",
    probe: probeHost,
    effects: { host: () => ({ ...GOOD_HOST, nftablesRefusal: "EPERM" }) },
    ailments: [["NAT", "failed"], ["firewall", "warning"]],
    says: /setcap/,
  },
  {
    what: "no nftables, and no need for them",
    probe: probeHost,
    settings: { masquerade: false },
    effects: { host: () => ({ ...GOOD_HOST, nftablesRefusal: "EPERM" }) },
    ailments: [["firewall", "warning"]],
  },
  {
    what: "a firewall that the gateway will open",
    probe: probeHost,
    effects: { host: () => ({ ...GOOD_HOST, droppingChains: [DOCKER] }) },
    says: /ip filter FORWARD drops; the gateway adds/,
  },
  {
    what: "a firewall that the running gateway did not open",
    probe: probeHost,
    effects: { host: () => ({ ...GOOD_HOST, droppingChains: [DOCKER] }) },
    gateway: GATEWAY,
    ailments: [["firewall", "failed"]],
    says: /nft insert rule ip filter FORWARD/,
  },
  {
    what: "old rules that drop",
    probe: probeHost,
    effects: {
      host: () => ({
        ...GOOD_HOST,
        legacyFirewall: { 4: "drops", 6: "passes" },
      }),
    },
    ailments: [["old firewall IPv4", "failed"]],
    says: /iptables-legacy -I FORWARD -i \S+ -j ACCEPT/,
  },
  {
    what: "old rules that root alone may see",
    probe: probeHost,
    effects: {
      host: () => ({
        ...GOOD_HOST,
        usesIpv6: true,
        legacyFirewall: { 4: "passes", 6: "unknown" },
      }),
    },
    ailments: [["old firewall IPv6", "warning"]],
    says: /ip6tables-legacy -S FORWARD/,
  },
  { what: "large buffers", probe: probeBuffers },
  {
    what: "small buffers where the capability goes beyond",
    probe: probeBuffers,
    effects: { setting: () => "212992" },
    says: /low; the gateway may go beyond/,
  },
  {
    what: "small buffers without the capability",
    probe: probeBuffers,
    effects: { setting: () => "212992", capability: () => missing },
    ailments: [["buffers", "warning"]],
    says: /sysctl -w net.core.rmem_max=16777216 net.core.wmem_max=2097152/,
  },
  {
    what: "buffers whose limits this namespace does not have",
    probe: probeBuffers,
    effects: { setting: () => undefined, capability: () => missing },
  },
  { what: "a free port", probe: probePort },
  {
    what: "a port that somebody has",
    probe: probePort,
    effects: { isPortFree: () => Promise.resolve(false) },
    ailments: [["UDP port", "warning"]],
  },
  {
    what: "a port that the running gateway has",
    probe: probePort,
    effects: { isPortFree: () => Promise.resolve(false) },
    gateway: GATEWAY,
  },
];

const NETWORK_CASES: readonly Case[] = [
  { what: "nameservers that answer", probe: probeNameservers },
  {
    what: "no nameserver",
    probe: probeNameservers,
    effects: { nameservers: () => Promise.resolve([]) },
    ailments: [["nameservers", "failed"]],
  },
  {
    what: "one nameserver that is silent",
    probe: probeNameservers,
    effects: {
      nameserverAnswers: ({ ip }) => Promise.resolve(ip.bytes.at(-1) === 53),
    },
    ailments: [["nameservers", "warning"]],
    says: /no answer from 192\.0\.2\.54:53/,
  },
  {
    what: "nameservers that are all silent",
    probe: probeNameservers,
    effects: { nameserverAnswers: () => Promise.resolve(false) },
    ailments: [["nameservers", "failed"]],
  },
  {
    what: "a portal that asks for a token",
    probe: probePortal,
    says: /portal.example \(192\.0\.2\.1\) answers/,
  },
  {
    what: "a portal without a name",
    probe: probePortal,
    effects: {
      portal: () =>
        failing({ kind: "name-not-resolved", detail: "portal.example" }),
    },
    ailments: [["portal", "failed"]],
    says: /Check FIREZONE_API_URL and the nameservers/,
  },
  {
    what: "a portal out of reach",
    probe: probePortal,
    effects: { portal: () => failing({ kind: "tcp-timed-out", detail: "x" }) },
    ailments: [["portal", "failed"]],
    says: /Let TCP/,
  },
  {
    what: "a portal behind somebody else's certificate",
    probe: probePortal,
    effects: { portal: () => failing({ kind: "tls-failed", detail: "x" }) },
    ailments: [["portal", "failed"]],
    says: /Check the clock/,
  },
  {
    what: "something else in the portal's place",
    probe: probePortal,
    effects: { portal: () => refusedBy(404) },
    ailments: [["portal", "failed"]],
    says: /lets WebSockets pass/,
  },
  {
    what: "a clock that is behind",
    probe: probePortal,
    effects: { unixNow: () => NOW - 7_200_000 },
    ailments: [["clock", "failed"]],
    says: /2h behind the portal's/,
  },
  {
    what: "a clock that is ahead",
    probe: probePortal,
    effects: { unixNow: () => NOW + 61_000 },
    ailments: [["clock", "failed"]],
    says: /1m 1s ahead of the portal's/,
  },
  {
    what: "a clock that is off by what nobody notices",
    probe: probePortal,
    effects: { unixNow: () => NOW + 60_000 },
  },
  {
    what: "a proxy that is not needed",
    probe: probePortal,
    effects: { variable: (name) => name === "https_proxy" ? "x" : undefined },
    says: /https_proxy is set, and not used/,
  },
  {
    what: "a proxy that is needed",
    probe: probePortal,
    effects: {
      variable: (name) => name === "HTTPS_PROXY" ? "x" : undefined,
      portal: () => failing({ kind: "unreachable", detail: "x" }),
    },
    ailments: [["portal", "failed"], ["proxy", "warning"]],
  },
  {
    what: "relays that see one address",
    probe: probeRelays,
    says: /seen as 203\.0\.113\.5:40000 by all/,
  },
  {
    what: "a symmetric NAT",
    probe: probeRelays,
    effects: {
      stun: ({ servers }) =>
        Promise.resolve(servers.map((_, i) => at("203.0.113.5", 40_000 + i))),
    },
    ailments: [["NAT type", "warning"]],
    says: /203\.0\.113\.5:40000, 203\.0\.113\.5:40001: symmetric/,
  },
  {
    what: "one relay that is silent",
    probe: probeRelays,
    effects: {
      stun: ({ servers }) =>
        Promise.resolve(servers.map((_, i) => i === 0 ? OUTSIDE : undefined)),
    },
    ailments: [["relays", "warning"]],
    says: /two servers are needed/,
  },
  {
    what: "blocked UDP",
    probe: probeRelays,
    effects: {
      stun: ({ servers }) => Promise.resolve(servers.map(() => undefined)),
    },
    ailments: [["relays", "failed"]],
  },
  {
    what: "a path that loses large datagrams",
    probe: probeRelays,
    effects: {
      stun: ({ servers, lengthBytes }) =>
        Promise.resolve(servers.map(() => lengthBytes ? undefined : OUTSIDE)),
    },
    ailments: [["MTU", "failed"]],
  },
  {
    what: "no relay that anybody knows",
    probe: probeRelays,
    settings: { stunServers: [] },
    says: /--stun/,
  },
  {
    what: "a STUN server without an address",
    probe: probeRelays,
    settings: { stunServers: ["nowhere.example:3478"] },
    ailments: [["relays", "failed"]],
  },
];

for (const it of [...HOST_CASES, ...NETWORK_CASES]) {
  Deno.test(`[ops 6] doctor examines ${it.what}`, async () => {
    const inputs: ProbeInputs = {
      effects: { ...EFFECTS, ...it.effects },
      settings: { ...SETTINGS, ...it.settings },
      gateway: it.gateway,
    };

    const diagnoses = await it.probe(inputs);

    const ailments = diagnoses.filter(({ verdict }) => verdict !== "ok");
    assert.deepEqual(
      ailments.map(({ subject, verdict }) => [subject, verdict]),
      it.ailments ?? [],
    );
    const isAdvised = ailments.every((ailment) =>
      ailment.remedy !== undefined || ailment.subject === "firewall"
    );
    assert.ok(isAdvised, renderDiagnoses(diagnoses));
    if (it.says) assert.match(renderDiagnoses(diagnoses), it.says);
  });
}

Deno.test("doctor asks the relays of the running gateway when nobody names a server", async () => {
  const asked: SocketAddress[] = [];
  const effects: DoctorEffects = {
    ...EFFECTS,
    stun: ({ servers }) => {
      asked.push(...servers);
      return Promise.resolve([OUTSIDE]);
    },
  };

  await probeRelays({
    effects,
    settings: { ...SETTINGS, stunServers: [] },
    gateway: GATEWAY,
  });

  assert.deepEqual(asked[0], at("198.51.100.9", 3478));
});

Deno.test("a probe that fails itself leaves the others alone", async () => {
  const probes = new Map<string, Probe>([
    ["broken", () => {
      throw new Error("No such call");
    }],
    ["port", probePort],
  ]);

  const diagnoses = await examine(probes, EFFECTS, SETTINGS);

  assert.deepEqual(diagnoses.map((it) => [it.subject, it.verdict]), [
    ["broken", "warning"],
    ["UDP port", "ok"],
  ]);
});

Deno.test("doctor counts what it found, and says what to do below each", () => {
  const bad = diagnosisOf({ subject: "a", detail: "b", fault: "c" });
  const odd = diagnosisOf({ subject: "d", detail: "e", notice: "f" });
  const good = diagnosisOf({ subject: "g", detail: "h" });

  assert.equal(
    renderDiagnoses([bad, odd]),
    [
      "failed   a             b",
      "         → c",
      "warning  d             e",
      "         → f",
      "1 failed, 1 warning",
    ].join("\n"),
  );
  assert.match(renderDiagnoses([good]), /All is well$/);
});

function at(text: string, port: number): SocketAddress {
  const ip = parseIp(text);
  assert.ok(ip);
  return { ip, port };
}

function failing(
  error: ConnectionFailure,
): ReturnType<DoctorEffects["portal"]> {
  const addresses = error.kind === "name-not-resolved" ? [] : ["192.0.2.1"];
  return Promise.resolve({ addresses, upgrade: { ok: false, error } });
}

function refusedBy(status: number): ReturnType<DoctorEffects["portal"]> {
  const response = {
    status,
    retryAfter: undefined,
    contentType: undefined,
    date: new Date(NOW).toUTCString(),
    body: "",
    receivedAt: NOW,
  };
  return failing(
    { kind: "rejected", response } as unknown as ConnectionFailure,
  );
}

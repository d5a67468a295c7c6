import {
  formatSocketAddress,
  type IpAddress,
  parseIp,
  type SocketAddress,
} from "../base/mod.ts";
import {
  type ConnectionFailure,
  describeFailure,
  type RejectedUpgrade,
} from "../portal/mod.ts";
import {
  type Diagnoses,
  type Diagnosis,
  type DoctorEffects,
  type DoctorSettings,
  PROBE_LIMIT_MS,
  type ProbeInputs,
} from "./doctor.ts";
import { formatDuration } from "./quantities.ts";

/** Time for answers, in ms: less than for the probe, so that it has a result. */
const ANSWER_LIMIT_MS = PROBE_LIMIT_MS - 700;

/** What certificates, tokens and expiries stand, in ms. Our own choice. */
const CLOCK_LIMIT_MS = 60_000;

/** An inner packet of 1280 bytes, sealed and relayed: 32 more for WireGuard, 4 for the relay's channel. */
const LARGEST_DATAGRAM_BYTES = 1_316;

/** What portals say to somebody without a token. */
const PORTAL_REFUSALS: readonly number[] = [400, 401, 403, 422, 429];

const PROXY_VARIABLES = [
  ...["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
];

/** Looks whether each nameserver answers. */
export async function probeNameservers(
  { effects, settings: { apiUrl } }: ProbeInputs,
): Promise<Diagnoses> {
  const subject = "nameservers";
  const servers = await effects.nameservers();
  if (servers.length === 0) {
    return [{
      subject,
      verdict: "failed",
      detail: "none",
      remedy: "Name one in /etc/resolv.conf, as by `nameserver 192.0.2.53`",
    }];
  }
  const name = hostOf(apiUrl);
  const answers = await Promise.all(
    servers.map((it) => effects.nameserverAnswers(it, name)),
  );
  const silent = servers.filter((_, i) => !answers[i]).map(formatSocketAddress);
  if (silent.length === 0) {
    const detail = `${servers.length} of ${servers.length} answer`;
    return [{ subject, verdict: "ok", detail }];
  }
  return [{
    subject,
    verdict: silent.length === servers.length ? "failed" : "warning",
    detail: `no answer from ${silent.join(", ")}`,
    remedy:
      "Let UDP port 53 to them pass the firewall, or name others in /etc/resolv.conf",
  }];
}

/** Looks whether the portal answers, and whether its clock and ours agree. */
export async function probePortal(
  { effects, settings: { apiUrl } }: ProbeInputs,
): Promise<Diagnoses> {
  const proxy = PROXY_VARIABLES.find((name) => effects.variable(name));
  const { addresses, upgrade } = await effects.portal();
  const where = `${hostOf(apiUrl)} (${addresses.join(", ") || "no address"})`;
  const failure = upgrade.ok ? undefined : upgrade.error;
  const response = failure?.kind === "rejected" ? failure.response : undefined;
  const answers = !failure ||
    (response && PORTAL_REFUSALS.includes(response.status));
  const portal: Diagnosis = answers
    ? { subject: "portal", verdict: "ok", detail: `${where} answers` }
    : {
      subject: "portal",
      verdict: "failed",
      detail: describeFailure(failure),
      remedy: remedyOf(failure, apiUrl),
    };
  return [
    portal,
    judgeClock(response, effects.unixNow()),
    ...(proxy ? [judgeProxy(proxy, portal)] : []),
  ];
}

function remedyOf(failure: ConnectionFailure, apiUrl: string): string {
  switch (failure.kind) {
    case "name-not-resolved":
      return "Check FIREZONE_API_URL and the nameservers";
    case "tls-failed":
      return "Check the clock of this host, and whether a proxy or firewall opens TLS on the way";
    case "rejected":
      return `Check FIREZONE_API_URL (${apiUrl}), and whether a proxy on the way lets WebSockets pass`;
    default:
      return "Let TCP to this address and port pass the firewall, both ways";
  }
}

function judgeClock(
  response: RejectedUpgrade | undefined,
  now: number,
): Diagnosis {
  const subject = "clock";
  const there = Date.parse(response?.date ?? "");
  if (Number.isNaN(there)) {
    const detail = "not compared: the portal told no time";
    return { subject, verdict: "ok", detail };
  }
  const aheadMs = now - there;
  if (Math.abs(aheadMs) <= CLOCK_LIMIT_MS) {
    return { subject, verdict: "ok", detail: "agrees with the portal's" };
  }
  const side = aheadMs > 0 ? "ahead of" : "behind";
  return {
    subject,
    verdict: "failed",
    detail: `${formatDuration(Math.abs(aheadMs))} ${side} the portal's`,
    remedy:
      "Set it, as by `timedatectl set-ntp true`: authorizations end, and certificates count, by it",
  };
}

function judgeProxy(variable: string, portal: Diagnosis): Diagnosis {
  return {
    subject: "proxy",
    verdict: portal.verdict === "ok" ? "ok" : "warning",
    detail: `${variable} is set, and not used: the gateway connects by itself`,
    ...(portal.verdict === "ok"
      ? {}
      : { remedy: "Let the gateway reach the portal without the proxy" }),
  };
}

/** Looks whether relays answer, what they see us as, and whether large datagrams pass. */
export async function probeRelays(inputs: ProbeInputs): Promise<Diagnoses> {
  const { effects, settings } = inputs;
  const servers = await stunServersOf(inputs);
  if (servers.length === 0) return [withoutServers(settings)];
  const [small, large] = await Promise.all([
    effects.stun({ servers, limitMs: ANSWER_LIMIT_MS }),
    effects.stun({
      servers,
      lengthBytes: LARGEST_DATAGRAM_BYTES,
      limitMs: ANSWER_LIMIT_MS,
    }),
  ]);
  const reach = judgeReach(servers, small);
  if (small.every((it) => !it)) return [reach];
  return [reach, judgeMapping(small), judgeSize(small, large)];
}

function withoutServers({ stunServers }: DoctorSettings): Diagnosis {
  const subject = "relays";
  return stunServers.length === 0
    ? {
      subject,
      verdict: "ok",
      detail:
        "not examined: no gateway runs here that knows any; name some by --stun HOST:PORT,HOST:PORT",
    }
    : {
      subject,
      verdict: "failed",
      detail: `no address of ${stunServers.join(", ")}`,
      remedy: "Check these names and the nameservers",
    };
}

function judgeReach(
  servers: readonly SocketAddress[],
  answers: readonly (SocketAddress | undefined)[],
): Diagnosis {
  const subject = "relays";
  const silent = servers.filter((_, i) => !answers[i]).map(formatSocketAddress);
  if (silent.length === 0) {
    const detail = `${servers.length} of ${servers.length} answer`;
    return { subject, verdict: "ok", detail };
  }
  return {
    subject,
    verdict: silent.length === servers.length ? "failed" : "warning",
    detail: `no answer from ${silent.join(", ")}`,
    remedy: "Let UDP to these addresses and ports pass the firewall, both ways",
  };
}

/** RFC 5780 §4.3 with other servers in place of other addresses of one. */
function judgeMapping(
  answers: readonly (SocketAddress | undefined)[],
): Diagnosis {
  const subject = "NAT type";
  const seen = answers.filter((it) => it !== undefined)
    .map(formatSocketAddress);
  const distinct = new Set(seen);
  if (seen.length < 2) {
    const detail = `seen as ${seen[0]}; two servers are needed to tell more`;
    return { subject, verdict: "ok", detail };
  }
  if (distinct.size === 1) {
    const detail = `seen as ${
      seen[0]
    } by all: clients can reach this host directly`;
    return { subject, verdict: "ok", detail };
  }
  return {
    subject,
    verdict: "warning",
    detail: `seen as ${[...distinct].join(", ")}: symmetric`,
    remedy:
      "Forward UDP port 52625 to this host, or give it a public address, or many clients need a relay",
  };
}

function judgeSize(
  small: readonly (SocketAddress | undefined)[],
  large: readonly (SocketAddress | undefined)[],
): Diagnosis {
  const subject = "MTU";
  const isLost = small.some((it, i) => it && !large[i]);
  return isLost
    ? {
      subject,
      verdict: "failed",
      detail: `datagrams of ${LARGEST_DATAGRAM_BYTES} bytes get lost`,
      remedy:
        "The path needs an MTU of 1364 (IPv6) or 1344 (IPv4) bytes: look for tunnels on the way and for firewalls that drop fragments",
    }
    : {
      subject,
      verdict: "ok",
      detail: `datagrams of ${LARGEST_DATAGRAM_BYTES} bytes pass`,
    };
}

/** One socket asks all, so all have one family: the first one's. */
async function stunServersOf(
  { effects, settings: { stunServers }, gateway }: ProbeInputs,
): Promise<readonly SocketAddress[]> {
  const names = stunServers.length > 0
    ? stunServers
    : gateway?.relays.flatMap(({ addresses }) => addresses.slice(0, 1)) ?? [];
  const found = await Promise.all(names.map(async (text) => {
    const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(text) ?? [];
    const [ip] = await addressesOf(host, effects);
    return ip ? { ip, port: Number(port) } : undefined;
  }));
  const servers = found.filter((it) => it !== undefined);
  const family = servers[0]?.ip.family;
  return servers.filter(({ ip }) => ip.family === family);
}

async function addressesOf(
  host: string,
  { resolve }: DoctorEffects,
): Promise<readonly IpAddress[]> {
  const literal = parseIp(host.replace(/^\[(.*)\]$/, "$1"));
  return literal ? [literal] : await resolve(host);
}

function hostOf(apiUrl: string): string {
  return new URL(apiUrl).hostname;
}

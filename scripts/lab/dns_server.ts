import type { Lab } from "./lab.ts";
import { SITES } from "./sites.ts";

/** Names that the lab's resolvers know, for those who ask. */
export const NAMES = {
  /** Has both families. The policy grants it alone, without filters. */
  app: "app.lab.test",
  /** Has both families, the addresses of `app`, but another resource: the web server only. */
  mirror: "mirror.web.test",
  /** Has only IPv4. */
  ipv4Only: "v4.lab.test",
  /** Has only IPv6. */
  ipv6Only: "v6.lab.test",
  /** Exists, without addresses. */
  empty: "empty.lab.test",
  /** The server behind a narrow link. */
  far: "far.lab.test",
  /** Everything below it is `app`, at any depth. */
  wildcard: "corp.test",
  /** Three names of one server, web server and ping only. */
  files: ["download.files.test", "alias.files.test", "alias2.files.test"],
  /** What clients append to `short`. */
  searchDomain: "search.test",
  /** A host in the search domain. */
  short: "dns",
  /** Has a TXT record of `BIG_TXT_BYTES`, more than fits into an answer over UDP. */
  big: "big.lab.test",
  /** Has an SRV record that leads to `app`, port 80. */
  service: "_web._tcp.lab.test",
  /** No resource: the resolver of the internet knows it. */
  outside: "outside.example",
} as const;

/** What the TXT record of `NAMES.app` says. */
export const TEXT = "granted by name";

/** Bytes of text behind `NAMES.big`. */
export const BIG_TXT_BYTES = 2_048;

/** Where applications on the client ask: the client itself answers there. */
export const CLIENT_RESOLVER = "100.100.111.1";

const READY_MS = 5_000;

/** Starts the resolver behind the gateway and the one of the internet, and tells gateway and client where to ask. */
export async function startDnsServers(lab: Lab): Promise<void> {
  await startServer(lab, "web", [SITES.resolver, SITES.resolverIpv6], zone());
  await startServer(lab, "internet", [SITES.publicResolver], [
    `host-record=${NAMES.outside},${SITES.portal},${SITES.portalIpv6}`,
  ]);
  await lab.configure(
    "gateway",
    "resolv.conf",
    `nameserver ${SITES.resolver}\nnameserver ${SITES.resolverIpv6}\n`,
  );
  await lab.configure(
    "client",
    "resolv.conf",
    `nameserver ${CLIENT_RESOLVER}\nsearch ${NAMES.searchDomain}\n`,
  );
}

async function startServer(
  lab: Lab,
  box: string,
  addresses: readonly string[],
  records: readonly string[],
): Promise<void> {
  const settings = [
    ...["keep-in-foreground", "log-facility=-", "user=root", "pid-file="],
    ...["conf-file=/dev/null", "no-hosts", "no-resolv", "bind-interfaces"],
    ...addresses.map((ip) => `listen-address=${ip}`),
    ...records,
  ];
  const command = ["dnsmasq", ...settings.map((it) => `--${it}`)];
  await lab.spawn(box, `dnsmasq-${box}`, command).waitFor(/started/, READY_MS);
}

/** The records behind the gateway, as options of dnsmasq. */
function zone(): string[] {
  const both = `${SITES.app},${SITES.appIpv6}`;
  const line = "x".repeat(TXT_STRING_BYTES);
  const bigTxt = Array(BIG_TXT_BYTES / TXT_STRING_BYTES).fill(line);
  return [
    ...["lab.test", "web.test", "files.test", NAMES.searchDomain]
      .map((domain) => `local=/${domain}/`),
    `host-record=${NAMES.app},${both},${TTL_S}`,
    `host-record=${NAMES.mirror},${both},${TTL_S}`,
    `host-record=${NAMES.ipv4Only},${SITES.app},${TTL_S}`,
    `host-record=${NAMES.ipv6Only},${SITES.appIpv6},${TTL_S}`,
    `host-record=${NAMES.far},${SITES.far},${TTL_S}`,
    ...NAMES.files.map((name) =>
      `host-record=${name},${SITES.files},${SITES.filesIpv6},${TTL_S}`
    ),
    `host-record=${NAMES.short}.${NAMES.searchDomain},${both},${TTL_S}`,
    `address=/${NAMES.wildcard}/${SITES.app}`,
    `address=/${NAMES.wildcard}/${SITES.appIpv6}`,
    `txt-record=${NAMES.empty},no address`,
    `txt-record=${NAMES.app},${TEXT}`,
    `txt-record=${NAMES.big},${bigTxt.join()}`,
    `srv-host=${NAMES.service},${NAMES.app},80`,
  ];
}

/** How long answers may be kept, in s. */
const TTL_S = 60;

/** Length of one string in a TXT record, at most 255. */
const TXT_STRING_BYTES = 128;

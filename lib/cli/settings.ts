import {
  formatIp,
  type IpAddress,
  parseIp,
  parseSocketAddress,
  type SocketAddress,
} from "../base/mod.ts";
import { parseHumanDuration } from "./human_duration.ts";
import { CRYPTO_WORKERS_LIMIT, type LogThresholds } from "../io/mod.ts";
import { parseLogDirectives, withFlowLogs } from "./log_filter.ts";
import type { LogFormat } from "./log_line.ts";
import type { RawSettings, Sources } from "./options.ts";

/** Largest buffer that a socket option can ask for: it is a signed 32-bit number. */
const BYTES_LIMIT = 0x7fff_ffff;

/** How log lines are chosen and rendered. */
export interface LogSettings {
  /** Which lines are kept. */
  readonly thresholds: LogThresholds;
  /** How they look. */
  readonly format: LogFormat;
}

/** What gateway, client and relay need to reach the portal. */
export interface PortalSettings {
  /** API URL with a scheme of `ws`, `wss`, `http` or `https`. */
  readonly apiUrl: string;
  /** Configured display name, if any. */
  readonly name: string | undefined;
  /** Configured identity, if any. */
  readonly id: string | undefined;
  /** Reconnect budget in ms; `undefined` for the default of the role. */
  readonly maxPartitionMs: number | undefined;
}

/** Where a gateway tells of flows. */
export interface FlowLogSettings {
  /** Whether flows are tracked also when the portal does not ask for it. */
  readonly always: boolean;
  /** Path of the file of lines, `-` for standard output; `undefined` for none. */
  readonly file: string | undefined;
  /** Where records wait for their upload. */
  readonly spool: string;
}

/** What a relay is told beside its portal. */
export interface RelaySettings {
  /** Advertised IPv4 address. */
  readonly publicIpv4: IpAddress | undefined;
  /** Advertised IPv6 address. */
  readonly publicIpv6: IpAddress | undefined;
  /** STUN and TURN port. */
  readonly listenPort: number;
  /** First allocation port. */
  readonly lowestPort: number;
  /** Last allocation port. */
  readonly highestPort: number;
}

/** What a client may do so that programs of the host ask it for names: nothing, or replace `/etc/resolv.conf` while it runs. */
export type DnsControl = (typeof DNS_CONTROLS)[number];

const DNS_CONTROLS = ["disabled", "etc-resolv-conf"] as const;

/** What a client is told beside its portal. */
export interface ClientSettings {
  /** Whether an Internet resource is used when there is one. */
  readonly usesInternet: boolean;
  /** How names are found. */
  readonly dnsControl: DnsControl;
}

/** What the lab portal is told. */
export interface PortalServerSettings {
  /** Path of the policy file. */
  readonly policyPath: string;
  /** Where to serve. */
  readonly listen: readonly SocketAddress[];
}

/** Reads typed settings out of raw ones and collects a sentence for each that cannot be used. */
export class SettingsReader {
  readonly #raw: RawSettings;
  readonly #sources: Sources;
  readonly #problems: string[] = [];

  /** Reads from `raw`. `sources` names the settings in the sentences as the person did who made them. */
  constructor(raw: RawSettings, sources: Sources = new Map()) {
    this.#raw = raw;
    this.#sources = sources;
  }

  /** What is wrong with the settings read so far. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Reads a switch: true, false, yes, no, on, off, 1 or 0, in any case. */
  flag(name: string, fallback = false): boolean {
    const text = this.#raw.get(name);
    if (text === undefined) return fallback;
    if (/^(?:true|yes|on|1)$/i.test(text)) return true;
    if (!/^(?:false|no|off|0)$/i.test(text)) {
      this.#refuse(name, text, "true or false");
    }
    return false;
  }

  /** Reads a text that has to pass `isUsable`. `wanted` says what passes. */
  text(
    name: string,
    fallback: string,
    isUsable: (text: string) => boolean,
    wanted: string,
  ): string {
    const text = this.#raw.get(name);
    if (text === undefined) return fallback;
    if (isUsable(text)) return text;
    this.#refuse(name, text, wanted);
    return fallback;
  }

  /** Reads one of a few words, in any case. */
  choice<const Word extends string>(
    name: string,
    words: readonly Word[],
  ): Word | undefined {
    const text = this.#raw.get(name);
    if (text === undefined) return undefined;
    const word = words.find((it) => it === text.toLowerCase());
    if (!word) this.#refuse(name, text, wordsOf(words));
    return word;
  }

  /** Reads a number of bytes. */
  byteCount(name: string): number | undefined {
    const text = this.#raw.get(name);
    if (text === undefined) return undefined;
    const isUsable = /^\d{1,10}$/.test(text) && Number(text) <= BYTES_LIMIT;
    if (isUsable) return Number(text);
    this.#refuse(name, text, `a number of bytes up to ${BYTES_LIMIT}`);
    return undefined;
  }

  /** Reads a whole number from `least` to `most`. */
  number(
    name: string,
    fallback: number,
    { least, most }: { readonly least: number; readonly most: number },
  ): number {
    const text = this.#raw.get(name);
    if (text === undefined) return fallback;
    const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (number >= least && number <= most) return number;
    this.#refuse(name, text, `a number from ${least} to ${most}`);
    return fallback;
  }

  /** Reads an address with a port. */
  socketAddress(name: string): SocketAddress | undefined {
    const text = this.#raw.get(name);
    if (text === undefined) return undefined;
    const address = parseSocketAddress(text);
    if (!address) this.#refuse(name, text, "ADDR:PORT or [V6]:PORT");
    return address;
  }

  /** Reads an address with a port where there need not be one. */
  socketAddressOrOff(name: string): SocketAddress | "off" | undefined {
    const text = this.#raw.get(name);
    if (text === undefined) return undefined;
    if (text.toLowerCase() === "off") return "off";
    const address = parseSocketAddress(text);
    if (!address) this.#refuse(name, text, "ADDR:PORT, [V6]:PORT or off");
    return address;
  }

  /** Reads a duration in ms. */
  duration(name: string): number | undefined {
    const text = this.#raw.get(name);
    if (text === undefined) return undefined;
    const ms = parseHumanDuration(text);
    if (ms === undefined) {
      this.#refuse(name, text, "a duration such as 90s, 1h or 30d");
    }
    return ms;
  }

  /** Reads the log settings. */
  log(): LogSettings {
    const format = this.choice("log-format", ["human", "json"]) ?? "human";
    const directives = this.#raw.get("log-filter") ?? "info";
    const read = parseLogDirectives(directives);
    if ("malformed" in read) {
      this.#refuse(
        "log-filter",
        read.malformed,
        "a level (off, error, warn, info, debug, trace) or target=level, such as info,ice=debug",
      );
    }
    const thresholds: LogThresholds = "malformed" in read
      ? { fallback: "info", targets: [] }
      : read;
    return {
      thresholds: this.flag("flow-logs")
        ? withFlowLogs(thresholds)
        : thresholds,
      format,
    };
  }

  /** Reads what concerns the portal. */
  portal(): PortalSettings {
    const apiUrl = this.#raw.get("api-url") ?? "wss://api.firezone.dev";
    if (!URL.canParse(apiUrl)) {
      this.#refuse("api-url", apiUrl, "a URL such as wss://api.firezone.dev");
    } else if (!/^(?:wss?|https?):$/.test(new URL(apiUrl).protocol)) {
      this.#refuse(
        "api-url",
        apiUrl,
        "a URL with the scheme wss, ws, https or http",
      );
    }
    return {
      apiUrl,
      name: this.#raw.get("firezone-name"),
      id: this.#raw.get("firezone-id"),
      maxPartitionMs: this.duration("max-partition-time"),
    };
  }

  /** Reads what concerns flow logs. Whoever names a file wants flows in it. */
  flowLogs(stateDirectory: string): FlowLogSettings {
    const file = this.#raw.get("flow-log-file");
    return {
      always: this.flag("flow-logs") || file !== undefined,
      file,
      spool: this.#raw.get("flow-log-spool") ?? `${stateDirectory}/flow_logs`,
    };
  }

  /** Reads how many threads help with cryptography. */
  cryptoWorkers(): number {
    return this.number("crypto-workers", 0, {
      least: 0,
      most: CRYPTO_WORKERS_LIMIT,
    });
  }

  /** Reads what concerns a relay. */
  relay(): RelaySettings {
    const publicIpv4 = this.#ip("public-ip4-addr", 4);
    const publicIpv6 = this.#ip("public-ip6-addr", 6);
    if (
      !this.#raw.has("public-ip4-addr") && !this.#raw.has("public-ip6-addr")
    ) {
      this.#problems.push(
        "Cannot start a relay without an address: set PUBLIC_IP4_ADDR or PUBLIC_IP6_ADDR",
      );
    }
    const lowestPort = this.#port("lowest-port", 49_152);
    const highestPort = this.#port("highest-port", 65_535);
    if (lowestPort > highestPort) {
      this.#problems.push(
        `Cannot use the allocation ports: lowest ${lowestPort} is above highest ${highestPort}`,
      );
    }
    const listenPort = this.#port("listen-port", 3478);
    return { publicIpv4, publicIpv6, listenPort, lowestPort, highestPort };
  }

  /** Reads what concerns a client. */
  client(): ClientSettings {
    const usesInternet = this.flag("activate-internet-resource");
    const dnsControl = this.choice("dns-control", DNS_CONTROLS) ?? "disabled";
    return { usesInternet, dnsControl };
  }

  /** Reads what concerns the lab portal. */
  portalServer(): PortalServerSettings {
    const policyPath = this.#raw.get("policy") ?? "";
    if (policyPath === "") {
      this.#problems.push(
        "Cannot start a portal without a policy file: pass --policy FILE",
      );
    }
    const listen: SocketAddress[] = [];
    for (
      const text of (this.#raw.get("listen") ?? "127.0.0.1:8081").split(",")
    ) {
      const address = parseSocketAddress(text.trim());
      if (address) listen.push(address);
      else this.#refuse("listen", text, "ADDR:PORT or [V6]:PORT");
    }
    return { policyPath, listen };
  }

  #ip(name: string, family: 4 | 6): IpAddress | undefined {
    const text = this.#raw.get(name);
    if (text === undefined) return undefined;
    const ip = parseIp(text);
    if (ip?.family === family) return ip;
    this.#refuse(name, ip ? formatIp(ip) : text, `an IPv${family} address`);
    return undefined;
  }

  #port(name: string, fallback: number): number {
    const text = this.#raw.get(name);
    if (text === undefined) return fallback;
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65_535) {
      this.#refuse(name, text, "a port from 1 to 65535");
    }
    return port;
  }

  #refuse(name: string, value: string, wanted: string): void {
    const source = this.#sources.get(name) ?? `--${name}`;
    const shown = JSON.stringify(value);
    const problem = `Cannot use ${source}: ${shown} is not ${wanted}`;
    if (!this.#problems.includes(problem)) this.#problems.push(problem);
  }
}

function wordsOf(words: readonly string[]): string {
  return [words.slice(0, -1).join(", "), words.at(-1)].join(" or ");
}

import {
  err,
  type IpAddress,
  ok,
  parseIp,
  type Result,
  toHex,
  utf8,
} from "../base/mod.ts";
import { sha256 } from "../crypto/mod.ts";
import type { TunnelAddresses } from "../policy/mod.ts";
import { AddressPlan } from "./address_plan.ts";
import { FAR_EXPIRY_S } from "./constants.ts";
import type {
  ClientEntry,
  Device,
  FlowLogSettings,
  GatewayEntry,
  Policy,
  PolicyRule,
  RelayEntry,
  ResourceEntry,
  Site,
  TokenOwner,
} from "./policy.ts";
import { Fields } from "./policy_reader.ts";
import { readResource } from "./policy_resource.ts";
import { isUuid, uuidFromBytes } from "./uuid.ts";

/** The URL is required on the wire; nobody uses it while uploads are off. */
const NO_FLOW_LOG_SERVICE = "https://flow-logs.invalid/";

/**
 * Reads a policy file, or returns every problem found with its JSON path.
 *
 * ```json
 * {
 *   "secret": "any text; ids, addresses and keys derive from it",
 *   "account": "lab",
 *   "connect_rate_limit": false,
 *   "iceless": false,
 *   "upstream_dns": ["9.9.9.9"],
 *   "search_domain": "corp.example",
 *   "flow_logs": { "api_url": "https://flows.corp.example/", "upload_interval_secs": 60,
 *     "upload_batch_size": 1000, "uploads_enabled": true },
 *   "control_token": "who shows it may make control calls",
 *   "sites": [{ "name": "HQ" }],
 *   "gateways": [{ "name": "gw", "site": "HQ", "token": ".gw-token", "ipv4": "100.64.0.1" }],
 *   "clients": [{ "name": "laptop", "token": "n.laptop-token", "expires_at": "2030-01-01T00:00:00Z" }],
 *   "relays": [{ "name": "relay", "token": ".relay-token" }],
 *   "resources": [
 *     { "name": "Net", "type": "cidr", "address": "10.20.0.0/16", "site": "HQ" },
 *     { "name": "Db", "type": "ip", "address": "10.30.0.5", "site": "HQ",
 *       "filters": [{ "protocol": "tcp", "ports": ["5432", "8000-8100"] }, { "protocol": "icmp" }] },
 *     { "name": "Wiki", "type": "dns", "address": "*.wiki.example", "site": "HQ", "ip_stack": "dual" },
 *     { "name": "Internet", "type": "internet", "site": "HQ" }
 *   ],
 *   "policies": [{ "client": "laptop", "resource": "*", "expires_at": "2030-01-01T00:00:00Z" }]
 * }
 * ```
 *
 * With `iceless`, clients and gateways that both announce it connect without
 * ICE. It is off unless the file says otherwise, because peers of all ages
 * speak ICE, and a change of mode replaces every connection. So are uploads of
 * flow logs, which this portal has no service for.
 *
 * Entries refer to each other by name; `"*"` in a policy means all. Every
 * entry may fix its `id`, a UUID; otherwise it is derived from `secret` and
 * the name, as are tunnel addresses and preshared keys, so that all of them
 * stay the same from run to run. A complete file is `example_policy.json`.
 *
 * With a `control_token` the portal answers the calls of `answerControlCall`.
 */
export function parsePolicy(text: string): Result<Policy, readonly string[]> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return err(["$: is not valid JSON"]);
  }
  const problems: string[] = [];
  const policy = new PolicyParser(new Fields("$", json, problems)).parse();
  return problems.length === 0 ? ok(policy) : err(problems);
}

class PolicyParser {
  readonly #root: Fields;
  readonly #secret: string;
  readonly #addresses: AddressPlan;
  readonly #tokens = new Map<string, TokenOwner>();
  readonly #ids = new Set<string>();

  constructor(root: Fields) {
    this.#root = root;
    this.#secret = root.text("secret");
    this.#addresses = new AddressPlan(this.#secret);
  }

  parse(): Policy {
    const root = this.#root;
    const accountSlug = root.optionalText("account") ?? "lab";
    const sites = this.#sites();
    const devices = this.#devices(sites);
    const relays = this.#relays();
    const resources = this.#resources(sites);
    const policy: Policy = {
      accountId: this.#derivedId("account", accountSlug),
      accountSlug,
      secret: this.#secret,
      connectRateLimit: root.flag("connect_rate_limit"),
      iceless: root.flag("iceless"),
      upstreamDns: this.#upstreamDns(),
      searchDomain: root.optionalText("search_domain") ?? null,
      flowLogs: this.#flowLogs(),
      sites: byId(sites),
      gateways: byId(devices.gateways),
      clients: byId(devices.clients),
      relays: new Map(relays.map((relay) => [relay.name, relay])),
      resources: byId(resources),
      rules: this.#rules(devices.clients, resources),
      tokens: this.#tokens,
      controlTokenHash: this.#controlToken(),
    };
    root.finish();
    return policy;
  }

  #flowLogs(): FlowLogSettings {
    const fields = this.#root.object("flow_logs");
    const settings = {
      apiUrl: fields.optionalText("api_url") ?? NO_FLOW_LOG_SERVICE,
      uploadIntervalSecs: fields.count("upload_interval_secs", 0),
      uploadBatchSize: fields.count("upload_batch_size", 1_000),
      uploadsEnabled: fields.flag("uploads_enabled"),
    };
    fields.finish();
    return settings;
  }

  #sites(): Site[] {
    return this.#named("sites", "site", (fields, name, id) => {
      fields.finish();
      return { id, name };
    });
  }

  /** Fixed addresses of all devices are set aside before any is derived. */
  #devices(
    sites: readonly Site[],
  ): { gateways: GatewayEntry[]; clients: ClientEntry[] } {
    const gateways = this.#named("gateways", "gateway", (fields, name, id) => ({
      device: this.#device(fields, "gateway", name, id),
      siteId: this.#reference(fields, "site", sites),
      fields,
    }));
    const clients = this.#named("clients", "client", (fields, name, id) => ({
      device: this.#device(fields, "client", name, id),
      expiresAt: this.#expiry(fields),
      fields,
    }));
    for (const { fields } of [...gateways, ...clients]) fields.finish();
    return {
      gateways: gateways.map(({ device, siteId }) => ({
        ...device(),
        siteId,
      })),
      clients: clients.map(({ device, expiresAt }) => ({
        ...device(),
        expiresAt,
      })),
    };
  }

  #device(
    fields: Fields,
    role: "gateway" | "client",
    name: string,
    id: string,
  ): () => Device {
    this.#token(fields, { role, id });
    const ipv4 = this.#fixedAddress(fields, "ipv4", 4);
    const ipv6 = this.#fixedAddress(fields, "ipv6", 6);
    return () => {
      const addresses = ipv4 && ipv6
        ? { ipv4, ipv6 }
        : this.#completed(id, ipv4, ipv6);
      return {
        id,
        name,
        ...addresses,
        pskBase: sha256(utf8(`${this.#secret}|psk|${id}`)),
      };
    };
  }

  #completed(
    id: string,
    ipv4: IpAddress | undefined,
    ipv6: IpAddress | undefined,
  ): TunnelAddresses {
    const derived = this.#addresses.allocate(id);
    return { ipv4: ipv4 ?? derived.ipv4, ipv6: ipv6 ?? derived.ipv6 };
  }

  #relays(): RelayEntry[] {
    return this.#named("relays", "relay", (fields, name) => {
      this.#token(fields, { role: "relay", name });
      fields.finish();
      return { name };
    });
  }

  #resources(sites: readonly Site[]): ResourceEntry[] {
    return this.#named("resources", "resource", (fields, name, id) => {
      const siteId = this.#reference(fields, "site", sites);
      const resource = { id, name, siteId, ...readResource(fields) };
      fields.finish();
      return resource;
    });
  }

  #rules(
    clients: readonly ClientEntry[],
    resources: readonly ResourceEntry[],
  ): PolicyRule[] {
    return this.#root.objects("policies").map((fields, i) => {
      const clientId = this.#referenceOrAll(fields, "client", clients);
      const resourceId = this.#referenceOrAll(fields, "resource", resources);
      const expiresAt = this.#expiry(fields);
      const id = this.#id(fields, "policy", String(i));
      fields.finish();
      return { id, clientId, resourceId, expiresAt };
    });
  }

  /** Reads a list of entries whose names are unique and whose ids are given or derived. */
  #named<T>(
    key: string,
    kind: string,
    read: (fields: Fields, name: string, id: string) => T,
  ): T[] {
    const names = new Set<string>();
    return this.#root.objects(key).map((fields) => {
      const name = fields.text("name");
      if (name === "*") fields.note("name", 'must not be "*"');
      if (name !== "" && names.has(name)) {
        fields.note("name", `is used twice: "${name}"`);
      }
      names.add(name);
      return read(fields, name, this.#id(fields, kind, name));
    });
  }

  #id(fields: Fields, kind: string, name: string): string {
    const given = fields.optionalText("id")?.toLowerCase();
    if (given !== undefined && !isUuid(given)) {
      fields.note("id", "must be a UUID such as 6f1d0f5a-…");
    }
    const id = given ?? this.#derivedId(kind, name);
    if (this.#ids.has(id) && given !== undefined) {
      fields.note("id", "is used twice");
    }
    this.#ids.add(id);
    return id;
  }

  #derivedId(kind: string, name: string): string {
    return uuidFromBytes(sha256(utf8(`${this.#secret}|${kind}|${name}`)));
  }

  #token(fields: Fields, owner: TokenOwner): void {
    const token = fields.text("token");
    if (token === "") return;
    if (/\s/.test(token)) fields.note("token", "must not contain white space");
    const hash = toHex(sha256(utf8(token)));
    if (this.#tokens.has(hash)) fields.note("token", "is used twice");
    this.#tokens.set(hash, owner);
  }

  /** Read after all others, so that it cannot be the token of a device as well. */
  #controlToken(): string | null {
    const token = this.#root.optionalText("control_token");
    if (token === undefined) return null;
    const hash = toHex(sha256(utf8(token)));
    if (/\s/.test(token)) {
      this.#root.note("control_token", "must not contain white space");
    }
    if (this.#tokens.has(hash)) {
      this.#root.note("control_token", "is the token of a device, too");
    }
    return hash;
  }

  #fixedAddress(
    fields: Fields,
    key: "ipv4" | "ipv6",
    family: 4 | 6,
  ): IpAddress | undefined {
    const text = fields.optionalText(key);
    if (text === undefined) return undefined;
    const ip = parseIp(text);
    if (ip?.family !== family) {
      fields.note(key, `must be an IPv${family} address: "${text}"`);
      return undefined;
    }
    if (!this.#addresses.reserve(ip)) {
      fields.note(
        key,
        `is taken or outside 100.64.0.0/11 and fd00:2021:1111::/107: "${text}"`,
      );
    }
    return ip;
  }

  #expiry(fields: Fields): number {
    const text = fields.optionalText("expires_at");
    if (text === undefined) return FAR_EXPIRY_S;
    const ms = Date.parse(text);
    if (!/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text) || isNaN(ms)) {
      fields.note(
        "expires_at",
        `must be a time such as 2030-01-01T00:00:00Z: "${text}"`,
      );
      return FAR_EXPIRY_S;
    }
    return Math.floor(ms / 1_000);
  }

  #reference(
    fields: Fields,
    key: string,
    entries: readonly Site[],
  ): string {
    const name = fields.text(key);
    const found = entries.find((entry) => entry.name === name);
    if (found) return found.id;
    if (name !== "") fields.note(key, `no ${key} is called "${name}"`);
    return "";
  }

  #referenceOrAll(
    fields: Fields,
    key: "client" | "resource",
    entries: readonly Site[],
  ): string | null {
    const name = fields.text(key);
    if (name === "*") return null;
    const found = entries.find((entry) => entry.name === name);
    if (found) return found.id;
    if (name !== "") fields.note(key, `no ${key} is called "${name}"`);
    return "";
  }

  #upstreamDns(): IpAddress[] {
    return this.#root.list("upstream_dns").flatMap((value, i) => {
      const ip = typeof value === "string" ? parseIp(value) : undefined;
      if (!ip) this.#root.note(`upstream_dns[${i}]`, "must be an IP address");
      return ip ? [ip] : [];
    });
  }
}

function byId<T extends { readonly id: string }>(
  entries: readonly T[],
): ReadonlyMap<string, T> {
  return new Map(entries.map((entry) => [entry.id, entry]));
}

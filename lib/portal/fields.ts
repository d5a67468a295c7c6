import {
  type Cidr,
  err,
  fromBase64,
  type IpAddress,
  type IpFamily,
  ipFromBytes,
  ok,
  parseCidr,
  parseIp,
  parseSocketAddress,
  type Result,
  type SocketAddress,
} from "../base/mod.ts";

/** What can be wrong with one member of a payload. */
export type FieldRefusal =
  | "missing-field"
  | "wrong-type"
  | "invalid-uuid"
  | "invalid-address"
  | "invalid-key"
  | "invalid-ingest-token"
  | "unknown-variant";

/** All refusals, for counters. */
export const FIELD_REFUSALS: readonly FieldRefusal[] = [
  "missing-field",
  "wrong-type",
  "invalid-uuid",
  "invalid-address",
  "invalid-key",
  "invalid-ingest-token",
  "unknown-variant",
];

/** The first thing wrong with a payload. Never contains a value, so it can be logged. */
export interface PayloadProblem {
  /** What is wrong. */
  readonly reason: FieldRefusal;
  /** Where, such as `payload.client.public_key` or `payload.relays[1].addr`. */
  readonly at: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const KEY_LENGTH = 32;
const MAX_U64 = 2 ** 64;
const MAX_U16 = 0xffff;

/** What a field reads as after something went wrong; the whole value is then thrown away. */
const NO_IP: IpAddress = ipFromBytes(new Uint8Array(4));
const NO_KEY = new Uint8Array(KEY_LENGTH);

/**
 * Reads a value of unknown shape by `read`, which names the members it needs.
 *
 * `read` runs to its end even when members are missing or wrong; their
 * stand-ins never leave this function, since the first problem is returned in
 * place of the value. Members that `read` does not name are ignored.
 */
export function readPayload<T>(
  payload: unknown,
  read: (fields: Fields) => T,
): Result<T, PayloadProblem> {
  const report = new Report();
  const value = read(new Fields(payload, "payload", report));
  return report.first === undefined ? ok(value) : err(report.first);
}

class Report {
  first: PayloadProblem | undefined;

  add(reason: FieldRefusal, at: string): void {
    this.first ??= { reason, at };
  }
}

/** The members of one JSON object, each checked as it is read. */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #report: Report;

  /** Wraps `value`, which stands at `path` of the payload. */
  constructor(value: unknown, path: string, report: Report) {
    const isObject = typeof value === "object" && value !== null &&
      !Array.isArray(value);
    if (!isObject) {
      report.add(value === undefined ? "missing-field" : "wrong-type", path);
    }
    this.#object = isObject ? value as Record<string, unknown> : {};
    this.#path = path;
    this.#report = report;
  }

  /** Refuses the payload because of the member `name`. */
  refuse(reason: FieldRefusal, name: string): void {
    this.#report.add(reason, this.#pathOf(name));
  }

  /** Tells whether the member exists. */
  has(name: string): boolean {
    return Object.hasOwn(this.#object, name);
  }

  /** Reads a string. */
  string(name: string): string {
    const value = this.#required(name);
    return typeof value === "string" ? value : this.#wrongType(name, value, "");
  }

  /** Reads a string, `undefined` when absent or null. */
  optionalString(name: string): string | undefined {
    return this.#isNothing(name) ? undefined : this.string(name);
  }

  /** Reads one of `variants`; another string is refused. */
  variant<V extends string>(name: string, variants: readonly [V, ...V[]]): V {
    const text = this.string(name);
    const variant = variants.find((candidate) => candidate === text);
    if (variant !== undefined) return variant;
    this.refuse("unknown-variant", name);
    return variants[0];
  }

  /** Reads a boolean. */
  boolean(name: string): boolean {
    const value = this.#required(name);
    return typeof value === "boolean"
      ? value
      : this.#wrongType(name, value, false);
  }

  /** Reads a boolean, `fallback` when absent. */
  booleanOr(name: string, fallback: boolean): boolean {
    return this.has(name) ? this.boolean(name) : fallback;
  }

  /** Reads an unsigned 64-bit integer. */
  unsigned(name: string): number {
    return this.#integer(name, MAX_U64);
  }

  /** Reads an unsigned 64-bit integer, `null` when absent or null. */
  unsignedOrNull(name: string): number | null {
    return this.#isNothing(name) ? null : this.unsigned(name);
  }

  /** Reads a port number, `fallback` when absent. */
  portOr(name: string, fallback: number): number {
    return this.has(name) ? this.#integer(name, MAX_U16) : fallback;
  }

  /** Reads a hyphenated UUID; it comes back in lower case. */
  uuid(name: string): string {
    const text = this.string(name);
    if (!UUID.test(text)) this.refuse("invalid-uuid", name);
    return text.toLowerCase();
  }

  /** Reads an address of one family, without prefix length. */
  ip(name: string, family: IpFamily): IpAddress {
    const ip = parseIp(this.string(name));
    if (ip?.family === family) return ip;
    this.refuse("invalid-address", name);
    return NO_IP;
  }

  /** Reads a network. */
  cidr(name: string): Cidr {
    const cidr = parseCidr(this.string(name));
    if (cidr) return cidr;
    this.refuse("invalid-address", name);
    return { ip: NO_IP, prefixLength: 0 };
  }

  /** Reads an address and port. */
  socketAddress(name: string): SocketAddress {
    const address = parseSocketAddress(this.string(name));
    if (address) return address;
    this.refuse("invalid-address", name);
    return { ip: NO_IP, port: 0 };
  }

  /** Reads a key: standard base64 with padding of exactly 32 bytes. */
  key(name: string): Uint8Array {
    const key = fromBase64(this.string(name));
    if (key?.length === KEY_LENGTH) return key;
    this.refuse("invalid-key", name);
    return NO_KEY;
  }

  /** Reads an object. */
  object(name: string): Fields {
    return new Fields(this.#object[name], this.#pathOf(name), this.#report);
  }

  /** Reads an array whose elements are objects. */
  list<T>(name: string, read: (element: Fields) => T): T[] {
    const at = this.#pathOf(name);
    return this.values(name).map((value, i) =>
      read(new Fields(value, `${at}[${i}]`, this.#report))
    );
  }

  /** Reads an array whose elements are objects, empty when absent. */
  listOrEmpty<T>(name: string, read: (element: Fields) => T): T[] {
    return this.has(name) ? this.list(name, read) : [];
  }

  /** Reads an array of UUIDs. */
  uuids(name: string): string[] {
    const values = this.values(name);
    const uuids = values.filter((value) =>
      typeof value === "string" && UUID.test(value)
    ) as string[];
    if (uuids.length < values.length) this.refuse("invalid-uuid", name);
    return uuids.map((uuid) => uuid.toLowerCase());
  }

  /** Reads an array of anything. */
  values(name: string): readonly unknown[] {
    const value = this.#required(name);
    return Array.isArray(value) ? value : this.#wrongType(name, value, []);
  }

  #required(name: string): unknown {
    if (this.has(name)) return this.#object[name];
    this.refuse("missing-field", name);
    return undefined;
  }

  #isNothing(name: string): boolean {
    return !this.has(name) || this.#object[name] === null;
  }

  #integer(name: string, max: number): number {
    const value = this.#required(name);
    return Number.isInteger(value) && (value as number) >= 0 &&
        (value as number) <= max
      ? value as number
      : this.#wrongType(name, value, 0);
  }

  #wrongType<T>(name: string, value: unknown, standIn: T): T {
    if (value !== undefined) this.refuse("wrong-type", name);
    return standIn;
  }

  #pathOf(name: string): string {
    return `${this.#path}.${name}`;
  }
}

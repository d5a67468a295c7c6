import type { IpFamily } from "../base/mod.ts";
import { ENOENT } from "./errno.ts";
import {
  ENTRIES_HEADER_BYTES,
  INFO_BYTES,
  type LegacyVerdict,
  legacyVerdict,
  sizeOfRules,
} from "./legacy_rules.ts";
import { cString, errno, libc } from "./libc.ts";

const FILTER = "filter";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const SOL_IP = 0;
const SOL_IPV6 = 41;

/** The same in `ip_tables.h` and `ip6_tables.h`: about the rules, and the rules. */
const SO_GET_INFO = 64;
const SO_GET_ENTRIES = 65;
/** Where the length of the rules stands, behind the table's name. */
const ENTRIES_SIZE = 32;

/** The most rules that are read, in bytes. A cluster's node has one tenth of it. */
const RULES_LIMIT_BYTES = 16 * 1024 * 1024;

const O_RDONLY_CLOEXEC = 0x80000;
const NAMES_BYTES = 256;

/**
 * Tells what an `iptables` that is not nf_tables, with rules of its own in the kernel, does to packets from an interface.
 *
 * Nothing of it is seen by nf_tables netlink. Merely asking for its rules would
 * create them, empty, so it is asked only if the list of its tables, which
 * root alone may read, has them. Its rules are not changed: the kernel takes them
 * as a whole only, and who writes at the same time loses.
 */
export function inspectLegacyFirewall(
  family: IpFamily,
  tunName: string,
): LegacyVerdict {
  const tables = namesOfTables(family);
  if (typeof tables === "number") {
    return tables === ENOENT ? "passes" : "unknown";
  }
  if (!tables.includes(FILTER)) return "passes";
  const [domain, level] = family === 4
    ? [AF_INET, SOL_IP]
    : [AF_INET6, SOL_IPV6];
  const fd = libc().socket(domain, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return "unknown";
  try {
    return readVerdict(fd, level, family, tunName);
  } finally {
    libc().close(fd);
  }
}

function readVerdict(
  fd: number,
  level: number,
  family: IpFamily,
  tunName: string,
): LegacyVerdict {
  const info = new Uint8Array(INFO_BYTES);
  info.set(cString(FILTER));
  if (!read(fd, level, SO_GET_INFO, info)) return "unknown";
  const size = sizeOfRules(info);
  if (size > RULES_LIMIT_BYTES) return "unknown";

  const entries = new Uint8Array(ENTRIES_HEADER_BYTES + size);
  entries.set(cString(FILTER));
  new DataView(entries.buffer).setUint32(ENTRIES_SIZE, size, true);
  // Refused when somebody changes them right then; there is a next time.
  if (!read(fd, level, SO_GET_ENTRIES, entries)) return "unknown";
  const rules = entries.subarray(ENTRIES_HEADER_BYTES);
  return legacyVerdict(family, info, rules, tunName);
}

function read(
  fd: number,
  level: number,
  option: number,
  room: Uint8Array<ArrayBuffer>,
): boolean {
  const length = new Uint32Array([room.length]);
  return libc().getsockopt(fd, level, option, room, length) === 0;
}

/** Returns the tables that there are, or why they cannot be listed. */
function namesOfTables(family: IpFamily): string[] | number {
  const name = family === 4 ? "ip_tables_names" : "ip6_tables_names";
  const path = cString(`/proc/net/${name}`);
  const fd = libc().open(path, O_RDONLY_CLOEXEC, 0);
  if (fd < 0) return errno();
  const bytes = new Uint8Array(NAMES_BYTES);
  const length = libc().read_bytes(fd, bytes, bytes.length);
  libc().close(fd);
  if (length < 0) return errno();
  return new TextDecoder().decode(bytes.subarray(0, length)).split("\n");
}

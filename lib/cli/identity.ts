import { hmacSha256, sha256 } from "../crypto/mod.ts";
import { toHex, utf8 } from "../base/mod.ts";
import { messageOf, TUN_NAME } from "../io/mod.ts";
import type { StateFiles } from "./state_files.ts";

/** Key under which an identity is derived from the machine id, portal spec §1.3. */
const APPLICATION_ID = "753b38f9f96947ef8083802d5909a372";

const STATE_DIRECTORY = "/var/lib/firezone";
const MACHINE_ID_FILE = "/etc/machine-id";

/** What the machine id file holds before the first boot, machine-id(5). */
const NO_MACHINE_ID = ["", "uninitialized"];

/** Who this installation is. */
export interface Identity {
  /** The identity, before hashing. */
  readonly id: string;
  /** Where it comes from, in a few words. */
  readonly origin: string;
  /** A sentence about what went wrong on the way to it, if anything. */
  readonly notice?: string;
}

/** Returned instead of an identity when none can be found or kept. */
export interface NoIdentity {
  /** A sentence that says what to do. */
  readonly problem: string;
}

/** Returns where a gateway keeps its state. Those that share a host by names of their interfaces share no state. */
export function stateDirectoryOf(tunName: string): string {
  return tunName === TUN_NAME
    ? STATE_DIRECTORY
    : `${STATE_DIRECTORY}/${tunName}`;
}

/**
 * Finds the identity of this installation (portal spec §1.3): the configured
 * one, the state file, the machine id, else a new one that is kept.
 */
export function findIdentity(
  { configured, tunName, files, newUuid }: {
    readonly configured: string | undefined;
    readonly tunName: string;
    readonly files: StateFiles;
    readonly newUuid: () => string;
  },
): Identity | NoIdentity {
  if (configured) return { id: configured, origin: "configured" };
  const directory = stateDirectoryOf(tunName);
  const path = `${directory}/gateway_id`;
  const kept = readKept(path, files);
  if (typeof kept === "string") return { id: kept, origin: path };

  const found = derive(tunName, files) ?? make(directory, path, files, newUuid);
  return "problem" in found ? found : { ...found, ...kept };
}

/** Reads the identity of an earlier start. One that cannot be read is said so: the portal is about to see another gateway. */
function readKept(
  path: string,
  files: StateFiles,
): string | { readonly notice?: string } {
  const remedy = "; this gateway appears under another identity: " +
    "make the file readable for this user, or set FIREZONE_ID";
  let text: string | undefined;
  try {
    text = files.read(path);
  } catch (error) {
    return { notice: `Cannot read ${path}: ${messageOf(error)}${remedy}` };
  }
  if (text === undefined) return {};
  return identityIn(text) ??
    { notice: `Cannot find an identity in ${path}${remedy}` };
}

/** Derives an identity from that of the machine; several gateways on it get one each. */
function derive(tunName: string, files: StateFiles): Identity | undefined {
  let machineId: string | undefined;
  try {
    machineId = files.read(MACHINE_ID_FILE);
  } catch {
    return undefined;
  }
  if (machineId === undefined || NO_MACHINE_ID.includes(machineId.trim())) {
    return undefined;
  }
  const instance = tunName === TUN_NAME ? "" : tunName;
  const hmac = hmacSha256(utf8(APPLICATION_ID), utf8(machineId + instance));
  return { id: toHex(hmac), origin: `derived from ${MACHINE_ID_FILE}` };
}

function make(
  directory: string,
  path: string,
  files: StateFiles,
  newUuid: () => string,
): Identity | NoIdentity {
  const id = toHex(sha256(utf8(newUuid())));
  try {
    files.write(directory, path, JSON.stringify({ id }));
    return { id, origin: `made up and kept in ${path}` };
  } catch (error) {
    return {
      problem:
        `Cannot keep an identity in ${directory}: ${
          messageOf(error)
        }; set FIREZONE_ID, ` +
        "or give this user read and write access to that directory",
    };
  }
}

function identityIn(json: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(json);
    const id = typeof parsed === "object" && parsed !== null && "id" in parsed
      ? parsed.id
      : undefined;
    return typeof id === "string" && id !== "" ? id : undefined;
  } catch {
    return undefined;
  }
}

import { hmacSha256, sha256 } from "../crypto/mod.ts";
import { Secret, toHex, utf8 } from "../base/mod.ts";
import { normalizeToken } from "../portal/mod.ts";

/** Key under which an identity is derived from the machine id, portal spec §1.3. */
const APPLICATION_ID = "753b38f9f96947ef8083802d5909a372";

/** Where the gateway keeps an identity that it made up itself. */
const STATE_DIRECTORY = "/var/lib/firezone";
const STATE_FILE = `${STATE_DIRECTORY}/gateway_id`;
const MACHINE_ID_FILE = "/etc/machine-id";
const CREDENTIAL_NAME = "FIREZONE_TOKEN";

/** The files that identity and token are read from, so that tests need no real ones. */
export interface IdentityFiles {
  /** Returns the text of a file, or `undefined` when it cannot be read. */
  read(path: string): string | undefined;
  /** Writes the identity file with its directory, or throws. */
  write(path: string, text: string): void;
}

/** Returned instead of an identity when none can be found or kept. */
export interface NoIdentity {
  /** A sentence that says what to do. */
  readonly problem: string;
}

/**
 * Finds the identity of this installation (portal spec §1.3): the configured
 * one, the state file, the machine id, else a new one that is kept.
 */
export function findIdentity(
  configured: string | undefined,
  files: IdentityFiles,
  newUuid: () => string,
): string | NoIdentity {
  if (configured) return configured;
  const kept = identityOf(files.read(STATE_FILE));
  if (kept) return kept;
  const machineId = files.read(MACHINE_ID_FILE);
  if (machineId) {
    return toHex(hmacSha256(utf8(APPLICATION_ID), utf8(machineId)));
  }

  const made = toHex(sha256(utf8(newUuid())));
  try {
    files.write(STATE_FILE, JSON.stringify({ id: made }));
    return made;
  } catch {
    return {
      problem:
        `Cannot keep an identity in ${STATE_DIRECTORY}: set FIREZONE_ID, ` +
        "or give this user read and write access to that directory",
    };
  }
}

/** Finds the token: the configured one, else the systemd credential; all white space is removed from it. */
export function findToken(
  configured: string | undefined,
  credentialsDirectory: string | undefined,
  files: IdentityFiles,
): Secret | undefined {
  const text = configured ?? (credentialsDirectory &&
    files.read(`${credentialsDirectory}/${CREDENTIAL_NAME}`));
  const token = text && normalizeToken(text);
  return token ? new Secret(token) : undefined;
}

/** The real files. */
export const REAL_FILES: IdentityFiles = {
  read(path) {
    try {
      return Deno.readTextFileSync(path);
    } catch {
      return undefined;
    }
  },
  write(path, text) {
    Deno.mkdirSync(STATE_DIRECTORY, { recursive: true, mode: 0o770 });
    const fresh = `${path}.new`;
    Deno.writeTextFileSync(fresh, text, { mode: 0o640 });
    Deno.renameSync(fresh, path);
  },
};

function identityOf(json: string | undefined): string | undefined {
  try {
    const parsed: unknown = JSON.parse(json ?? "");
    const id = typeof parsed === "object" && parsed !== null && "id" in parsed
      ? parsed.id
      : undefined;
    return typeof id === "string" && id !== "" ? id : undefined;
  } catch {
    return undefined;
  }
}

import { Secret } from "../base/mod.ts";
import { messageOf } from "../io/mod.ts";
import { normalizeToken } from "../portal/mod.ts";
import type { StateFiles } from "./state_files.ts";

/** Name of the systemd credential, and of the variable. */
const NAME = "FIREZONE_TOKEN";

const UNUSABLE =
  "it is blank or has characters that no token has; copy it again from the portal";

/** A token, and where it comes from. */
export interface FoundToken {
  /** The token without white space. */
  readonly token: Secret;
  /** In a few words. */
  readonly origin: string;
}

/** Returned when there is no token. */
export interface NoToken {
  /** A sentence that says what to do. */
  readonly problem: string;
}

/** Finds the token: the configured one, else the systemd credential; all white space is removed from it. */
export function findToken(
  configured: string | undefined,
  credentialsDirectory: string | undefined,
  files: StateFiles,
): FoundToken | NoToken {
  if (configured) {
    return tokenIn(configured, "configured") ??
      { problem: `Cannot use the token in ${NAME}: ${UNUSABLE}` };
  }
  if (!credentialsDirectory) {
    return noCredential("`CREDENTIALS_DIRECTORY` not provided");
  }
  const path = `${credentialsDirectory}/${NAME}`;
  try {
    const text = files.read(path);
    if (text === undefined) return noCredential(`there is no ${path}`);
    return tokenIn(text, "systemd credential") ??
      { problem: `Cannot use the token in ${path}: ${UNUSABLE}` };
  } catch (error) {
    return noCredential(`${path}: ${messageOf(error)}`);
  }
}

function tokenIn(text: string, origin: string): FoundToken | undefined {
  const token = normalizeToken(text);
  return token ? { token: new Secret(token), origin } : undefined;
}

function noCredential(reason: string): NoToken {
  return {
    problem: `Cannot start without a token: set ${NAME} to the one that the ` +
      `portal shows (Failed to read \`${NAME}\` systemd credential: ${reason})`,
  };
}

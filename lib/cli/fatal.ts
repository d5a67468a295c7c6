import { unreachable } from "../base/mod.ts";
import {
  MissingCapabilityError,
  TunBusyError,
  TunForbiddenError,
  TunGoneError,
  TunMissingError,
  TunNameTakenError,
  WorkerBrokenError,
} from "../io/mod.ts";
import { describeFailure, type FatalReason } from "../portal/mod.ts";

/** What to do about a missing capability. */
export const NEEDS_CAPABILITY =
  "Cannot manage the network without the CAP_NET_ADMIN capability: " +
  "run `sudo setcap cap_net_admin+eip` on the executable (again after each update), or run as root";

/** Returns the sentence for a portal that will not have us. */
export function explainPortal(reason: FatalReason, apiUrl: string): string {
  switch (reason.kind) {
    case "token-refused":
      return "Authentication token invalid: the portal refused it; " +
        "copy the token again or create a new one, and set FIREZONE_TOKEN";
    case "authentication-failed":
      return `Failed to authenticate with portal: ${
        reason.detail || "no reason was provided"
      }; ` +
        "check FIREZONE_API_URL and any proxy on the way; " +
        "if the portal itself said so, create a new token and set FIREZONE_TOKEN";
    case "join-refused":
      return `The portal refused to let us join: ${reason.reason}; ` +
        "start again, and if it stays so, create a new token and set FIREZONE_TOKEN, " +
        "or install a version that the portal supports";
    case "token-expired":
      return "The portal ended the session: the token expired, was deleted or is in use elsewhere; " +
        "create a new token and set FIREZONE_TOKEN, " +
        "and check that FIREZONE_ID is unique";
    case "budget-exhausted":
      return `Cannot reach the portal at ${apiUrl}: ${
        describeFailure(reason.lastFailure)
      }; ` +
        "check FIREZONE_API_URL, name resolution and the firewall";
    default:
      return unreachable(reason);
  }
}

/** Returns the sentence for a data plane that does not run. */
export function explainDataPlane(error: Error): string {
  if (error instanceof TunBusyError) {
    return `${error.message}: another gateway or client runs on this host; ` +
      "stop it first, or give this gateway a name of its own by --tun-name";
  }
  if (error instanceof TunNameTakenError) {
    return `${error.message}: an interface of another kind has this name; choose another by --tun-name`;
  }
  if (error instanceof TunMissingError) {
    return `${error.message}: load the driver with \`modprobe tun\`, ` +
      "or give the container the device /dev/net/tun";
  }
  if (error instanceof TunForbiddenError) {
    return `${error.message}: run \`sudo chmod 0666 /dev/net/tun\`, as distributions have it`;
  }
  if (error instanceof TunGoneError) {
    return `${error.message}: the interface was deleted while in use; start again`;
  }
  if (error instanceof MissingCapabilityError) {
    return `${error.message}: ${NEEDS_CAPABILITY}`;
  }
  if (error instanceof WorkerBrokenError) {
    return `${error.message}; please report it with the log, and start the program again`;
  }
  return error.message;
}

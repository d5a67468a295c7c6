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
import {
  type ConnectionFailure,
  describeFailure,
  type FatalReason,
} from "../portal/mod.ts";

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
      return explainAuthentication(reason.detail);
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
      }; ${waysToPortal(reason.lastFailure)}`;
    default:
      return unreachable(reason);
  }
}

function explainAuthentication(detail: string | undefined): string {
  const refused = "Failed to authenticate with portal";
  const way = "check FIREZONE_API_URL and any proxy on the way";
  return detail
    ? `${refused}: ${detail}; if this is about the token, create a new one and set FIREZONE_TOKEN, else ${way}`
    : `${refused}: no reason was provided; ${way}`;
}

/** Says what to look at when every attempt to reach the portal failed, the last one so. */
function waysToPortal(failure: ConnectionFailure): string {
  switch (failure.kind) {
    case "name-not-resolved":
      return "check FIREZONE_API_URL and the nameservers in /etc/resolv.conf";
    case "unreachable":
    case "tcp-timed-out":
    case "attempt-timed-out":
      return "check FIREZONE_API_URL, the routes of this host and the firewalls on the way";
    case "tls-failed":
      return "check FIREZONE_API_URL, the clock and the CA certificates of this host";
    case "rejected":
      if (failure.response.status !== 409) break;
      return "stop the other gateway that has this FIREZONE_ID, or give this one another";
  }
  return "check FIREZONE_API_URL and any proxy on the way, or try again later";
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

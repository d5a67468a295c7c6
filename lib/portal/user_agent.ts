/** What the user agent tells about this installation. */
export interface UserAgentParts {
  /** Name of the distribution, such as `Debian`. */
  readonly osName: string;
  /** Its version, such as `12.0.0`; absent when unknown. */
  readonly osVersion?: string | undefined;
  /** `gateway`, `relay` or `headless-client`: what the portal looks for. */
  readonly component: string;
  /** `MAJOR.MINOR.PATCH`, with a pre-release suffix at most. */
  readonly version: string;
  /** Processor architecture as uname reports it. */
  readonly arch?: string | undefined;
  /** Kernel release as uname reports it. */
  readonly kernel?: string | undefined;
}

/** Portal spec §1.5: what the portal keeps. */
const MAX_LENGTH = 255;

/** Longest text of one part, so that the version always survives the cut. */
const MAX_PART_LENGTH = 60;

/**
 * Returns the `User-Agent`, portal spec §1.5.
 *
 * Everything but printable ASCII is removed: kernels with unusual build names
 * would otherwise make the request invalid.
 */
export function userAgent(parts: UserAgentParts): string {
  const osVersion = clean(parts.osVersion) || "Unknown";
  const details = [clean(parts.arch), clean(parts.kernel)]
    .filter((detail) => detail !== "").join("; ");
  const suffix = details === "" ? "" : ` (${details})`;
  const software = `${clean(parts.component)}/${clean(parts.version)}`;
  return `${clean(parts.osName)}/${osVersion} ${software}${suffix}`
    .slice(0, MAX_LENGTH);
}

function clean(text = ""): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "").trim().slice(0, MAX_PART_LENGTH);
}

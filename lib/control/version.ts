/** The kinds of clients whose messages differ by version (portal spec §5.1.6). */
export type Component = "apple" | "gui" | "headless" | "android";

/** What a `User-Agent` header tells (portal spec §1.5). */
export interface UserAgent {
  /** The software's version as it stands there, or `null`. */
  readonly version: string | null;
  /** The kind of client; meaningless for other roles. */
  readonly component: Component;
}

const SOFTWARE = [
  "relay/",
  "connlib/",
  "headless-client/",
  "gui-client/",
  "apple-client/",
  "android-client/",
  "gateway/",
];

/** First versions that are told of `sites` and no longer of `gateway_groups`. */
const FIRST_WITH_SITES: Readonly<Record<Component, string>> = {
  apple: "1.5.11",
  gui: "1.5.10",
  headless: "1.5.6",
  android: "1.5.8",
};

const MAX_LENGTH = 255;

/** Reads the version and the component out of a user agent. */
export function parseUserAgent(text: string): UserAgent {
  const word = text.slice(0, MAX_LENGTH).split(" ").find((candidate) =>
    SOFTWARE.some((prefix) => candidate.startsWith(prefix))
  );
  const version = word?.slice(word.indexOf("/") + 1) ?? "";
  return {
    version: version === "" ? null : version,
    component: componentOf(text),
  };
}

/** Tells whether a gateway may serve a client: same major version, minor from one below to one above. */
export function canServe(
  gatewayVersion: string | null,
  clientVersion: string | null,
): boolean {
  const client = parseVersion(clientVersion);
  if (!client) return true;
  const gateway = parseVersion(gatewayVersion);
  if (!gateway) return false;
  const [major, minor] = client.numbers;
  return !isBefore(gateway, [major, minor - 1, 0]) &&
    isBefore(gateway, [major, minor + 2, 0]);
}

/** Tells whether a client knows the field names `sites` and `site_id`. */
export function knowsSites({ version, component }: UserAgent): boolean {
  const own = parseVersion(version);
  const first = parseVersion(FIRST_WITH_SITES[component]);
  return own !== undefined && first !== undefined &&
    !isBefore(own, first.numbers);
}

interface Version {
  readonly numbers: readonly [number, number, number];
  readonly isPreRelease: boolean;
}

function componentOf(userAgent: string): Component {
  if (userAgent.includes("headless-client/")) return "headless";
  if (userAgent.includes("gui-client/")) return "gui";
  if (userAgent.includes("apple-client/")) return "apple";
  if (userAgent.includes("android-client/")) return "android";
  if (/^(?:Mac OS|macOS|iOS)/.test(userAgent)) return "apple";
  return userAgent.startsWith("Android") ? "android" : "gui";
}

function parseVersion(text: string | null): Version | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/
    .exec(text ?? "");
  if (!match) return undefined;
  return {
    numbers: [Number(match[1]), Number(match[2]), Number(match[3])],
    isPreRelease: match[4] !== undefined,
  };
}

/** SemVer order; a pre-release comes before the release of its numbers. */
function isBefore(
  version: Version,
  bound: readonly [number, number, number],
): boolean {
  for (const [i, part] of version.numbers.entries()) {
    const limit = bound[i] ?? 0;
    if (part !== limit) return part < limit;
  }
  return version.isPreRelease;
}

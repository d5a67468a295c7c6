import { formatIp, type IpAddress, type Result, unixMs } from "../base/mod.ts";
import type { ConnectionFailure, LoginUrl } from "../portal/mod.ts";
import { SYSTEM_RANDOM } from "./clock.ts";
import { closeQuietly, upgrade } from "./portal_upgrade.ts";
import { resolveBySystem } from "./resolver.ts";
import { settlesWithin } from "./settles_within.ts";

/** What became of an attempt to reach the portal. */
export interface PortalReport {
  /** What its name means. */
  readonly addresses: readonly string[];
  /** How the upgrade went. */
  readonly upgrade: Result<void, ConnectionFailure>;
}

/** Reaches for the portal without a token: it knows nothing of a gateway afterwards. */
export async function reachPortal(
  url: LoginUrl,
  userAgent: string,
  limitMs: number,
): Promise<PortalReport> {
  const found = await lookUp(url, limitMs);
  const addresses = found.map(formatIp);
  if (addresses.length === 0) {
    const failure: ConnectionFailure = {
      kind: "name-not-resolved",
      detail: url.hostname,
    };
    return { addresses, upgrade: { ok: false, error: failure } };
  }
  const limits = { tcpMs: limitMs, attemptMs: limitMs, bodyMs: limitMs };
  const upgraded = await upgrade(found, {
    url,
    credentials: { token: "", userAgent },
    random: SYSTEM_RANDOM,
    unixNow: () => unixMs(Date.now()),
    limits,
  }, new AbortController().signal);
  if (!upgraded.ok) return { addresses, upgrade: upgraded };
  closeQuietly(upgraded.value.conn);
  return { addresses, upgrade: { ok: true, value: undefined } };
}

async function lookUp(
  { hostname, literal }: LoginUrl,
  limitMs: number,
): Promise<readonly IpAddress[]> {
  if (literal) return [literal];
  const found = resolveBySystem(hostname);
  return await settlesWithin(found, limitMs) ? await found : [];
}

import { lookup } from "node:dns";
import { type IpAddress, parseIp } from "../base/mod.ts";

/** Our limit for one look-up: C libraries go on for half a minute when no server answers. */
const LOOKUP_TIMEOUT_MS = 15_000;

/** Finds the addresses of a name. Empty when there are none, whatever the cause. */
export type Resolve = (hostname: string) => Promise<readonly IpAddress[]>;

/**
 * Asks the operating system for all addresses of a name: hosts file first,
 * then its resolvers. Nothing is cached here, so every attempt to connect sees
 * what the name means at that time.
 */
export function resolveBySystem(
  hostname: string,
): Promise<readonly IpAddress[]> {
  const { promise, resolve } = Promise.withResolvers<readonly IpAddress[]>();
  const timer = setTimeout(() => resolve([]), LOOKUP_TIMEOUT_MS);
  lookup(hostname, { all: true, verbatim: true }, (error, found) => {
    clearTimeout(timer);
    resolve(error ? [] : distinct(found.map((entry) => entry.address)));
  });
  return promise;
}

function distinct(texts: readonly string[]): IpAddress[] {
  return [...new Set(texts)].flatMap((text) => parseIp(text) ?? []);
}

import {
  err,
  formatIp,
  formatSocketAddress,
  type IpAddress,
  ok,
  type Result,
} from "../base/mod.ts";
import type { ConnectionFailure } from "../portal/mod.ts";

/**
 * Connects to whichever address answers first.
 *
 * All are dialed at once without stagger, so a dead one cannot delay a live
 * one (portal spec §1.6). The rest is abandoned as soon as one answers, when
 * `timeoutMs` is over, or when `signal` fires. A failure names every address.
 */
export async function dialFirst(
  addresses: readonly IpAddress[],
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Result<Deno.TcpConn, ConnectionFailure>> {
  const race = new AbortController();
  const timer = setTimeout(() => race.abort(), timeoutMs);
  const stop = () => race.abort();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();

  const problems = new Map(addresses.map((ip) => [ip, "no answer"]));
  try {
    return ok(
      await Promise.any(addresses.map(async (ip) => {
        try {
          return await dial(ip, port, race);
        } catch (error) {
          if (!race.signal.aborted) problems.set(ip, messageOf(error));
          throw error;
        }
      })),
    );
  } catch {
    const detail = [...problems].map(([ip, problem]) =>
      `${formatSocketAddress({ ip, port })} ${problem}`
    ).join(", ");
    const kind = race.signal.aborted ? "tcp-timed-out" : "unreachable";
    return err({ kind, detail });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** Returns the text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Connects and thereby ends the race for all others. Closes the connection if it comes second. */
async function dial(
  ip: IpAddress,
  port: number,
  race: AbortController,
): Promise<Deno.TcpConn> {
  const hostname = formatIp(ip);
  const conn = await Deno.connect({ hostname, port, signal: race.signal });
  if (race.signal.aborted) {
    conn.close();
    throw new Error("Cannot use the connection: it came too late");
  }
  race.abort();
  return conn;
}

import {
  after,
  type Epoch,
  type Instant,
  instantAt,
  NEVER,
  unixMs,
} from "../base/mod.ts";
import { ABSURD_EXPIRY_FALLBACK_MS } from "./constants.ts";

/**
 * Maps the portal's `expires_at`, in Unix seconds, to the monotonic clock (data-plane spec §4.2).
 *
 * `null` means never. A time before process start lies in the past whatever
 * the wall clock says today. A value that is no exact number of milliseconds
 * falls back to a day from `now`.
 */
export function expiryInstant(
  expiresAt: number | null,
  epoch: Epoch,
  now: Instant,
): Instant {
  if (expiresAt === null) return NEVER;
  const ms = expiresAt * 1_000;
  return Number.isSafeInteger(ms)
    ? instantAt(epoch, unixMs(ms))
    : after(now, ABSURD_EXPIRY_FALLBACK_MS);
}

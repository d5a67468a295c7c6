/** What one rung of a ladder of rates found. */
export interface Rung {
  /** Packets sent in a second. */
  readonly sent: number;
  /** Packets received in a second. */
  readonly received: number;
  /** Share of those sent that did not arrive. */
  readonly lossPercent: number;
}

/** What a whole ladder found, in packets a second. */
export interface Summit {
  /** Received at the highest rung that lost no more than `TOLERATED_LOSS_PERCENT`; 0 when each lost more. */
  readonly clean: number;
  /** Most that were ever received. */
  readonly most: number;
  /** Most that were ever sent: well above `most` unless it was the sender that had no more. */
  readonly sent: number;
}

/** What still counts as carried. */
const TOLERATED_LOSS_PERCENT = 1;

/** A sender that brings less of what it should is at its own end. */
const KEPT_SHARE = 0.9;

/** So many rungs in a row that carried no more than the best before end the climb: a chance one does not. */
const FRUITLESS_RUNGS = 2;

/** Offers rising rates until more brings nothing, or the sender has no more. */
export async function climb(
  rates: readonly number[],
  offer: (packetsPerSecond: number) => Promise<Rung>,
): Promise<Summit> {
  let clean = 0;
  let most = 0;
  let mostSent = 0;
  let fruitless = 0;
  for (const rate of rates) {
    const { sent, received, lossPercent } = await offer(rate);
    if (lossPercent <= TOLERATED_LOSS_PERCENT) {
      clean = Math.max(clean, received);
    }
    fruitless = received > most ? 0 : fruitless + 1;
    most = Math.max(most, received);
    mostSent = Math.max(mostSent, sent);
    if (sent < KEPT_SHARE * rate || fruitless === FRUITLESS_RUNGS) break;
  }
  return { clean, most, sent: mostSent };
}

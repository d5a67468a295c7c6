/** Longest text of the portal that is kept; it ends up in logs. */
const MAX_LENGTH = 500;

/** Makes a text of the portal fit for one line of a log: it must not forge others. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ").slice(0, MAX_LENGTH);
}

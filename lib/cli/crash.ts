import type { Logger } from "../base/mod.ts";

/** How long taking leave may last after a fault of our own before the process ends anyway, in ms: what a stop takes at most, and some. */
export const CRASH_LIMIT_MS = 8_000;

/** Returns the sentence for a fault of our own. */
export function describeCrash(thrown: unknown): string {
  const message = thrown instanceof Error
    ? `${thrown.name}: ${thrown.message}`
    : String(thrown);
  return `Stopped by a fault of our own: ${firstLine(message)}; ` +
    "please report it with the log, and start the program again";
}

/**
 * Settles with a sentence at the first exception or rejection that nobody
 * handles, so that the program can take leave of its peers. The stack goes to
 * the log. `giveUp` is called when that takes too long.
 */
export function watchForCrash(
  log: Logger,
  giveUp: () => void,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let isFirst = true;
  const handle = (event: Event, thrown: unknown) => {
    event.preventDefault();
    const error = String(thrown);
    const stack = thrown instanceof Error ? thrown.stack : undefined;
    log.log(isFirst ? "error" : "debug", "Crashed", { error, stack });
    if (!isFirst) return;
    isFirst = false;
    setTimeout(giveUp, CRASH_LIMIT_MS);
    resolve(describeCrash(thrown));
  };
  globalThis.addEventListener("error", (event) => handle(event, event.error));
  globalThis.addEventListener(
    "unhandledrejection",
    (event) => handle(event, event.reason),
  );
  return promise;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

/**
 * Times one implementation of the packet cipher, as `evp.c` does.
 *
 *     run_aead.ts NAME MILLISECONDS SIZE...
 */
import { cpuUsage } from "node:process";
import { toHex } from "../../lib/base/mod.ts";
import { type AeadName, prepareAead } from "./aead_contenders.ts";

/** Between two looks at the clock, which costs as much as a small packet. */
const PACKETS_PER_LOOK = 256;

const WARM_UP_MS = 150;

const [name, milliseconds, ...sizes] = Deno.args;
for (const size of sizes.map(Number)) {
  const work = prepareAead(name as AeadName, size);
  const sealed = toHex(work.sealed);
  const [sealNs, openNs] = [work.seal, work.open].map((step) => {
    // Lets the engine compile it, on the core that it shares with the work.
    timeNs(step, WARM_UP_MS);
    return timeNs(step, Number(milliseconds));
  });
  console.log(JSON.stringify({ size, sealNs, openNs, sealed }));
}

function timeNs(step: () => void, limitMs: number): number {
  const begin = cpuMs();
  let count = 0;
  let elapsed;
  do {
    for (let i = 0; i < PACKETS_PER_LOOK; i++) step();
    count += PACKETS_PER_LOOK;
    elapsed = cpuMs() - begin;
  } while (elapsed < limitMs);
  return elapsed * 1e6 / count;
}

/** Processor time of all threads, as a collector's work is part of the price. */
function cpuMs(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e3;
}

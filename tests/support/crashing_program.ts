/**
 * A program whose main thread breaks by a fault that nobody handles: an
 * exception or a rejection, as its argument says. It hangs afterwards if told
 * to.
 */
import { describeCrash, watchForCrash } from "../../lib/cli/crash.ts";
import { LogFilter } from "../../lib/cli/log_filter.ts";
import { LogSink } from "../../lib/cli/log_sink.ts";

const sink = new LogSink({
  filter: new LogFilter({ fallback: "info", targets: [] }),
  format: "human",
  write: (line) => {
    console.log(line);
    return true;
  },
});
const crashed = watchForCrash(sink.logger("cli"), () => Deno.exit(1));
const fault = new RangeError("first line\nsecond line");

setTimeout(() => {
  if (Deno.args[0] === "rejection") Promise.reject(fault);
  else throw fault;
});
setTimeout(() => {
  throw new Error("Another fault on the way out");
});
const sentence = await crashed;
console.error(sentence === describeCrash(fault) ? sentence : "Not the first");
Deno.exit(1);

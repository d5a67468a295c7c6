/**
 * Asks the nameserver given as `address:port` once over each transport, marked
 * and not, and prints what each came to. Run inside a namespace.
 */
import { parseSocketAddress } from "../../lib/base/mod.ts";
import { writeQuery } from "../../lib/dns/mod.ts";
import { exchange } from "../../lib/io/mod.ts";

const server = parseSocketAddress(Deno.args[0] ?? "");
if (!server) throw new TypeError("Usage: dns_asker.ts address:port");
const query = writeQuery({ id: 7, name: "www.example", type: "A" });
for (const transport of ["udp", "tcp"] as const) {
  for (const mark of [true, false]) {
    const request = { server, transport, query, limitMs: 5_000, mark };
    const answer = await exchange(request);
    console.log(transport, mark, answer === undefined ? "silence" : "answer");
  }
}

/**
 * Sends UDP packets at a fixed rate, or counts those that arrive, and prints what it did as one line of JSON.
 *
 *     run_udp_load.ts listen ADDR:PORT send|receive LOAD
 *     run_udp_load.ts connect ADDR:PORT send|receive LOAD
 *
 * One end listens, the other connects; either may send. Full speed takes one
 * system call for many packets: as groups (`UDP_SEGMENT`), as fast programs
 * send them, or singly (`sendmmsg`). It sleeps between calls, as the tunnel
 * needs the processor, and takes groups as they come (`UDP_GRO`).
 */
import { parseSocketAddress } from "../../lib/base/mod.ts";
import { SOCKADDR_ROOM_BYTES, writeSockaddr } from "../../lib/io/sockaddr.ts";
import { LoadEnd } from "./load_end.ts";
import type { UdpLoad } from "./udp_load.ts";

const [mode, endpoint = "", task, load = ""] = Deno.args;
const address = parseSocketAddress(endpoint);
if (!address) throw new Error(`Cannot read address: ${endpoint}`);
const end = new LoadEnd(mode === "listen" ? address.port : 0);
if (mode === "listen") {
  console.log("Listening");
  end.awaitHello();
} else {
  const name = new Uint8Array(SOCKADDR_ROOM_BYTES);
  end.connect(name, writeSockaddr(name, 0, address));
  end.sayHello();
}
const spec: UdpLoad = JSON.parse(load);
const done = task === "send" ? end.send(spec) : end.receive(spec);
console.log(JSON.stringify(done));

/**
 * Traffic through a tunnel whose every byte is checked, for the namespaces of a test.
 *
 *     traffic.ts receive-tcp PORT | send-tcp HOST PORT BYTES
 *     traffic.ts receive-udp PORT | send-udp HOST:PORT COUNT LENGTH
 *
 * A receiver says `listening`, and then what it got.
 */
import { createHash } from "node:crypto";
import { Arena, NO_LOG } from "../../lib/base/mod.ts";
import { Epoll } from "../../lib/io/epoll.ts";
import { createIoCounters } from "../../lib/io/io_counters.ts";
import { NativeMemory } from "../../lib/io/native_memory.ts";
import { ReceiveRing } from "../../lib/io/receive_ring.ts";
import { UdpSockets } from "../../lib/io/udp_sockets.ts";
import { addressOf } from "./datagram.ts";

/** A receiver of datagrams is done when none has come for so long. */
const QUIET_MS = 1_000;

/** How long it waits for the first one. */
const FIRST_MS = 10_000;

/** What `receive-udp` prints. */
export interface Received {
  readonly count: number;
  /** Whether each datagram had a higher number than the one before. */
  readonly isInOrder: boolean;
  /** Whether each had the bytes that its number demands. */
  readonly isIntact: boolean;
}

if (import.meta.main) await main(Deno.args);

async function main([mode, ...args]: readonly string[]): Promise<void> {
  switch (mode) {
    case "receive-tcp":
      return await receiveTcp(Number(args[0]));
    case "send-tcp":
      return await sendTcp(args[0]!, Number(args[1]), Number(args[2]));
    case "receive-udp":
      return receiveUdp(Number(args[0]));
    case "send-udp":
      return sendUdp(args[0]!, Number(args[1]), Number(args[2]));
  }
}

async function receiveTcp(port: number): Promise<void> {
  using listener = Deno.listen({ hostname: "::", port });
  console.log("listening");
  using connection = await listener.accept();
  const hash = createHash("sha256");
  for await (const chunk of connection.readable) hash.update(chunk);
  console.log(`received ${hash.digest("hex")}`);
}

async function sendTcp(
  hostname: string,
  port: number,
  length: number,
): Promise<void> {
  using connection = await Deno.connect({ hostname, port });
  const hash = createHash("sha256");
  const chunk = new Uint8Array(65_536);
  for (let sent = 0; sent < length; sent += chunk.length) {
    crypto.getRandomValues(chunk);
    hash.update(chunk);
    for (let at = 0; at < chunk.length;) {
      at += await connection.write(chunk.subarray(at));
    }
  }
  console.log(`sent ${hash.digest("hex")}`);
}

/** Works without the runtime's sockets, whose buffers are too small for a burst. */
function receiveUdp(port: number): void {
  const memory = new NativeMemory(new Arena(2 ** 22));
  const sockets = new UdpSockets(memory, {}, createIoCounters(), NO_LOG);
  const ring = new ReceiveRing(memory, true);
  const epoll = new Epoll(memory);
  const opened = sockets.openMain({ port, orAny: false });
  opened.forEach(({ fd }) => epoll.add(fd));
  let [count, last, isInOrder, isIntact] = [0, -1, true, true];
  console.log("listening");
  for (let waitMs = FIRST_MS; epoll.wait(waitMs) > 0; waitMs = QUIET_MS) {
    const fd = epoll.readyFd(0);
    const messages = ring.receive(fd);
    for (let i = 0; i < messages; i++) {
      if (ring.select(i, port) !== "ok") continue;
      do {
        const { bytes, start, end } = ring.selected;
        const number = memory.arena.view.getUint32(start);
        const filling = bytes.subarray(start + 4, end);
        isInOrder &&= number > last;
        isIntact &&= filling.every((byte) => byte === (number & 255));
        last = number;
        count++;
      } while (ring.next());
    }
  }
  sockets.close();
  const received: Received = { count, isInOrder, isIntact };
  console.log(`received ${JSON.stringify(received)}`);
}

/** Sends numbered datagrams in groups, so that the kernel hands them to a TUN interface as large ones. */
function sendUdp(to: string, count: number, length: number): void {
  const memory = new NativeMemory(new Arena(2 ** 21));
  const sockets = new UdpSockets(memory, {}, createIoCounters(), NO_LOG);
  sockets.openMain({ port: 0, orAny: true });
  const destination = addressOf(to);
  for (let number = 0; number < count; number++) {
    const at = sockets.reserve();
    sockets.bytes.fill(number & 255, at, at + length);
    memory.arena.view.setUint32(at, number);
    sockets.commit(length, null, 0, destination, 0);
  }
  sockets.close();
  console.log("sent");
}

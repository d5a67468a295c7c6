import { Arena } from "../../lib/base/mod.ts";
import {
  ANCILLARY_ROOM_BYTES,
  AncillaryView,
  writeSegmentSize,
} from "../../lib/io/ancillary_data.ts";
import { Epoll } from "../../lib/io/epoll.ts";
import { libc, must } from "../../lib/io/libc.ts";
import { MessageRing } from "../../lib/io/message_ring.ts";
import { NativeMemory } from "../../lib/io/native_memory.ts";
import { SOCKADDR_ROOM_BYTES } from "../../lib/io/sockaddr.ts";
import { openUdpSocket } from "../../lib/io/udp_socket.ts";
import { waitUntilWritable } from "../../lib/io/wait.ts";
import {
  burstOf,
  type UdpLoad,
  type UdpReceived,
  type UdpSent,
} from "./udp_load.ts";

/** Opens the conversation, so that the listening end knows to whom to send. Shorter than any load's packet. */
const HELLO_BYTES = 1;

/** How long the first packet is waited for, and when the last one is taken to have come, in ms. */
const FIRST_MS = 5_000;
const QUIET_MS = 300;

/** So much that was missed, in s, is made up for. What is more than that was not offered. */
const CATCH_UP_SECONDS = 0.01;

/** How long the receiver lets packets gather, in µs. To be woken by each one would cost the sender more than sending. */
const DOZE_US = 500;

/** Held off by nothing but a starved receiver. */
const RECEIVE_BUFFER_BYTES = 2 ** 25;
const SEND_BUFFER_BYTES = 2 ** 22;
const SEND_PATIENCE_MS = 100;

const RING_MESSAGES = 64;
const LARGEST_MESSAGE = 65_536;

/** `prctl` request: how much later than asked a sleep may end, in ns. 50 000 unless told. */
const PR_SET_TIMERSLACK = 29;

const system = Deno.dlopen("libc.so.6", {
  prctl: { parameters: ["i32", "u32"], result: "i32" },
  usleep: { parameters: ["u32"], result: "i32" },
});

/** One end of a load of UDP packets. All methods block. */
export class LoadEnd {
  readonly #memory = new NativeMemory(new Arena(2 ** 23));
  readonly #epoll = new Epoll(this.#memory);
  readonly #ring = new MessageRing(this.#memory, {
    count: RING_MESSAGES,
    roomBytes: LARGEST_MESSAGE,
  });
  readonly #ancillary = new AncillaryView();
  readonly #fd: number;
  readonly #port: number;

  /** Opens a socket; port 0 lets the kernel choose. */
  constructor(port: number) {
    const socket = openUdpSocket(4, port, {
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      sendBufferBytes: SEND_BUFFER_BYTES,
    });
    this.#fd = socket.fd;
    this.#port = socket.port;
    this.#epoll.add(this.#fd);
  }

  /** Waits for the other end, which connects. */
  awaitHello(): void {
    if (this.#epoll.wait(FIRST_MS) === 0) throw new Error("Nobody connects");
    const ring = this.#ring;
    ring.setNameLength(0, SOCKADDR_ROOM_BYTES);
    must("receive the first packet", this.#receive(1));
    const at = ring.nameAt(0);
    // An empty length leaves later senders' names unwritten.
    ring.setNameLength(0, 0);
    const name = ring.bytes.slice(at, at + SOCKADDR_ROOM_BYTES);
    this.connect(name, SOCKADDR_ROOM_BYTES);
  }

  /** Takes packets from there only, and sends there. */
  connect(name: Uint8Array<ArrayBuffer>, length: number): void {
    must("connect a socket", libc().connect(this.#fd, name, length));
  }

  /** Lets the other end know of this one. */
  sayHello(): void {
    const hello = new Uint8Array(HELLO_BYTES);
    must("send", libc().send(this.#fd, hello, hello.length, 0));
  }

  /** Sends, and keeps to the rate as long as the processor is to be had. */
  send(load: UdpLoad): UdpSent {
    const { packetsPerSecond: rate, seconds } = load;
    const burst = burstOf(load);
    this.#writeBurst(load, burst);
    system.symbols.prctl(PR_SET_TIMERSLACK, 1);
    const begin = performance.now();
    let offered = 0;
    let packets = 0;
    for (;;) {
      const elapsed = (performance.now() - begin) / 1e3;
      if (elapsed >= seconds) return { packets, seconds: elapsed };
      const due = elapsed * rate - offered;
      if (due < burst) {
        system.symbols.usleep(Math.ceil((burst - due) / rate * 1e6));
        continue;
      }
      packets += this.#sendBurst(load, burst);
      const missed = due - burst - CATCH_UP_SECONDS * rate;
      offered += burst + Math.max(0, missed);
    }
  }

  /** Counts until no more packets come. */
  receive({ payloadBytes }: UdpLoad): UdpReceived {
    let packets = 0;
    let first = 0;
    let last = performance.now();
    for (;;) {
      const messages = this.#receive(RING_MESSAGES);
      const now = performance.now();
      if (messages > 0) {
        first ||= now;
        last = now;
        for (let i = 0; i < messages; i++) {
          packets += this.#packetsOf(i, payloadBytes);
        }
      } else if (now - last > (first > 0 ? QUIET_MS : FIRST_MS)) break;
      else system.symbols.usleep(DOZE_US);
    }
    const overflowed = overflowOf(this.#port);
    return { packets, seconds: (last - first) / 1e3, overflowed };
  }

  #writeBurst({ payloadBytes, isGrouped }: UdpLoad, burst: number): void {
    const ring = this.#ring;
    if (isGrouped) {
      ring.setVector(0, 0, burst * payloadBytes);
      const at = ring.controlAt(0);
      const length = writeSegmentSize(ring.bytes, at, payloadBytes);
      ring.setControlLength(0, length);
    } else {
      for (let i = 0; i < burst; i++) ring.setVector(i, i, payloadBytes);
    }
  }

  /** Returns how many packets the kernel took. */
  #sendBurst({ isGrouped }: UdpLoad, burst: number): number {
    const messages = isGrouped ? 1 : burst;
    const fd = this.#fd;
    const sent = libc().sendmmsg(fd, this.#ring.pointer(0), messages, 0);
    if (sent > 0) return isGrouped ? burst : sent;
    waitUntilWritable(fd, SEND_PATIENCE_MS);
    return 0;
  }

  #receive(most: number): number {
    const ring = this.#ring;
    for (let i = 0; i < most; i++) {
      ring.setControlLength(i, ANCILLARY_ROOM_BYTES);
    }
    return libc().recvmmsg(this.#fd, ring.pointer(0), most, 0, null);
  }

  #packetsOf(index: number, payloadBytes: number): number {
    const ring = this.#ring;
    const length = ring.receivedLength(index);
    const at = ring.controlAt(index);
    const ancillary = this.#ancillary;
    ancillary.attach(ring.bytes, at, ring.controlLength(index));
    const { segmentSize } = ancillary;
    const size = segmentSize < 0 ? length : segmentSize;
    return size === payloadBytes ? Math.floor(length / size) : 0;
  }
}

/** Reads the last column of `/proc/net/udp`, which belongs to this namespace. */
function overflowOf(port: number): number {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  const line = Deno.readTextFileSync("/proc/net/udp").split("\n")
    .find((it) => it.trim().split(/\s+/)[1]?.endsWith(`:${hexPort}`));
  return Number(line?.trim().split(/\s+/).at(-1) ?? 0);
}

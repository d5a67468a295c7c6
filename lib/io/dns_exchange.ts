import {
  concatBytes,
  EMPTY,
  readU16,
  type SocketAddress,
  writeU16,
} from "../base/mod.ts";
import {
  type DnsMessage,
  type DnsTransport,
  isAnswerTo,
  MAX_TCP_MESSAGE_BYTES,
  readMessage,
} from "../dns/mod.ts";
import { EAGAIN, EINPROGRESS, EINTR } from "./errno.ts";
import { KernelRefusedError } from "./errors.ts";
import { errno, libc, must } from "./libc.ts";
import { FIREZONE_MARK } from "./routing_tables.ts";
import {
  addressFamily,
  SOCKADDR_ROOM_BYTES,
  writeSockaddr,
} from "./sockaddr.ts";
import { mainReactor, type Watch } from "./socket_reactor.ts";
import { setMark } from "./udp_socket.ts";

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const MSG_NOSIGNAL = 0x4000;

/** Length in front of each message over TCP, RFC 1035 §4.2.2. */
const PREFIX_BYTES = 2;

/** Datagrams looked at in one turn, so that a flood of wrong answers cannot keep the thread. */
const DATAGRAMS_PER_TURN = 16;

/** One query to one server. */
export interface DnsExchange {
  /** Who is asked. */
  readonly server: SocketAddress;
  /** How. */
  readonly transport: DnsTransport;
  /** The message, sent as it is. */
  readonly query: Uint8Array;
  /** Longest wait for the answer, in ms. */
  readonly limitMs: number;
  /** Whether the socket carries Firezone's mark, so that its packets never enter the tunnel. Needs `CAP_NET_ADMIN`. */
  readonly mark: boolean;
  /** Abandons the exchange. */
  readonly signal?: AbortSignal;
}

/**
 * Asks one server once, over a socket of its own, and returns its answer as it came.
 *
 * `undefined`: no answer in time, a refusal, or a query that is none. Over UDP
 * only an answer from the very address counts, with the query's ID and
 * question; others are passed over (data-plane spec §11).
 */
export function exchange(
  request: DnsExchange,
): Promise<Uint8Array | undefined> {
  const asked = readMessage(request.query);
  const isTooLong = request.query.length > MAX_TCP_MESSAGE_BYTES;
  if (!asked || isTooLong || request.signal?.aborted) {
    return Promise.resolve(undefined);
  }
  const fd = openSocket(request);
  if (fd === undefined) return Promise.resolve(undefined);
  const talk = request.transport === "udp"
    ? new UdpTalk(fd, request.query, asked)
    : new TcpTalk(fd, request.query, asked);
  return converse(fd, talk, request);
}

/** What a socket came to: an answer, none for sure, or a wait. */
type Progress = Uint8Array | "failed" | "reading" | "writing";

/** Carries a query over one socket. */
interface Talk {
  /** Goes on as far as possible without waiting. */
  proceed(): Progress;
}

function converse(
  fd: number,
  talk: Talk,
  { limitMs, signal }: DnsExchange,
): Promise<Uint8Array | undefined> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
  let watch: Watch | undefined;
  const finish = (answer: Uint8Array | undefined) => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abandon);
    watch?.end();
    libc().close(fd);
    resolve(answer);
  };
  const abandon = () => finish(undefined);
  const proceed = () => {
    const progress = talk.proceed();
    if (progress === "failed") return finish(undefined);
    if (typeof progress !== "string") return finish(progress);
    const interest = progress === "reading" ? "read" : "write";
    if (watch) return watch.await(interest);
    watch = mainReactor().watch(fd, interest, proceed);
  };
  const timer = setTimeout(abandon, limitMs);
  signal?.addEventListener("abort", abandon);
  proceed();
  return promise;
}

/** Opens a socket that is on its way to the server, or returns `undefined` when there is no way. */
function openSocket(
  { server, transport, mark }: DnsExchange,
): number | undefined {
  let fd: number | undefined;
  try {
    fd = must(
      "create a socket for DNS",
      libc().socket(
        addressFamily(server.ip.family),
        (transport === "udp" ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK |
          SOCK_CLOEXEC,
        0,
      ),
    );
    if (mark) setMark(fd, FIREZONE_MARK);
    connect(fd, server);
    return fd;
  } catch (error) {
    if (fd !== undefined) libc().close(fd);
    if (error instanceof KernelRefusedError) return undefined;
    throw error;
  }
}

function connect(fd: number, server: SocketAddress): void {
  const name = new Uint8Array(SOCKADDR_ROOM_BYTES);
  const length = writeSockaddr(name, 0, server);
  const result = libc().connect(fd, name, length);
  if (result < 0 && errno() === EINPROGRESS) return;
  must("connect to a nameserver", result);
}

/** One datagram out, the first right one in. The kernel keeps other senders out of a connected socket. */
class UdpTalk implements Talk {
  readonly #fd: number;
  readonly #query: Uint8Array<ArrayBuffer>;
  readonly #asked: DnsMessage;
  #isSent = false;

  constructor(fd: number, query: Uint8Array, asked: DnsMessage) {
    this.#fd = fd;
    this.#query = new Uint8Array(query);
    this.#asked = asked;
  }

  proceed(): Progress {
    if (!this.#isSent) {
      const sent = send(this.#fd, this.#query);
      if (typeof sent !== "number") return sent;
      this.#isSent = true;
    }
    for (let left = DATAGRAMS_PER_TURN; left > 0; left--) {
      const received = receive(this.#fd);
      if (typeof received === "string") return received;
      if (isRightAnswer(this.#asked, received)) return received;
    }
    return "reading";
  }
}

/** One message out, one in, each behind its length. */
class TcpTalk implements Talk {
  readonly #fd: number;
  readonly #asked: DnsMessage;
  #unsent: Uint8Array<ArrayBuffer>;
  #received = EMPTY;

  constructor(fd: number, query: Uint8Array, asked: DnsMessage) {
    this.#fd = fd;
    this.#asked = asked;
    this.#unsent = new Uint8Array(PREFIX_BYTES + query.length);
    writeU16(this.#unsent, 0, query.length);
    this.#unsent.set(query, PREFIX_BYTES);
  }

  proceed(): Progress {
    while (this.#unsent.length > 0) {
      const sent = send(this.#fd, this.#unsent);
      if (typeof sent !== "number") return sent;
      this.#unsent = this.#unsent.subarray(sent);
    }
    for (;;) {
      const received = receive(this.#fd);
      if (typeof received === "string") return received;
      if (received.length === 0) return "failed"; // The server hung up.
      this.#received = concatBytes(this.#received, received);
      const answer = this.#answer();
      if (answer) return answer;
    }
  }

  #answer(): Progress | undefined {
    if (this.#received.length < PREFIX_BYTES) return undefined;
    const end = PREFIX_BYTES + readU16(this.#received, 0);
    if (this.#received.length < end) return undefined;
    const answer = this.#received.subarray(PREFIX_BYTES, end);
    return isRightAnswer(this.#asked, answer) ? answer : "failed";
  }
}

function isRightAnswer(asked: DnsMessage, bytes: Uint8Array): boolean {
  const answer = readMessage(bytes);
  return answer !== undefined && isAnswerTo(asked, answer);
}

/** Returns how many bytes went out, or why none did. */
function send(
  fd: number,
  bytes: Uint8Array<ArrayBuffer>,
): number | "writing" | "failed" {
  const sent = libc().send(fd, bytes, bytes.length, MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  return mustWait() ? "writing" : "failed";
}

const receiveRoom = new Uint8Array(MAX_TCP_MESSAGE_BYTES);

/** Returns a copy of what came in, or why nothing did. */
function receive(fd: number): Uint8Array | "reading" | "failed" {
  const { length: room } = receiveRoom;
  const length = libc().recvfrom(fd, receiveRoom, room, 0, null, null);
  if (length >= 0) return receiveRoom.slice(0, length);
  return mustWait() ? "reading" : "failed";
}

function mustWait(): boolean {
  const code = errno();
  return code === EAGAIN || code === EINTR;
}

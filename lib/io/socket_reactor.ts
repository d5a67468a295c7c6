import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  epollEvent,
  EPOLLIN,
  EVENT_BYTES,
  EVENT_DATA,
} from "./epoll.ts";
import { libc, must } from "./libc.ts";

const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLOUT = 4;
const EPOLLET = 0x80000000;

const EFD_CLOEXEC_NONBLOCK = 0x80000 | 0x800;

/** Events taken in one call. The kernel goes round when more are ready. */
const EVENT_LIMIT = 64;

/** No limit to a sleep: the eventfd ends it. */
const FOR_EVER = -1;

/** The word of the eventfd. Sockets count from one. */
const WAKE_WORD = 0;

/** What a socket is watched for. */
export type Interest = "read" | "write";

/** One socket under watch. */
export interface Watch {
  /** Waits for something else from here on. */
  await(interest: Interest): void;
  /** Ends the watch. Before the socket is closed. */
  end(): void;
}

/**
 * Tells when system sockets of the main thread are ready, without blocking it.
 *
 * One sleep in `epoll_wait` is under way on another thread of the runtime
 * while any socket is watched, however many there are; none otherwise, so that
 * nothing keeps the process from ending. A socket that is added is noticed by
 * the sleep that is under way. Taking away the last one ends it.
 */
export class SocketReactor {
  readonly #epoll: number;
  readonly #wakeFd: number;
  readonly #events = new Uint8Array(EVENT_LIMIT * EVENT_BYTES);
  readonly #handlers = new Map<number, () => void>();
  #lastWord = WAKE_WORD;
  #isRunning = false;

  /** Opens an empty set, which lasts as long as the process. */
  constructor() {
    this.#epoll = must(
      "create an epoll set",
      libc().epoll_create1(EPOLL_CLOEXEC),
    );
    this.#wakeFd = must(
      "create an eventfd",
      libc().eventfd(0, EFD_CLOEXEC_NONBLOCK),
    );
    // By edges, so that nobody has to read it empty.
    this.#control(EPOLL_CTL_ADD, this.#wakeFd, EPOLLIN | EPOLLET, WAKE_WORD);
  }

  /** Calls `onReady` in later turns whenever `fd` is ready, perhaps also when it is not. */
  watch(fd: number, interest: Interest, onReady: () => void): Watch {
    const word = this.#nextWord();
    this.#control(EPOLL_CTL_ADD, fd, eventsOf(interest), word);
    this.#handlers.set(word, onReady);
    if (!this.#isRunning) void this.#run();
    return {
      await: (next) => this.#control(EPOLL_CTL_MOD, fd, eventsOf(next), word),
      end: () => {
        if (!this.#handlers.delete(word)) return;
        this.#control(EPOLL_CTL_DEL, fd, 0, word);
        if (this.#handlers.size === 0) libc().eventfd_write(this.#wakeFd, 1);
      },
    };
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    const view = new DataView(this.#events.buffer);
    while (this.#handlers.size > 0) {
      const ready = await libc().epoll_wait_aside(
        this.#epoll,
        this.#events,
        EVENT_LIMIT,
        FOR_EVER,
      );
      for (let i = 0; i < ready; i++) {
        const word = view.getInt32(i * EVENT_BYTES + EVENT_DATA, true);
        this.#handlers.get(word)?.();
      }
    }
    this.#isRunning = false;
  }

  /** A word, unlike a descriptor, is not given to another socket while an event may be on its way. */
  #nextWord(): number {
    do this.#lastWord = (this.#lastWord + 1) & 0x7fffffff; while (
      this.#lastWord === WAKE_WORD || this.#handlers.has(this.#lastWord)
    );
    return this.#lastWord;
  }

  #control(operation: number, fd: number, events: number, word: number): void {
    must(
      "watch a socket",
      libc().epoll_ctl(this.#epoll, operation, fd, epollEvent(events, word)),
    );
  }
}

let reactor: SocketReactor | undefined;

/** The one of the main thread, opened when it is first needed. */
export function mainReactor(): SocketReactor {
  return reactor ??= new SocketReactor();
}

function eventsOf(interest: Interest): number {
  return interest === "read" ? EPOLLIN : EPOLLOUT;
}

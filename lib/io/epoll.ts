import type { Instant } from "../base/mod.ts";
import { type Libc, libc, must } from "./libc.ts";
import type { NativeMemory } from "./native_memory.ts";

export const EPOLL_CLOEXEC = 0x80000;
export const EPOLL_CTL_ADD = 1;
export const EPOLLIN = 1;

/** Layout of `epoll_event`: events, then the caller's word. Packed on x86-64 only. */
const X86_64_EVENT_BYTES = 12;
const ARM64_EVENT_BYTES = 16;
export const EVENT_BYTES = Deno.build.arch === "x86_64"
  ? X86_64_EVENT_BYTES
  : ARM64_EVENT_BYTES;
export const EVENT_DATA = EVENT_BYTES - 8;

/** Events taken in one call. The kernel goes round when more are ready. */
const EVENT_LIMIT = 64;

/** Longest sleep, in ms (data-path spec §0.7). */
const LONGEST_WAIT_MS = 500;

/** Tells which descriptors have something to read. */
export class Epoll {
  readonly #libc: Libc = libc();
  readonly #fd: number;
  readonly #view: DataView;
  readonly #events: number;
  readonly #pointer: Deno.PointerObject;

  /** Allocates room for the events in the arena of `memory`. */
  constructor(memory: NativeMemory) {
    this.#fd = must(
      "create an epoll set",
      this.#libc.epoll_create1(EPOLL_CLOEXEC),
    );
    this.#view = memory.arena.view;
    this.#events = memory.arena.allocate(EVENT_LIMIT * EVENT_BYTES);
    this.#pointer = memory.pointer(this.#events);
  }

  /** Watches a descriptor. Closing it ends the watch. */
  add(fd: number): void {
    const event = epollEvent(EPOLLIN, fd);
    must(
      "watch a descriptor",
      this.#libc.epoll_ctl(this.#fd, EPOLL_CTL_ADD, fd, event),
    );
  }

  /** Sleeps until something is ready, at most `timeoutMs`. Returns how many descriptors are, 0 also after a signal. */
  wait(timeoutMs: number): number {
    const ready = this.#libc.epoll_wait(
      this.#fd,
      this.#pointer,
      EVENT_LIMIT,
      timeoutMs,
    );
    return Math.max(0, ready);
  }

  /** Returns ready descriptor number `index` of the last wait. */
  readyFd(index: number): number {
    return this.#view.getInt32(
      this.#events + index * EVENT_BYTES + EVENT_DATA,
      true,
    );
  }

  /** Closes the set. */
  close(): void {
    this.#libc.close(this.#fd);
  }
}

/** Writes what to watch for, and the word by which the caller knows it again. */
export function epollEvent(
  events: number,
  word: number,
): Uint8Array<ArrayBuffer> {
  const event = new Uint8Array(EVENT_BYTES);
  const view = new DataView(event.buffer);
  view.setUint32(0, events, true);
  view.setInt32(EVENT_DATA, word, true);
  return event;
}

/** Returns how long to sleep before `deadline`, in whole ms, never past the longest sleep. */
export function waitMs(deadline: Instant, now: Instant): number {
  return Math.min(LONGEST_WAIT_MS, Math.max(0, Math.ceil(deadline - now)));
}

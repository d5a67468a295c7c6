import type { NativeMemory } from "./native_memory.ts";
import { ANCILLARY_ROOM_BYTES } from "./ancillary_data.ts";
import { SOCKADDR_ROOM_BYTES } from "./sockaddr.ts";

/** Room for one datagram: `MAX_DATAGRAM_BYTES` and slack for kernels that store in wide steps. */
export const SLOT_BYTES = 1536;

/** How large a ring is. */
export interface RingShape {
  /** How many messages it has, each with room of its own. */
  readonly count: number;
  /** Room for the payload of each, in bytes. */
  readonly roomBytes: number;
}

/** Layout of `mmsghdr` on a 64-bit machine. */
const HEADER_BYTES = 64;
const NAME = 0;
const NAME_LENGTH = 8;
const VECTOR = 16;
const VECTOR_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;
const MESSAGE_LENGTH = 56;

/** Layout of `iovec` on a 64-bit machine. */
const VECTOR_BYTES = 16;
const VECTOR_BASE = 0;
const VECTOR_LENGTH = 8;

/**
 * Messages in the arena in the form that `recvmmsg` and `sendmmsg` take.
 *
 * Message i has slot i for its payload, until `gather` gives it others. So for
 * received datagrams only lengths change. Fields that are 64 bits wide get
 * their low half written, the high half stays zero.
 */
export class MessageRing {
  /** The arena. */
  readonly bytes: Uint8Array;
  readonly #memory: NativeMemory;
  readonly #roomBytes: number;
  readonly #view: DataView;
  readonly #headers: number;
  readonly #vectors: number;
  readonly #names: number;
  readonly #controls: number;
  readonly #slots: number;
  readonly #pointers: readonly Deno.PointerObject[];

  /** Allocates the ring in the arena of `memory`. */
  constructor(memory: NativeMemory, { count, roomBytes }: RingShape) {
    const { arena } = memory;
    this.bytes = arena.bytes;
    this.#memory = memory;
    this.#roomBytes = roomBytes;
    this.#view = arena.view;
    this.#headers = arena.allocate(count * HEADER_BYTES, 64);
    this.#vectors = arena.allocate(count * VECTOR_BYTES);
    this.#names = arena.allocate(count * SOCKADDR_ROOM_BYTES);
    this.#controls = arena.allocate(count * ANCILLARY_ROOM_BYTES);
    this.#slots = arena.allocate(count * roomBytes, 64);
    for (let i = 0; i < count; i++) this.#link(i);
    this.#pointers = Array.from(
      { length: count },
      (_, i) => memory.pointer(this.#headers + i * HEADER_BYTES),
    );
  }

  /** Returns the pointer to give to the system call for messages from `index` on. */
  pointer(index: number): Deno.PointerObject {
    return this.#pointers[index] as Deno.PointerObject;
  }

  /** Address of the payload of message `index`. */
  slotAt(index: number): number {
    return this.#slots + index * this.#roomBytes;
  }

  /** Address of the `sockaddr` of message `index`. */
  nameAt(index: number): number {
    return this.#names + index * SOCKADDR_ROOM_BYTES;
  }

  /** Address of the ancillary data of message `index`. */
  controlAt(index: number): number {
    return this.#controls + index * ANCILLARY_ROOM_BYTES;
  }

  /** Makes vector `vector` stand for the first `length` bytes of slot `slot`. */
  setVector(vector: number, slot: number, length: number): void {
    const at = this.#vectors + vector * VECTOR_BYTES;
    this.#memory.writePointer(at + VECTOR_BASE, this.slotAt(slot));
    this.#view.setUint32(at + VECTOR_LENGTH, length, true);
  }

  /** Makes the payload of message `index` what `count` vectors from `vector` on stand for, one behind the other. */
  gather(index: number, vector: number, count: number): void {
    const header = this.#headerAt(index);
    const at = this.#vectors + vector * VECTOR_BYTES;
    this.#memory.writePointer(header + VECTOR, at);
    this.#view.setUint32(header + VECTOR_COUNT, count, true);
  }

  /** How many bytes of the `sockaddr` count. */
  setNameLength(index: number, length: number): void {
    this.#view.setUint32(this.#headerAt(index) + NAME_LENGTH, length, true);
  }

  /** How many bytes of ancillary data count. */
  setControlLength(index: number, length: number): void {
    this.#view.setUint32(this.#headerAt(index) + CONTROL_LENGTH, length, true);
  }

  /** How many bytes of ancillary data the kernel wrote. */
  controlLength(index: number): number {
    return this.#view.getUint32(this.#headerAt(index) + CONTROL_LENGTH, true);
  }

  /** Length of the received payload. */
  receivedLength(index: number): number {
    return this.#view.getUint32(this.#headerAt(index) + MESSAGE_LENGTH, true);
  }

  /** The `MSG_*` flags of a received message. */
  flags(index: number): number {
    return this.#view.getUint32(this.#headerAt(index) + FLAGS, true);
  }

  #headerAt(index: number): number {
    return this.#headers + index * HEADER_BYTES;
  }

  #link(index: number): void {
    const header = this.#headerAt(index);
    this.#memory.writePointer(header + NAME, this.nameAt(index));
    this.#memory.writePointer(header + CONTROL, this.controlAt(index));
    this.setVector(index, index, this.#roomBytes);
    this.gather(index, index, 1);
  }
}

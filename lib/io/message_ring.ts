import type { NativeMemory } from "./native_memory.ts";
import { ANCILLARY_ROOM_BYTES } from "./ancillary_data.ts";
import { SOCKADDR_ROOM_BYTES } from "./sockaddr.ts";

/** Datagrams that one system call moves (data-plane spec §14.1: up to 64). */
export const BATCH_SIZE = 64;

/** Room for one datagram: `MAX_DATAGRAM_BYTES` and slack for kernels that store in wide steps. */
export const SLOT_BYTES = 1536;

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
 * `BATCH_SIZE` messages in the arena in the form that `recvmmsg` and `sendmmsg` take.
 *
 * Everything with a native address is written once; per datagram only lengths
 * change. Fields that are 64 bits wide get their low half written, the high
 * half stays zero.
 */
export class MessageRing {
  /** The arena. */
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #headers: number;
  readonly #vectors: number;
  readonly #names: number;
  readonly #controls: number;
  readonly #slots: number;
  readonly #pointers: readonly Deno.PointerObject[];

  /** Allocates the ring in the arena of `memory`. */
  constructor(memory: NativeMemory) {
    const { arena } = memory;
    this.bytes = arena.bytes;
    this.#view = arena.view;
    this.#headers = arena.allocate(BATCH_SIZE * HEADER_BYTES, 64);
    this.#vectors = arena.allocate(BATCH_SIZE * VECTOR_BYTES);
    this.#names = arena.allocate(BATCH_SIZE * SOCKADDR_ROOM_BYTES);
    this.#controls = arena.allocate(BATCH_SIZE * ANCILLARY_ROOM_BYTES);
    this.#slots = arena.allocate(BATCH_SIZE * SLOT_BYTES, 64);
    for (let i = 0; i < BATCH_SIZE; i++) this.#link(memory, i);
    this.#pointers = Array.from(
      { length: BATCH_SIZE },
      (_, i) => memory.pointer(this.#headers + i * HEADER_BYTES),
    );
  }

  /** Returns the pointer to give to the system call for messages from `index` on. */
  pointer(index: number): Deno.PointerObject {
    return this.#pointers[index] as Deno.PointerObject;
  }

  /** Address of the payload of message `index`. */
  slotAt(index: number): number {
    return this.#slots + index * SLOT_BYTES;
  }

  /** Address of the `sockaddr` of message `index`. */
  nameAt(index: number): number {
    return this.#names + index * SOCKADDR_ROOM_BYTES;
  }

  /** Address of the ancillary data of message `index`. */
  controlAt(index: number): number {
    return this.#controls + index * ANCILLARY_ROOM_BYTES;
  }

  /** How many bytes the kernel reads or may write at the payload. */
  setPayloadLength(index: number, length: number): void {
    const at = this.#vectors + index * VECTOR_BYTES;
    this.#view.setUint32(at + VECTOR_LENGTH, length, true);
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

  #link(memory: NativeMemory, index: number): void {
    const header = this.#headerAt(index);
    const vector = this.#vectors + index * VECTOR_BYTES;
    memory.writePointer(header + NAME, this.nameAt(index));
    memory.writePointer(header + VECTOR, vector);
    this.#view.setUint32(header + VECTOR_COUNT, 1, true);
    memory.writePointer(header + CONTROL, this.controlAt(index));
    memory.writePointer(vector + VECTOR_BASE, this.slotAt(index));
  }
}

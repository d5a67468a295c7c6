import { receiveMessageOnPort } from "node:worker_threads";
import { type Libc, libc } from "./libc.ts";
import type { NativeMemory } from "./native_memory.ts";
import type { FromWorker, ToWorker } from "./worker_protocol.ts";

const EVENTFD_BYTES = 8;

/**
 * The worker's end of its connection to the main thread.
 *
 * The loop never returns to the runtime, so messages are fetched, not
 * delivered; an eventfd tells that there are some.
 */
export class ControlChannel {
  /** Readable when there may be messages. Belongs to the main thread. */
  readonly wakeFd: number;
  readonly #port: MessagePort;
  readonly #libc: Libc = libc();
  readonly #view: DataView;
  readonly #at: number;
  readonly #pointer: Deno.PointerObject;

  /** Takes over the port. */
  constructor(memory: NativeMemory, port: MessagePort, wakeFd: number) {
    this.wakeFd = wakeFd;
    this.#port = port;
    this.#view = memory.arena.view;
    this.#at = memory.arena.allocate(EVENTFD_BYTES);
    this.#pointer = memory.pointer(this.#at);
  }

  /** Makes `wakeFd` unreadable. Fetch all messages afterwards, or one could be slept over. */
  acknowledge(): void {
    this.#libc.read(this.wakeFd, this.#pointer, EVENTFD_BYTES);
  }

  /** Makes `wakeFd` readable again, when messages are left for the next turn. */
  remind(): void {
    this.#view.setBigUint64(this.#at, 1n, true);
    this.#libc.write(this.wakeFd, this.#pointer, EVENTFD_BYTES);
  }

  /** Fetches the next message of the main thread. */
  receive(): ToWorker | undefined {
    // The types of Node.js know no MessagePort but their own.
    const port = this.#port as unknown as Parameters<
      typeof receiveMessageOnPort
    >[0];
    return receiveMessageOnPort(port)?.message as ToWorker | undefined;
  }

  /** Sends a message to the main thread. */
  publish(message: FromWorker): void {
    this.#port.postMessage(message);
  }
}

import { Queue } from "../base/mod.ts";
import { MAX_OUTPUTS } from "./constants.ts";
import { type Envelope, pushText, type Reply, replyText } from "./envelope.ts";
import type { Faults } from "./faults.ts";
import type { Session } from "./sessions.ts";

/** What the shell has to do. */
export type ControlOutput =
  | {
    readonly kind: "text";
    /** Where to. */
    readonly socket: number;
    /** One text frame. */
    readonly text: string;
  }
  | {
    readonly kind: "close";
    /** Which socket. */
    readonly socket: number;
    /** WebSocket close code. */
    readonly code: number;
  };

/** What waits for the shell, in order, with the faults applied. */
export class Outbox {
  readonly #faults: Faults;
  readonly #outputs = new Queue<ControlOutput>(MAX_OUTPUTS);
  #held: ControlOutput[] = [];

  /** Creates an empty outbox. */
  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** How many outputs were lost because the shell did not fetch them. */
  get lost(): number {
    return this.#outputs.refused;
  }

  /** Sends an event on the session's topic. */
  push(session: Session, event: string, payload: unknown): void {
    const text = pushText(session.role, event, payload);
    const output = { kind: "text", socket: session.socket, text } as const;
    const copies = this.#faults.duplicatePushes ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (!this.#faults.holdPushes) this.#outputs.push(output);
      else if (this.#held.length < MAX_OUTPUTS) this.#held.push(output);
    }
  }

  /** Answers a request. */
  reply(session: Session, request: Envelope, reply: Reply): void {
    this.text(session.socket, replyText(request, reply));
  }

  /** Sends one text frame as it is. */
  text(socket: number, text: string): void {
    this.#outputs.push({ kind: "text", socket, text });
  }

  /** Ends the socket. */
  close(socket: number, code: number): void {
    this.#outputs.push({ kind: "close", socket, code });
  }

  /** Sends the pushes that were held back. */
  release(order: "in-order" | "reversed"): void {
    const held = order === "reversed" ? this.#held.reverse() : this.#held;
    this.#held = [];
    for (const output of held) this.#outputs.push(output);
  }

  /** Returns the next output. */
  poll(): ControlOutput | undefined {
    return this.#outputs.shift();
  }
}

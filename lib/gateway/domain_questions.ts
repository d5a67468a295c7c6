import { after, assert, type Instant, NEVER } from "../base/mod.ts";
import { MAX_QUESTIONS, RESOLUTION_LIMIT_MS } from "./constants.ts";
import type { Announcement } from "./translations.ts";

/** An announcement that waits for the addresses of its name. */
export interface Question {
  /** Whose announcement it is. */
  readonly clientId: string;
  /** What was announced. */
  readonly announcement: Announcement;
  /** When the client is told that there was no answer. */
  readonly deadline: Instant;
}

/**
 * The names that are being looked up, up to a limit for all clients together.
 *
 * When all places are taken, a client that holds less than its share of them
 * takes one from the client that holds most, so that none can keep the others
 * from being answered.
 */
export class DomainQuestions {
  /** By id. All wait equally long, so the oldest is due first. */
  readonly #questions = new Map<number, Question>();
  /** The ids of each client's questions, oldest first. */
  readonly #idsByClient = new Map<string, Set<number>>();
  #lastId = 0;

  /** The number of names that are being looked up. */
  get size(): number {
    return this.#questions.size;
  }

  /** Whether all places are taken, so that `makeRoomFor` has to come before `add`. */
  get isFull(): boolean {
    return this.size >= MAX_QUESTIONS;
  }

  /** Takes a question and returns its id. */
  add(clientId: string, announcement: Announcement, now: Instant): number {
    assert(!this.isFull, "There is no place for a question");
    const id = ++this.#lastId;
    const deadline = after(now, RESOLUTION_LIMIT_MS);
    this.#questions.set(id, { clientId, announcement, deadline });
    const ids = this.#idsByClient.get(clientId) ?? new Set();
    this.#idsByClient.set(clientId, ids.add(id));
    return id;
  }

  /** Drops the latest question of the client that has most and returns its id; `undefined`, without effect, when the newcomer has its share already. */
  makeRoomFor(clientId: string): number | undefined {
    const own = this.#idsByClient.get(clientId)?.size ?? 0;
    const clients = this.#idsByClient.size + (own === 0 ? 1 : 0);
    if (own + 1 > MAX_QUESTIONS / clients) return undefined;

    let most: ReadonlySet<number> = new Set();
    for (const ids of this.#idsByClient.values()) {
      if (ids.size > most.size) most = ids;
    }
    const latest = [...most].at(-1);
    if (latest !== undefined) this.take(latest);
    return latest;
  }

  /** Removes and returns a question, if it still waits. */
  take(id: number): Question | undefined {
    const question = this.#questions.get(id);
    if (question === undefined) return undefined;
    this.#questions.delete(id);
    const ids = this.#idsByClient.get(question.clientId);
    ids?.delete(id);
    if (ids?.size === 0) this.#idsByClient.delete(question.clientId);
    return question;
  }

  /** Removes and returns a question whose time is over, if there is one. */
  takeExpired(now: Instant): Question | undefined {
    for (const [id, { deadline }] of this.#questions) {
      return deadline <= now ? this.take(id) : undefined;
    }
    return undefined;
  }

  /** Drops the questions of a client that is gone and returns their ids. */
  forget(clientId: string): readonly number[] {
    const ids = [...this.#idsByClient.get(clientId) ?? []];
    for (const id of ids) this.take(id);
    return ids;
  }

  /** Drops all questions. */
  clear(): void {
    this.#questions.clear();
    this.#idsByClient.clear();
  }

  /** Returns when the oldest question is due. */
  pollTimeout(): Instant {
    for (const { deadline } of this.#questions.values()) return deadline;
    return NEVER;
  }
}

import { assert, randomBelow, type RandomSource } from "../base/mod.ts";

const CONNECTION_IDS = 2 ** 24;

/** Connections at which a table refuses to grow. Half of all ids, so that drawing a free one stays quick. */
const CONNECTIONS_LIMIT = CONNECTION_IDS / 2;

/**
 * Finds the owner of a receiver index, p2p spec §5.3.
 *
 * The upper 24 bits of an index name a connection of this node. They are drawn
 * at random, so that they tell an observer nothing about how many there are.
 */
export class IndexTable<Owner> {
  readonly #owners = new Map<number, Owner>();

  /** The number of connections. */
  get size(): number {
    return this.#owners.size;
  }

  /** Draws a connection id that no other connection has and gives it to the owner that `create` returns. */
  insert(
    random: RandomSource,
    create: (connectionId: number) => Owner,
  ): Owner {
    assert(
      this.#owners.size < CONNECTIONS_LIMIT,
      "There are more connections than ids allow",
    );
    let id = randomBelow(random, CONNECTION_IDS);
    while (this.#owners.has(id)) id = randomBelow(random, CONNECTION_IDS);
    const owner = create(id);
    this.#owners.set(id, owner);
    return owner;
  }

  /** Returns the connection that a message to `receiverIndex` is for. Allocates nothing. */
  find(receiverIndex: number): Owner | undefined {
    return this.#owners.get(receiverIndex >>> 8);
  }

  /** Frees the id of a connection. */
  remove(connectionId: number): void {
    this.#owners.delete(connectionId);
  }
}

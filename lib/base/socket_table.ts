import { ipEqualsBytes, type IpFamily, type SocketAddress } from "./address.ts";
import { finishHash, mixAddress, mixWord } from "./murmur.ts";

/**
 * A map keyed by socket address whose look-ups allocate nothing.
 *
 * The key is hashed with a secret seed, so that strangers who choose their
 * addresses cannot make all of them collide. The caller limits the size.
 */
export class SocketTable<T> {
  readonly #seed: number;
  readonly #chains = new Map<number, Entry<T>>();
  #size = 0;

  /** Creates an empty table. `seed` is a random 32-bit number. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The number of entries. */
  get size(): number {
    return this.#size;
  }

  /** Returns the value of `address`. */
  get(address: SocketAddress): T | undefined {
    const { ip, port } = address;
    return this.find(ip.bytes, ip.family, port);
  }

  /** Returns the value of the address whose 4 or 16 bytes are at the start of `ip`. */
  find(ip: Uint8Array, family: IpFamily, port: number): T | undefined {
    let entry = this.#chains.get(this.#hash(ip, family, port));
    while (entry !== undefined && !isKey(entry.address, ip, family, port)) {
      entry = entry.next;
    }
    return entry?.value;
  }

  /** Sets the value of `address`. */
  set(address: SocketAddress, value: T): void {
    this.delete(address);
    const hash = this.#hash(address.ip.bytes, address.ip.family, address.port);
    const next = this.#chains.get(hash);
    this.#chains.set(hash, { address, value, next });
    this.#size++;
  }

  /** Removes `address`. Returns whether it was there. */
  delete(address: SocketAddress): boolean {
    const { ip, port } = address;
    const hash = this.#hash(ip.bytes, ip.family, port);
    let before: Entry<T> | undefined;
    let entry = this.#chains.get(hash);
    while (entry && !isKey(entry.address, ip.bytes, ip.family, port)) {
      before = entry;
      entry = entry.next;
    }
    if (!entry) return false;

    if (before) before.next = entry.next;
    else if (entry.next) this.#chains.set(hash, entry.next);
    else this.#chains.delete(hash);
    this.#size--;
    return true;
  }

  #hash(ip: Uint8Array, family: IpFamily, port: number): number {
    const mixed = mixAddress(this.#seed, ip, 0, family === 4 ? 4 : 16);
    return finishHash(mixWord(mixed, port));
  }
}

interface Entry<T> {
  readonly address: SocketAddress;
  readonly value: T;
  next: Entry<T> | undefined;
}

function isKey(
  address: SocketAddress,
  ip: Uint8Array,
  family: IpFamily,
  port: number,
): boolean {
  return address.port === port && address.ip.family === family &&
    ipEqualsBytes(address.ip, ip, 0);
}

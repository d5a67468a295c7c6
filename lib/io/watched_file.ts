/** Longer files are not read: they would hold the main thread up. Our own choice. */
const MAX_BYTES = 16 * 1024 * 1024;

/** What tells one state of a file from another. */
interface State {
  readonly inode: number | null;
  readonly size: number;
  readonly changedAt: number | undefined;
}

/**
 * A text file that others rewrite, parsed again only after it changed.
 *
 * While it is missing or cannot be read, what it said last stays in force: a
 * file that is being replaced may be gone for a moment.
 */
export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #value: T;
  #state: State | undefined;
  #reading: Promise<boolean> | undefined;

  /** Stands for an empty file until it is read first. */
  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
    this.#value = parse("");
  }

  /** What it said when it was read last. */
  get value(): T {
    return this.#value;
  }

  /** Reads the file if it changed. Returns whether it did. */
  refresh(): Promise<boolean> {
    this.#reading ??= this.#refresh().finally(() => this.#reading = undefined);
    return this.#reading;
  }

  async #refresh(): Promise<boolean> {
    try {
      const state = stateOf(await Deno.stat(this.#path));
      if (isSame(state, this.#state) || state.size > MAX_BYTES) return false;
      this.#value = this.#parse(await Deno.readTextFile(this.#path));
      this.#state = state;
      return true;
    } catch {
      return false;
    }
  }
}

function stateOf({ ino, size, mtime }: Deno.FileInfo): State {
  return { inode: ino, size, changedAt: mtime?.getTime() };
}

function isSame(a: State, b: State | undefined): boolean {
  return a.inode === b?.inode && a.size === b.size &&
    a.changedAt === b.changedAt;
}

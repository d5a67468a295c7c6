/** Where the C library finds its nameservers. */
const PATH = "/etc/resolv.conf";

/** First line of a file that we wrote. */
const OUR_MARK = "# Written by firezone-gateway client";

/** Begins a line that the file had before us. */
const KEPT_MARK = "#was: ";

/** Where the files are; for tests. */
export interface ResolvConfPaths {
  /** What the host reads. */
  readonly path: string;
  /** What it was before us. */
  readonly backup: string;
  /** What it is to be, while it is being written. */
  readonly draft: string;
}

const REAL_PATHS: ResolvConfPaths = {
  path: PATH,
  backup: `${PATH}.before-firezone`,
  draft: `${PATH}.firezone-draft`,
};

/**
 * The host's `resolv.conf`: replaces it, and puts it back.
 *
 * Before the file is replaced it gets a second name, the backup; so whatever
 * it is, a file or a link to one, comes back as it was. Both steps are atomic.
 * Where the file is a mount point, as in containers and network namespaces,
 * it can have no second name there. Then its content is replaced, and what it
 * was is kept in comments, because the folder may be shared with others who
 * do the same. A run that was killed leaves a file of ours, and the next run
 * puts right what it left.
 */
export class ResolvConfFile {
  readonly #paths: ResolvConfPaths;

  /** Names the files. */
  constructor(paths: ResolvConfPaths = REAL_PATHS) {
    this.#paths = paths;
  }

  /** Reads what the host says without us; empty when it says nothing. */
  readOriginal(): string {
    const { path, backup } = this.#paths;
    const text = readIfThere(path) ?? "";
    if (!isOurs(text)) return text;
    return keptIn(text) ?? readIfThere(backup) ?? "";
  }

  /** Makes the file say `lines`. Throws what the file system refuses. */
  replace(lines: readonly string[]): void {
    const { path, draft } = this.#paths;
    const present = readIfThere(path) ?? "";
    const isMount = isOurs(present)
      ? keptIn(present) !== undefined
      : !this.#backUp();
    const kept = isMount ? keep(this.readOriginal()) : [];
    const text = [OUR_MARK, ...lines, ...kept, ""].join("\n");
    if (isMount) return Deno.writeTextFileSync(path, text);
    Deno.writeTextFileSync(draft, text, { mode: 0o644 });
    Deno.renameSync(draft, path);
  }

  /** Puts back what was there, if the file is still ours. Throws what the file system refuses. */
  restore(): void {
    const { path, backup } = this.#paths;
    const present = readIfThere(path) ?? "";
    if (!isOurs(present)) return;
    const kept = keptIn(present);
    if (kept !== undefined) Deno.writeTextFileSync(path, kept);
    else if (exists(backup)) Deno.renameSync(backup, path);
    else Deno.removeSync(path); // There was none.
  }

  /** Gives the file its second name, in place of one from before. Returns `false` where it cannot have one. */
  #backUp(): boolean {
    const { path, backup, draft } = this.#paths;
    if (exists(draft)) Deno.removeSync(draft);
    try {
      if (exists(path)) Deno.linkSync(path, draft);
    } catch (error) {
      if (isOtherMount(error)) return false;
      throw error;
    }
    if (exists(backup)) Deno.removeSync(backup);
    if (exists(draft)) Deno.renameSync(draft, backup);
    return true;
  }
}

function isOurs(text: string): boolean {
  return text.startsWith(OUR_MARK);
}

function keep(text: string): string[] {
  return text.split("\n").map((line) => `${KEPT_MARK}${line}`);
}

/** Returns what `keep` kept in a file of ours; `undefined` if it kept nothing. */
function keptIn(text: string): string | undefined {
  const lines = text.split("\n").filter((it) => it.startsWith(KEPT_MARK));
  return lines.length === 0
    ? undefined
    : lines.map((line) => line.slice(KEPT_MARK.length)).join("\n");
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A link that leads nowhere exists, too. */
function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A file that is mounted by itself is on another mount than its folder. */
function isOtherMount(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EXDEV";
}

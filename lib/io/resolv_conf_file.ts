/** Where the C library finds its nameservers. */
const PATH = "/etc/resolv.conf";

/** First line of a file that we wrote. */
const OUR_MARK = "# Written by firezone-gateway client";

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
 * A run that was killed leaves a backup beside a file of ours, and the next
 * run puts it back. Where the file is a mount point and cannot be replaced, as
 * in containers, its content is, and the backup is a copy.
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
    return isOurs(text) ? readIfThere(backup) ?? "" : text;
  }

  /** Makes the file say `lines`. Throws what the file system refuses. */
  replace(lines: readonly string[]): void {
    const { path } = this.#paths;
    if (!isOurs(readIfThere(path) ?? "")) this.#backUp();
    this.#write([OUR_MARK, ...lines, ""].join("\n"));
  }

  /** Puts back what was there, if the file is still ours. Throws what the file system refuses. */
  restore(): void {
    const { path, backup } = this.#paths;
    const isReplaced = isOurs(readIfThere(path) ?? "");
    if (!exists(backup)) {
      if (isReplaced) Deno.removeSync(path); // There was none.
      return;
    }
    if (!isReplaced) return Deno.removeSync(backup);
    try {
      Deno.renameSync(backup, path);
    } catch (error) {
      if (!isMountPoint(error)) throw error;
      Deno.writeTextFileSync(path, Deno.readTextFileSync(backup));
      Deno.removeSync(backup);
    }
  }

  /** Gives the file its second name. One from before is out of date: the file is not ours. */
  #backUp(): void {
    const { path, backup } = this.#paths;
    if (exists(backup)) Deno.removeSync(backup);
    if (!exists(path)) return;
    try {
      Deno.linkSync(path, backup);
    } catch (error) {
      if (!isMountPoint(error)) throw error;
      Deno.writeTextFileSync(backup, Deno.readTextFileSync(path));
    }
  }

  #write(text: string): void {
    const { path, draft } = this.#paths;
    Deno.writeTextFileSync(draft, text, { mode: 0o644 });
    try {
      Deno.renameSync(draft, path);
    } catch (error) {
      if (!isMountPoint(error)) throw error;
      Deno.writeTextFileSync(path, text);
      Deno.removeSync(draft);
    }
  }
}

function isOurs(text: string): boolean {
  return text.startsWith(OUR_MARK);
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

/** A mount point is busy for a rename, and another file system for a link. */
function isMountPoint(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : "";
  return code === "EBUSY" || code === "EXDEV";
}

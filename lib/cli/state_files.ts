import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";

const DIRECTORY_MODE = 0o770;
const FILE_MODE = 0o640;

/** The files that identity and token are read from, so that tests need no real ones. */
export interface StateFiles {
  /** Returns the text of a file, `undefined` when there is none. Throws when it cannot be read. */
  read(path: string): string | undefined;
  /** Writes a file as a whole or not at all, in a directory that is made if there is none. Throws when it cannot. */
  write(directory: string, path: string, text: string): void;
}

/** The real files. */
export const REAL_FILES: StateFiles = {
  read(path) {
    try {
      return Deno.readTextFileSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  },
  write(directory, path, text) {
    if (!exists(directory)) {
      Deno.mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
      Deno.chmodSync(directory, DIRECTORY_MODE); // Whatever the umask says.
    }
    const draft = `${path}.draft`;
    removeIfThere(draft);
    // Others may write to the directory: what they put there meanwhile, such as a link, is not followed.
    using file = Deno.openSync(draft, {
      write: true,
      createNew: true,
      mode: FILE_MODE,
    });
    Deno.chmodSync(draft, FILE_MODE);
    writeAll(file, new TextEncoder().encode(text));
    file.syncSync();
    Deno.renameSync(draft, path);
  },
};

/** The real files, where writing only finds out whether it would succeed. */
export const UNTOUCHED_FILES: StateFiles = {
  read: REAL_FILES.read,
  write(directory) {
    let nearest = directory;
    while (!exists(nearest)) nearest = dirname(nearest);
    accessSync(nearest, constants.W_OK);
  },
};

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A disk that is almost full takes a part, and refuses the rest. */
function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    at += file.writeSync(bytes.subarray(at));
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

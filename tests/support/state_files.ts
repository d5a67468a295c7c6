import type { StateFiles } from "../../lib/cli/state_files.ts";

/** Files in memory. */
export function filesOf(texts: Record<string, string>): StateFiles {
  return {
    read: (path) => texts[path],
    write: (_directory, path, text) => {
      texts[path] = text;
    },
  };
}

/** Files in memory, and others that may not be read. */
export function unreadable(
  texts: Record<string, string>,
  paths: readonly string[],
): StateFiles {
  const files = filesOf(texts);
  return {
    ...files,
    read(path) {
      if (paths.includes(path)) throw new Error("Permission denied");
      return files.read(path);
    },
  };
}

/** A host without any file, and where none can be made. */
export const READ_ONLY: StateFiles = {
  read: () => undefined,
  write: () => {
    throw new Error("Read-only file system");
  },
};

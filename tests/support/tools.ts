/** Where Debian keeps programs, also those for root that an ordinary `PATH` leaves out. */
const DIRECTORIES = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

/** Fails with the way out when a program, or a file named by its path, that a test needs is not installed. */
export function requireTools(...commands: readonly string[]): void {
  const missing = commands.filter((command) =>
    command.startsWith("/")
      ? !exists(command)
      : !DIRECTORIES.some((directory) => exists(`${directory}/${command}`))
  );
  if (missing.length === 0) return;
  throw new Error(
    `Not installed: ${missing.join(", ")}; run \`deno task setup\` as root`,
  );
}

/** Returns the path of a library that Debian keeps in a folder named after the machine. Fails with the way out when there is none. */
export function findLibrary(name: string): string {
  const paths = [...Deno.readDirSync("/usr/lib")]
    .map((folder) => `/usr/lib/${folder.name}/${name}`);
  const path = paths.find(exists);
  if (path !== undefined) return path;
  throw new Error(
    `Not installed: ${name}; run \`deno task setup\` as root`,
  );
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

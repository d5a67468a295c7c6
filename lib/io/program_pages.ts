import { cString, libc } from "./libc.ts";

/** The mappings of this process and what is resident of each, proc_pid_smaps(5). */
const MAPPINGS = "/proc/self/smaps";

/** A reading of some 200 mappings has 150 kB. */
const READ_BYTES = 65_536;

/** Longest reading that is looked at, in bytes. */
const READ_LIMIT_BYTES = 4 * 1024 * 1024;

const O_RDONLY = 0;
const O_CLOEXEC = 0x80000;
const MADV_DONTNEED = 4;

/** Addresses from `start` up to `end`. */
export interface AddressRange {
  /** The first address. */
  readonly start: bigint;
  /** The first address behind it. */
  readonly end: bigint;
}

/** Found once, which takes some ms: a program keeps its own mappings. */
let programRanges: readonly AddressRange[] | undefined;

/**
 * Gives up the pages of the program's own file: code and constants.
 *
 * Two thirds of them served the start and the compiler only. What is needed
 * comes back from the page cache at the next touch, at some 100 faults without
 * a disk; what is not needed is no longer resident, and first to go when the
 * host runs short.
 */
export function releaseProgramPages(): void {
  const { madvise } = libc();
  programRanges ??= cleanRanges(readMappings(), Deno.execPath());
  for (const { start, end } of programRanges) {
    // One that is refused stays as it is.
    madvise(Deno.UnsafePointer.create(start), end - start, MADV_DONTNEED);
  }
}

/**
 * Finds the mappings of the file `path` that cannot be written and hold no page
 * that differs from the file, in the text of `/proc/PID/smaps`.
 *
 * Others must not be given up: what the linker has relocated is lost then.
 */
export function cleanRanges(smaps: string, path: string): AddressRange[] {
  const ranges: AddressRange[] = [];
  let candidate: AddressRange | undefined;
  let ownKb = NaN;
  for (const line of smaps.split("\n")) {
    const head = HEAD.exec(line);
    if (head) {
      const [, start, end, access = "", file] = head;
      const isMeant = file === path && UNWRITABLE.has(access);
      candidate = isMeant
        ? { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) }
        : undefined;
      ownKb = NaN;
    } else if (line.startsWith("Anonymous:")) {
      ownKb = kilobytesOf(line);
    } else if (line.startsWith("Swap:") && candidate) {
      if (ownKb + kilobytesOf(line) === 0) ranges.push(candidate);
    }
  }
  return ranges;
}

/** Such as `5561d04ba000-5561d3806000 r-xp 022a3000 fe:00 5455884   /usr/bin/x`. */
const HEAD =
  /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+ *(.*)$/;

/** Private, and readable or executable. */
const UNWRITABLE: ReadonlySet<string> = new Set(["r--p", "r-xp"]);

function kilobytesOf(line: string): number {
  return Number(/:\s*(\d+) kB$/.exec(line)?.[1] ?? NaN);
}

/** By system calls: the runtime keeps `/proc` from programs that run with less than all of its permissions. Empty where it cannot be read. */
function readMappings(): string {
  const { close, open, read_bytes } = libc();
  const fd = open(cString(MAPPINGS), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return "";
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(READ_BYTES);
  let text = "";
  while (text.length < READ_LIMIT_BYTES) {
    const length = read_bytes(fd, chunk, chunk.length);
    if (length <= 0) break;
    text += decoder.decode(chunk.subarray(0, length), { stream: true });
  }
  close(fd);
  return text;
}

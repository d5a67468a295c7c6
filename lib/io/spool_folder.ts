import type { UnixMs } from "../base/mod.ts";
import {
  decodeEntry,
  filesOfFlow,
  isAuthorizationFolder,
  planBatch,
  TOKEN_FILE,
} from "../flow_log/mod.ts";
import { parseIngestToken } from "../portal/mod.ts";

/** A folder without token that is older than this is a leftover, in ms (data-plane spec §15.5). */
const TOKENLESS_LIMIT_MS = 60_000;

/** Most bytes of records in one upload (portal spec §8: 10 MB for the whole body). */
const MAX_RECORD_BYTES = 9_900_000;

/** Most files of a folder that one pass looks at. Our own choice: what a million flows left is worked off in parts. */
const MAX_LISTED = 100_000;

const ROLES = ["initiator", "responder"] as const;

/** The token of a folder, or what is to become of a folder without a usable one. */
export type FolderToken =
  | { readonly kind: "usable"; readonly text: string }
  /** Its records are not to be uploaded. */
  | { readonly kind: "unwanted" }
  /** Nothing in it can be delivered any more. */
  | { readonly kind: "void" };

/** The records of one upload. */
export interface SpooledBatch {
  /** Names of the files. */
  readonly names: readonly string[];
  /** Their records as JSON. */
  readonly records: readonly string[];
  /** Whether more wait. */
  readonly hasMore: boolean;
}

/** The folder of one authorization in the spool, as the uploader sees it. */
export class SpoolFolder {
  /** Path of the folder. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Finds all folders below `root`. What has another name is none of ours. */
  static async list(root: string): Promise<SpoolFolder[]> {
    const folders: SpoolFolder[] = [];
    for (const role of ROLES) {
      for (const { name, isDirectory } of await entriesOf(`${root}/${role}`)) {
        if (!isDirectory || !isAuthorizationFolder(name)) continue;
        folders.push(new SpoolFolder(`${root}/${role}/${name}`));
      }
    }
    return folders;
  }

  /** Reads the token. A folder that has none yet may be about to get it. */
  async token(now: UnixMs): Promise<FolderToken> {
    try {
      const text = await Deno.readTextFile(`${this.path}/${TOKEN_FILE}`);
      const claims = parseIngestToken(text)?.claims;
      if (claims === undefined || claims.expiresAt * 1_000 <= now) {
        return { kind: "void" };
      }
      return claims.uploadsEnabled
        ? { kind: "usable", text }
        : { kind: "unwanted" };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      const { mtime } = await Deno.lstat(this.path);
      const age = now - (mtime?.getTime() ?? 0);
      return { kind: age > TOKENLESS_LIMIT_MS ? "void" : "unwanted" };
    }
  }

  /** Reads the records of one upload. Damaged files are removed. `after` as in `planBatch`. */
  async batch(limit: number, after: string | undefined): Promise<SpooledBatch> {
    const listed = await entriesOf(this.path);
    const plan = planBatch(listed.map(({ name }) => name), limit, after);
    const names: string[] = [];
    const records: string[] = [];
    let byteLength = 0;
    for (const name of plan.send) {
      const text = await Deno.readTextFile(`${this.path}/${name}`);
      byteLength += text.length;
      if (byteLength > MAX_RECORD_BYTES && records.length > 0) {
        return { names, records, hasMore: true };
      }
      const record = decodeEntry(text);
      if (record === undefined) await this.remove([name]);
      else {
        names.push(name);
        records.push(record);
      }
    }
    return { names, records, hasMore: plan.hasMore };
  }

  /** Removes the files of what was delivered. */
  async remove(names: readonly string[]): Promise<void> {
    for (const name of names.flatMap(filesOfFlow)) {
      await removeIfThere(`${this.path}/${name}`, false);
    }
  }

  /** Removes the folder with all that is in it. */
  async discard(): Promise<void> {
    await removeIfThere(this.path, true);
  }
}

async function entriesOf(path: string): Promise<Deno.DirEntry[]> {
  const entries: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(path)) {
      if (entries.push(entry) === MAX_LISTED) break;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return entries;
}

async function removeIfThere(path: string, recursive: boolean): Promise<void> {
  try {
    await Deno.remove(path, { recursive });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

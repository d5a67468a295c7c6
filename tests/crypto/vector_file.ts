import { fromHex } from "../../lib/base/mod.ts";

/** Reads a file of published vectors. `T` names the parts that the test uses. */
export function readVectors<T>(name: string): T {
  const url = new URL(`../vectors/${name}.json`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url)) as T;
}

/** Reads hexadecimal text that a vector or a test holds, so it must be valid. */
export function hex(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (!bytes) throw new Error(`Not hexadecimal: ${text}`);
  return bytes;
}

/** One AEAD case of Project Wycheproof. */
export interface WycheproofAeadCase {
  readonly id: number;
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: "valid" | "invalid";
}

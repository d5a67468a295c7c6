import { utf8 } from "../base/mod.ts";
import { isRecord } from "./envelope.ts";
import type { Policy } from "./policy.ts";
import {
  base64UrlOfText,
  signText,
  textOfBase64Url,
  verifyText,
} from "./signed_text.ts";

/** Which request a gateway's acknowledgement is about. */
export interface RefContent {
  /** The client that asked. */
  readonly client: string;
  /** The gateway that has to acknowledge. */
  readonly gateway: string;
  /** The resource that was asked for. */
  readonly resource: string;
  /** The authorization that was created. */
  readonly authorization: string;
}

/** What Phoenix's signed terms start with; data planes treat all of it as opaque. */
const PREFIX = "SFMyNTY.";

/** Makes the `ref` of a `create_authorization`: signed, not encrypted, without expiry (portal spec §5.1.4). */
export function makeRef(policy: Policy, content: RefContent): string {
  return signText(
    keyOf(policy),
    PREFIX + base64UrlOfText(JSON.stringify(content)),
  );
}

/** Reads a `ref` that `makeRef` made under the same secret, or returns `undefined`. */
export function readRef(policy: Policy, ref: string): RefContent | undefined {
  const body = verifyText(keyOf(policy), ref);
  if (!body?.startsWith(PREFIX)) return undefined;
  const text = textOfBase64Url(body.slice(PREFIX.length));
  if (text === undefined) return undefined;
  const content: unknown = JSON.parse(text); // Ours: the signature is right.
  return isRecord(content) ? content as unknown as RefContent : undefined;
}

function keyOf(policy: Policy): Uint8Array {
  return utf8(`${policy.secret}|ref`);
}

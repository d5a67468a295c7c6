/** The head of an HTTP request, of 1.0 too: some health checks are. */
export interface RequestHead {
  /** Such as `GET`. */
  readonly method: string;
  /** The target up to the question mark. */
  readonly path: string;
  /** What follows it, not decoded. */
  readonly query: string;
  /** Fields by lower-case name; repeated ones are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the bytes so far amount to. */
export type HeadProgress =
  | { readonly kind: "incomplete" }
  /** No request that anybody would answer. */
  | { readonly kind: "malformed" }
  | {
    readonly kind: "complete";
    readonly head: RequestHead;
    /** What came behind the head. */
    readonly rest: Uint8Array;
  };

/** Longest head accepted. Our own choice, that of common servers. */
const MAX_HEAD_BYTES = 16_384;

const CR = 13;
const LF = 10;

/** Collects the head of one request, RFC 9112 §2. */
export class RequestHeadReader {
  readonly #bytes = new Uint8Array(MAX_HEAD_BYTES);
  #length = 0;

  /** Takes the next bytes of the stream. Not to be called again after another answer than `incomplete`. */
  push(chunk: Uint8Array): HeadProgress {
    const taken = Math.min(chunk.length, MAX_HEAD_BYTES - this.#length);
    this.#bytes.set(chunk.subarray(0, taken), this.#length);
    const before = this.#length;
    this.#length += taken;

    const end = this.#findEnd(Math.max(0, before - 3));
    if (end < 0) {
      const kind = taken < chunk.length || this.#length === MAX_HEAD_BYTES
        ? "malformed"
        : "incomplete";
      return { kind };
    }
    const head = parseHead(latin1(this.#bytes.subarray(0, end)));
    return head
      ? { kind: "complete", head, rest: chunk.slice(end + 4 - before) }
      : { kind: "malformed" };
  }

  #findEnd(from: number): number {
    const bytes = this.#bytes;
    for (let i = from; i + 4 <= this.#length; i++) {
      const isEnd = bytes[i] === CR && bytes[i + 1] === LF &&
        bytes[i + 2] === CR && bytes[i + 3] === LF;
      if (isEnd) return i;
    }
    return -1;
  }
}

/** Tells whether a request asks for a WebSocket, RFC 6455 §4.2.1. */
export function isUpgradeRequest({ method, headers }: RequestHead): boolean {
  const tokens = (headers["connection"] ?? "").toLowerCase().split(/\s*,\s*/);
  return method === "GET" &&
    headers["upgrade"]?.toLowerCase() === "websocket" &&
    tokens.includes("upgrade") &&
    headers["sec-websocket-version"] === "13" &&
    /^[A-Za-z0-9+/]{22}==$/.test(headers["sec-websocket-key"] ?? "");
}

function parseHead(text: string): RequestHead | undefined {
  const [requestLine = "", ...lines] = text.split("\r\n");
  const request = /^([A-Z]+) (\/[^\s#]*) HTTP\/1\.[01]$/.exec(requestLine);
  if (!request) return undefined;

  const headers = new Map<string, string>();
  for (const line of lines) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(
      line,
    );
    if (!field) return undefined;
    const name = (field[1] ?? "").toLowerCase();
    const known = headers.get(name);
    const value = field[2] ?? "";
    headers.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  const [, method = "", target = ""] = request;
  const mark = target.indexOf("?");
  return {
    method,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    headers: Object.fromEntries(headers),
  };
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

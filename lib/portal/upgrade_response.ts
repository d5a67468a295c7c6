import { concatBytes, EMPTY } from "../base/mod.ts";

/** Why bytes are no usable HTTP response. */
export type ResponseProblem =
  | "head-too-long"
  | "invalid-status-line"
  | "invalid-header"
  | "invalid-chunk";

/** How far a response has come. */
export type ResponseProgress =
  | { readonly kind: "reading-head" }
  | { readonly kind: "reading-body" }
  | { readonly kind: "complete" }
  | { readonly kind: "invalid"; readonly problem: ResponseProblem };

/** How the end of a body is found, RFC 9112 §6.3. */
type Framing =
  | { readonly kind: "length"; remaining: number }
  | { readonly kind: "chunked"; remaining: number; state: ChunkState }
  | { readonly kind: "until-close" };

type ChunkState = "size" | "data" | "data-end" | "trailer";

/** Our limit for status line and headers; usual servers allow 8 to 64 KiB. */
const MAX_HEAD_BYTES = 32 * 1024;

/** Portal spec §3.4: how much of a body is kept. */
const MAX_BODY_BYTES = 64 * 1024;

/** Longest line of a chunk size or trailer. */
const MAX_LINE_BYTES = 1_024;

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: [^\r\n]*)?$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
const HEAD_END = "\r\n\r\n";

/**
 * Reads the response to an upgrade request, in pieces of any size.
 *
 * After a 101 the bytes behind the head are `rest` and belong to the
 * WebSocket. Any other final status has a body, which is kept up to 64 KiB.
 */
export class UpgradeResponse {
  #progress: ResponseProgress = { kind: "reading-head" };
  #pending: Uint8Array = EMPTY;
  #status = 0;
  #headers = new Map<string, string>();
  #framing: Framing = { kind: "until-close" };
  readonly #body: Uint8Array[] = [];
  #bodyBytes = 0;

  /** How far the response has come. */
  get progress(): ResponseProgress {
    return this.#progress;
  }

  /** The status, once the head is read. */
  get status(): number {
    return this.#status;
  }

  /** Bytes behind the head of a 101. */
  get rest(): Uint8Array {
    return this.#pending;
  }

  /** The body as far as it came. Bytes that are no UTF-8 are replaced. */
  get body(): string {
    return new TextDecoder().decode(concatBytes(...this.#body));
  }

  /** Returns the value of a header, named in lower case; several are joined by commas. */
  header(name: string): string | undefined {
    return this.#headers.get(name);
  }

  /** Tells whether the response agrees to our upgrade, RFC 6455 §4.1. */
  accepts(expectedAccept: string): boolean {
    return this.#status === 101 &&
      this.header("upgrade")?.toLowerCase() === "websocket" &&
      hasToken(this.header("connection"), "upgrade") &&
      this.header("sec-websocket-accept") === expectedAccept &&
      this.header("sec-websocket-extensions") === undefined &&
      this.header("sec-websocket-protocol") === undefined;
  }

  /** Takes in bytes. Does not keep `bytes`. */
  push(bytes: Uint8Array): ResponseProgress {
    const isOver = this.#progress.kind === "complete" ||
      this.#progress.kind === "invalid";
    if (isOver) return this.#progress;

    this.#pending = concatBytes(this.#pending, bytes);
    if (this.#progress.kind === "reading-head") this.#readHeads();
    if (this.#progress.kind === "reading-body") this.#readBody();
    return this.#progress;
  }

  /** Reads heads until one is final; interim ones (RFC 9110 §15.2) are skipped. */
  #readHeads(): void {
    while (this.#progress.kind === "reading-head") {
      const end = indexOfHeadEnd(this.#pending);
      if (end < 0) {
        if (this.#pending.length > MAX_HEAD_BYTES) {
          this.#refuse("head-too-long");
        }
        return;
      }
      const head = latin1(this.#pending.subarray(0, end));
      this.#pending = this.#pending.slice(end + HEAD_END.length);
      this.#readHead(head);
    }
  }

  #readHead(head: string): void {
    const [statusLine = "", ...lines] = head.split("\r\n");
    const status = STATUS_LINE.exec(statusLine)?.[1];
    if (status === undefined) return this.#refuse("invalid-status-line");

    const headers = readHeaders(lines);
    if (!headers) return this.#refuse("invalid-header");

    this.#status = Number(status);
    this.#headers = headers;
    if (this.#status === 101) this.#progress = { kind: "complete" };
    else if (this.#status >= 200) this.#startBody();
  }

  #startBody(): void {
    this.#progress = { kind: "reading-body" };
    const length = this.header("content-length");
    if (hasToken(this.header("transfer-encoding"), "chunked")) {
      this.#framing = { kind: "chunked", remaining: 0, state: "size" };
    } else if (this.#status === 204 || this.#status === 304) {
      this.#framing = { kind: "length", remaining: 0 };
    } else if (length !== undefined && /^\d+$/.test(length)) {
      this.#framing = { kind: "length", remaining: Number(length) };
    }
  }

  #readBody(): void {
    const framing = this.#framing;
    switch (framing.kind) {
      case "until-close":
        this.#keep(this.#take(this.#pending.length));
        break;
      case "length": {
        const piece = this.#take(framing.remaining);
        framing.remaining -= piece.length;
        this.#keep(piece);
        if (framing.remaining === 0) this.#progress = { kind: "complete" };
        break;
      }
      case "chunked":
        while (this.#readChunk(framing));
        break;
    }
    if (this.#bodyBytes >= MAX_BODY_BYTES) {
      this.#progress = { kind: "complete" };
    }
  }

  /** Reads one step of a chunked body. Returns `false` when it needs more bytes or is at the end. */
  #readChunk(framing: Extract<Framing, { kind: "chunked" }>): boolean {
    if (framing.state === "data") {
      if (this.#pending.length === 0) return false;
      const piece = this.#take(framing.remaining);
      framing.remaining -= piece.length;
      this.#keep(piece);
      if (framing.remaining === 0) framing.state = "data-end";
      return this.#bodyBytes < MAX_BODY_BYTES;
    }
    const line = this.#takeLine();
    if (line === undefined) return false;

    if (framing.state === "trailer") {
      if (line === "") this.#progress = { kind: "complete" };
      return line !== "";
    }
    if (framing.state === "data-end") {
      if (line !== "") this.#refuse("invalid-chunk");
      framing.state = "size";
      return line === "";
    }
    const size = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined) {
      this.#refuse("invalid-chunk");
      return false;
    }
    framing.remaining = parseInt(size, 16);
    framing.state = framing.remaining === 0 ? "trailer" : "data";
    return true;
  }

  #keep(piece: Uint8Array): void {
    const kept = piece.subarray(0, MAX_BODY_BYTES - this.#bodyBytes);
    this.#body.push(kept);
    this.#bodyBytes += kept.length;
  }

  #take(limit: number): Uint8Array {
    const piece = this.#pending.slice(0, limit);
    this.#pending = this.#pending.slice(piece.length);
    return piece;
  }

  #takeLine(): string | undefined {
    const end = this.#pending.indexOf(0x0a);
    if (end < 0) {
      if (this.#pending.length > MAX_LINE_BYTES) this.#refuse("invalid-chunk");
      return undefined;
    }
    return latin1(this.#take(end + 1)).replace(/\r?\n$/, "");
  }

  #refuse(problem: ResponseProblem): void {
    this.#progress = { kind: "invalid", problem };
  }
}

function readHeaders(
  lines: readonly string[],
): Map<string, string> | undefined {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value = ""] = HEADER.exec(line) ?? [];
    if (name === undefined) return undefined;
    const key = name.toLowerCase();
    const earlier = headers.get(key);
    headers.set(key, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return headers;
}

function hasToken(list: string | undefined, token: string): boolean {
  return list !== undefined &&
    list.split(",").some((item) => item.trim().toLowerCase() === token);
}

function indexOfHeadEnd(bytes: Uint8Array): number {
  for (
    let at = bytes.indexOf(0x0d);
    at >= 0;
    at = bytes.indexOf(0x0d, at + 1)
  ) {
    const isEnd = bytes[at + 1] === 0x0a && bytes[at + 2] === 0x0d &&
      bytes[at + 3] === 0x0a;
    if (isEnd) return at;
  }
  return -1;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

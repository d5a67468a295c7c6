import { assert, EMPTY, fromBase64, writeU16 } from "../base/mod.ts";
import { MODULE_BASE64 } from "./wasm/hashes_module.ts";

/** What `wasm/hashes.as` exports. Addresses are constants. */
interface KernelExports {
  readonly KEY: { readonly value: number };
  readonly DIGEST: { readonly value: number };
  readonly MESSAGE: { readonly value: number };
  blake2s(length: number, keyLength: number, digestLength: number): void;
  hmacBlake2s(length: number, keyLength: number): void;
  sha1(length: number): void;
  hmacSha1(length: number, keyLength: number): void;
  /** Returns 1 when the digest begins with the `length` bytes at `at`, else 0. */
  matches(at: number, length: number): number;
}

/** The kernel's memory: longer messages than any datagram fit. */
const PAGES = 2;
const PAGE_BYTES = 65_536;

/** Longest key, which is a block of either hash. */
const MAX_KEY_BYTES = 64;

const BLAKE2S_BYTES = 32;
const SHA1_BYTES = 20;

/** Where a STUN message says its length, RFC 8489 §5. */
const STUN_LENGTH = 2;

/** A part of a message. */
export type Parts = readonly Uint8Array[];

/**
 * BLAKE2s and SHA-1 in WebAssembly, on a memory of its own.
 *
 * Handshakes and checks are made of many hashes of few bytes, for which the
 * set-up of a library's hash object costs more than the hash.
 */
class HashKernel {
  readonly #bytes: Uint8Array;
  readonly #exports: KernelExports;
  readonly #keyAt: number;
  readonly #digestAt: number;
  readonly #messageAt: number;

  constructor() {
    const binary = fromBase64(MODULE_BASE64);
    assert(binary !== undefined, "The hash kernel is not base64");
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(new Uint8Array(binary)),
      { env: { memory } },
    );
    this.#bytes = new Uint8Array(memory.buffer);
    this.#exports = exports as unknown as KernelExports;
    this.#keyAt = this.#exports.KEY.value;
    this.#digestAt = this.#exports.DIGEST.value;
    this.#messageAt = this.#exports.MESSAGE.value;
  }

  blake2s(key: Uint8Array, parts: Parts, digestLength: number): Uint8Array {
    const length = this.#write(parts);
    this.#exports.blake2s(length, this.#writeKey(key), digestLength);
    return this.#digest(digestLength);
  }

  hmacBlake2s(longKey: Uint8Array, parts: Parts): Uint8Array {
    const key = longKey.length > MAX_KEY_BYTES
      ? this.blake2s(EMPTY, [longKey], BLAKE2S_BYTES)
      : longKey;
    const length = this.#write(parts);
    this.#exports.hmacBlake2s(length, this.#writeKey(key));
    return this.#digest(BLAKE2S_BYTES);
  }

  sha1(parts: Parts): Uint8Array {
    this.#exports.sha1(this.#write(parts));
    return this.#digest(SHA1_BYTES);
  }

  /** Tells whether `macLength` bytes at `macAt` are the keyed BLAKE2s of `[start, end)`, in constant time. Allocates nothing. */
  isBlake2sMac(
    key: Uint8Array,
    bytes: Uint8Array,
    start: number,
    end: number,
    macAt: number,
    macLength: number,
  ): boolean {
    const length = end - start;
    const at = this.#messageAt;
    this.#copyIn(at, bytes, start, end);
    this.#exports.blake2s(length, this.#writeKey(key), macLength);
    this.#copyIn(at, bytes, macAt, macAt + macLength);
    return this.#exports.matches(at, macLength) === 1;
  }

  /** Writes HMAC-SHA1 of `[start, end)` to `at`. Allocates nothing. */
  writeHmacSha1(
    longKey: Uint8Array,
    bytes: Uint8Array,
    start: number,
    end: number,
    at: number,
  ): void {
    const key = this.#sha1Key(longKey);
    this.#copyIn(this.#messageAt, bytes, start, end);
    this.#exports.hmacSha1(end - start, this.#writeKey(key));
    const own = this.#bytes;
    const digestAt = this.#digestAt;
    for (let i = 0; i < SHA1_BYTES; i++) bytes[at + i] = own[digestAt + i]!;
  }

  /**
   * Tells whether the 20 bytes at `macAt` are HMAC-SHA1 of the STUN message
   * `[start, end)` as if its length field said `length`, in constant time.
   * Allocates nothing.
   */
  isStunMac(
    longKey: Uint8Array,
    bytes: Uint8Array,
    start: number,
    end: number,
    length: number,
    macAt: number,
  ): boolean {
    const key = this.#sha1Key(longKey);
    const at = this.#messageAt;
    this.#copyIn(at, bytes, start, end);
    writeU16(this.#bytes, at + STUN_LENGTH, length);
    this.#exports.hmacSha1(end - start, this.#writeKey(key));
    this.#copyIn(at, bytes, macAt, macAt + SHA1_BYTES);
    return this.#exports.matches(at, SHA1_BYTES) === 1;
  }

  #sha1Key(key: Uint8Array): Uint8Array {
    return key.length > MAX_KEY_BYTES ? this.sha1([key]) : key;
  }

  #copyIn(at: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    assert(this.#hasRoomFor(length), "A message is too long");
    const own = this.#bytes;
    for (let i = 0; i < length; i++) own[at + i] = bytes[start + i]!;
  }

  #write(parts: Parts): number {
    let length = 0;
    for (const part of parts) {
      assert(this.#hasRoomFor(length + part.length), "A message is too long");
      this.#bytes.set(part, this.#messageAt + length);
      length += part.length;
    }
    return length;
  }

  #writeKey(key: Uint8Array): number {
    assert(key.length <= MAX_KEY_BYTES, "A key of a hash has at most 64 bytes");
    this.#bytes.set(key, this.#keyAt);
    return key.length;
  }

  #hasRoomFor(length: number): boolean {
    return length <= PAGES * PAGE_BYTES - this.#messageAt;
  }

  #digest(length: number): Uint8Array {
    return this.#bytes.slice(this.#digestAt, this.#digestAt + length);
  }
}

/** One for all: it keeps nothing from call to call. */
export const HASHES: HashKernel = new HashKernel();

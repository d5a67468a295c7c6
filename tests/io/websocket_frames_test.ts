import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, utf8 } from "../../lib/base/mod.ts";
import { frameParts, FrameReader } from "../../lib/io/websocket_frames.ts";

/** Reads bytes in pieces and tells what was found. */
function read(bytes: Uint8Array, pieceLength = bytes.length): string[] {
  const found: string[] = [];
  const reader = new FrameReader({
    message: (payload, isBinary) =>
      found.push(`${isBinary ? "binary" : "text"} ${textOf(payload)}`),
    ping: (payload) => found.push(`ping ${textOf(payload)}`),
    close: (code, reason) => found.push(`close ${code} ${textOf(reason)}`),
    violation: () => found.push("violation"),
  });
  for (let at = 0; at < bytes.length; at += pieceLength) {
    reader.push(bytes.slice(at, at + pieceLength));
  }
  return found;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Lets the receiver of `ws` report what it puts off. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** An unmasked frame of less than 126 bytes, as servers send it. */
function frame(firstByte: number, payload: string | Uint8Array): Uint8Array {
  const bytes = typeof payload === "string" ? utf8(payload) : payload;
  return concatBytes(Uint8Array.of(firstByte, bytes.length), bytes);
}

Deno.test("messages are put together from fragments, with control frames between", () => {
  const stream = concatBytes(
    frame(0x01, "Hel"),
    frame(0x89, "ping"),
    frame(0x80, "lo"),
    frame(0x82, "bin"),
    frame(0x8a, "pong"),
    frame(0x88, concatBytes(Uint8Array.of(3, 244), utf8("bye"))),
    frame(0x81, "after the close"),
  );
  const expected = ["ping ping", "text Hello", "binary bin", "close 1012 bye"];

  assert.deepEqual(read(stream), expected);
  for (const length of [1, 2, 3, 7]) {
    assert.deepEqual(read(stream, length), expected);
  }
});

Deno.test("a close frame without code counts as 1005", () => {
  assert.deepEqual(read(frame(0x88, "")), ["close 1005 "]);
});

Deno.test("frames that break the rules end the stream", async () => {
  const broken = [
    frame(0x83, "unknown opcode"),
    frame(0xc1, "reserved bit"),
    frame(0x80, "nothing to continue"),
    frame(0x09, "a ping in fragments"),
    frame(0x81, Uint8Array.of(0xff, 0xfe)),
    frame(0x88, Uint8Array.of(1)),
    frame(0x88, Uint8Array.of(0, 1)),
    Uint8Array.of(0x81, 0x80, 1, 2, 3, 4), // Masked by a server.
    Uint8Array.of(0x81, 127, 0, 0, 0, 0, 0x10, 0, 0, 0), // 256 MiB.
  ];
  for (const bytes of broken) {
    const found = read(concatBytes(bytes, frame(0x81, "x")));
    await nextTurn();

    assert.deepEqual(found, ["violation"]);
  }
});

Deno.test("our frames are masked and final, and unmask to the payload", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
    const bytes = concatBytes(...frameParts("text", payload));

    const headerLength = payload.length < 126 ? 2 : 4;
    const mask = bytes.subarray(headerLength, headerLength + 4);
    const body = bytes.subarray(headerLength + 4);
    assert.equal(bytes[0], 0x81);
    assert.equal((bytes[1] ?? 0) & 0x80, 0x80);
    assert.deepEqual(
      body.map((byte, i) => byte ^ (mask[i % 4] ?? 0)),
      payload,
    );
  }));
});

Deno.test("encoding a frame leaves the payload alone", () => {
  const payload = utf8("unchanged");

  frameParts("text", payload);

  assert.deepEqual(payload, utf8("unchanged"));
});

Deno.test("reading never throws on random bytes", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.integer({ min: 1, max: 9 }),
      (bytes, pieceLength) => {
        read(bytes, pieceLength);
      },
    ),
  );
});

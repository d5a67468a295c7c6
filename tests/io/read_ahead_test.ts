import assert from "node:assert/strict";
import { Arena, type Datagram, instant } from "../../lib/base/mod.ts";
import { PacketCipher } from "../../lib/crypto/mod.ts";
import { ReadAhead } from "../../lib/io/read_ahead.ts";
import type { UdpSocket } from "../../lib/io/udp_socket.ts";

const START = instant(0);
const SOCKET = { port: 52_625 } as UdpSocket;

Deno.test("each datagram is looked at before the core gets it, and gets there in order", () => {
  const said = run([["a", "b"], ["c"]], 10);

  assert.deepEqual(said, ["?a", "?b", "?c", "a", "b", "c", "end"]);
});

Deno.test("when there is no room for more the core goes on, and then the next ones are looked at", () => {
  const said = run([["a", "b"], ["c", "d"], ["e"]], 2);

  assert.deepEqual(
    said,
    ["?a", "?b", "?c", "a", "b", "c", "?d", "?e", "d", "e", "end"],
  );
});

Deno.test("a message that cannot be used is passed over", () => {
  const said = run([["a"], "datagram-empty", ["b"]], 10);

  assert.deepEqual(said, ["?a", "?b", "a", "b", "end"]);
});

type Message = readonly string[] | "datagram-empty";

/** Runs a batch through as the event loop does and returns what happened in order: `?x` is a look at datagram x. */
function run(messages: readonly Message[], room: number): string[] {
  const said: string[] = [];
  const ring = new ScriptedRing(messages);
  let free = room;
  class Cipher extends PacketCipher {
    override endAhead(): void {
      free = room;
    }
  }
  const readAhead = new ReadAhead({
    cipher: new Cipher(new Arena(0)),
    core: {
      openAhead: () => {
        said.push(`?${ring.name}`);
        return free-- > 0;
      },
    },
    ring,
  });
  for (let i = 0; i < messages.length; i++) {
    if (ring.select(i) !== "ok") continue;
    do {
      readAhead.pass(i, messages.length, SOCKET, START);
      said.push(ring.name);
    } while (ring.next());
  }
  readAhead.end();
  return [...said, "end"];
}

/** A received batch whose datagrams are names. */
class ScriptedRing {
  readonly #messages: readonly Message[];
  #message: readonly string[] = [];
  #start = 0;

  constructor(messages: readonly Message[]) {
    this.#messages = messages;
  }

  get name(): string {
    return this.#message[this.#start] ?? "";
  }

  get selected(): Datagram {
    return { start: this.#start } as Datagram;
  }

  select(index: number): "ok" | "datagram-empty" {
    const message = this.#messages[index] ?? [];
    if (typeof message === "string") return message;
    this.#message = message;
    this.#start = 0;
    return "ok";
  }

  next(): boolean {
    if (this.#start + 1 >= this.#message.length) return false;
    this.#start++;
    return true;
  }
}

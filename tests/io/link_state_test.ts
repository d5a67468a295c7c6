import assert from "node:assert/strict";
import fc from "fast-check";
import { isDownOf, linkNamed, linkStateOf } from "../../lib/io/link_state.ts";
import { encodeNetlink } from "../../lib/io/netlink_message.ts";

Deno.test("an interface is asked for by its name", () => {
  const bytes = encodeNetlink(linkNamed("tun-firezone"), 1);

  assert.deepEqual([...bytes.slice(4, 6)], [18, 0]);
  assert.deepEqual([...bytes.slice(32, 36)], [17, 0, 3, 0]);
  assert.equal(
    new TextDecoder().decode(bytes.slice(36, 49)),
    "tun-firezone\0",
  );
});

Deno.test("an answer says whether the interface is up and what the kernel dropped", () => {
  const up = linkStateOf(answer({ flags: 0x1_0043, drops: 7 }));
  const down = linkStateOf(answer({ flags: 0x1002, drops: 0 }));

  assert.deepEqual(up, { state: "up", drops: 7 });
  assert.deepEqual(down, { state: "down", drops: 0 });
});

Deno.test("an answer that is cut off never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (body) => {
    const { state } = linkStateOf({ type: 16, sequence: 1, body });

    assert.equal(state === "missing", body.length < 16);
  }));
});

Deno.test("a message tells that an interface is down only of that interface", () => {
  const message = (flags: number) => {
    const body = new Uint8Array(16 + 8);
    body.set([flags], 8);
    body.set([8, 0, 3, 0, ...new TextEncoder().encode("tun\0")], 16);
    return { type: 16, body };
  };

  assert.equal(isDownOf(message(0x02), "tun"), true);
  assert.equal(isDownOf(message(0x43), "tun"), false);
  assert.equal(isDownOf(message(0x02), "tun1"), false);
  assert.equal(isDownOf({ ...message(0x02), type: 20 }, "tun"), false);
});

/** `ifinfomsg` and `IFLA_STATS64`, whose eighth number counts drops. */
function answer({ flags, drops }: { flags: number; drops: number }) {
  const body = new Uint8Array(16 + 4 + 24 * 8);
  const view = new DataView(body.buffer);
  view.setUint32(8, flags, true);
  view.setUint16(16, 4 + 24 * 8, true);
  view.setUint16(18, 23, true);
  view.setBigUint64(20 + 7 * 8, BigInt(drops), true);
  return { type: 16, sequence: 1, body };
}

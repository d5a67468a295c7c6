/**
 * A portal in a program of its own, for the namespace of a test: it refuses
 * everybody, and prints a line for each connection.
 *
 * Arguments: the port, then `upgrade` and the HTTP response, or `join` and the
 * payload of the reply.
 */
import { type FakeConnection, FakePortal } from "./fake_portal.ts";

const [port = "", what = "", answer = ""] = Deno.args;
const portal = FakePortal.listen({ port: Number(port) });
portal.isPolite = false;
if (what === "upgrade") portal.answers = [[answer]];
console.log("Refusing");
for (let i = 0;; i++) {
  const connection = await portal.connection(i);
  console.log(`Connection ${i + 1}`);
  if (what === "join") refuseJoin(connection);
}

async function refuseJoin(connection: FakeConnection): Promise<void> {
  const join = await connection.frame((frame) =>
    frame.kind === "text" && JSON.parse(frame.text).event === "phx_join"
  );
  if (join.kind !== "text") return;
  const { topic, ref } = JSON.parse(join.text);
  const payload = JSON.parse(answer);
  await connection.sendJson({ topic, event: "phx_reply", payload, ref });
}

import assert from "node:assert/strict";
import { answers, ip, portalTest, urlOf } from "../support/portal_client.ts";

portalTest(
  "a gateway joins, announces itself, and talks in both directions",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");
    const socket = await portal.connection(0);
    assert.equal(gateway.connection.joined, true);

    assert.equal(gateway.connection.send({ kind: "no-relays" }), "queued");
    await socket.sendJson({
      topic: "gateway",
      event: "relays_presence",
      payload: { disconnected_ids: [], connected: [] },
      ref: null,
    });
    const { message } = await gateway.event("message");
    await socket.frame((frame) =>
      frame.kind === "text" && frame.text.includes("no_relays")
    );

    assert.equal(message.kind, "relays-presence");
    const texts = socket.frames.flatMap((frame) =>
      frame.kind === "text" ? [JSON.parse(frame.text)] : []
    );
    assert.deepEqual(texts, [
      { topic: "gateway", event: "phx_join", payload: null, ref: 0 },
      {
        topic: "gateway",
        event: "set_snownet_capabilities",
        payload: { iceless: false },
        ref: 1,
      },
      { topic: "gateway", event: "no_relays", payload: {}, ref: 2 },
    ]);
  },
);

portalTest(
  "[portal 46] [portal regression 16] a close frame is echoed and leads to a reconnect",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");
    const socket = await portal.connection(0);

    const payload = Uint8Array.of(1012 >>> 8, 1012 & 0xff, 0x62, 0x79, 0x65);
    await socket.send("close", payload);

    const { failure } = await gateway.event("disconnected");
    assert.deepEqual(failure, { kind: "closed", code: 1012 });
    const echo = await socket.frame((frame) => frame.kind === "close");
    assert.deepEqual(echo, { kind: "close", code: 1012, reason: "bye" });
    await gateway.event("joined", 1);
  },
);

portalTest(
  "a close frame without code is echoed without one",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");
    const socket = await portal.connection(0);

    await socket.send("close", "");

    const { failure } = await gateway.event("disconnected");
    assert.deepEqual(failure, { kind: "closed", code: 1005 });
    const echo = await socket.frame((frame) => frame.kind === "close");
    assert.deepEqual(echo, { kind: "close", code: 1005, reason: "" });
  },
);

portalTest(
  "[portal 51] pings are answered, pongs and binary frames ignored",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");
    const socket = await portal.connection(0);

    await socket.send("binary", Uint8Array.of(1, 2, 3));
    await socket.sendBytes(Uint8Array.of(0x8a, 0));
    await socket.send("ping", "are you there");
    const pong = await socket.frame((frame) => frame.kind === "pong");

    assert.ok(pong.kind === "pong");
    assert.equal(new TextDecoder().decode(pong.payload), "are you there");
    assert.equal(gateway.connection.counters["binary-frame"], 1);
    const kinds = gateway.events.map((event) => event.kind);
    assert.deepEqual(kinds, ["resolved", "joined"]);
  },
);

portalTest(
  "a frame that breaks the rules of WebSocket fails the connection",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");

    await (await portal.connection(0)).sendBytes(Uint8Array.of(0xff, 0xff));

    const { failure } = await gateway.event("disconnected");
    assert.equal(failure.kind, "protocol-violated");
  },
);

portalTest(
  "[portal 50] a truncated message fails the connection",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");

    await (await portal.connection(0)).send("text", '{"topic":"gate');

    const { failure } = await gateway.event("disconnected");
    assert.equal(failure.kind, "truncated-frame");
  },
);

portalTest(
  "[portal 55] a message of 16 MiB is accepted",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");

    await (await portal.connection(0)).sendJson({
      topic: "gateway",
      event: "relays_presence",
      payload: {
        disconnected_ids: [],
        connected: [],
        padding: "x".repeat(16 * 1024 * 1024),
      },
      ref: null,
    });

    const { message } = await gateway.event("message");
    assert.equal(message.kind, "relays-presence");
  },
);

portalTest(
  "messages wait while the portal does not read, and then arrive whole and in order",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");
    const socket = await portal.connection(0);
    socket.pauseReading();
    const refs = Array.from(
      { length: 20 },
      (_, i) => `${i}:${"x".repeat(1_000_000)}`,
    );

    for (const ref of refs) {
      gateway.connection.send({ kind: "authorization-created", ref });
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.resumeReading();
    await socket.frame((frame) =>
      frame.kind === "text" && frame.text.includes(refs.at(-1) ?? "")
    );

    const received = socket.frames.flatMap((frame) => {
      const message = frame.kind === "text" ? JSON.parse(frame.text) : {};
      return message.event === "authorization_created"
        ? [message.payload.ref]
        : [];
    });
    assert.deepEqual(received, refs);
  },
);

portalTest(
  "[portal 12] [portal 32] [portal regression 8] after a restart of the portal it is resolved anew and joined with the same key",
  async ({ listen, client }) => {
    const first = listen();
    let resolved = 0;
    const gateway = client(`ws://portal.test:${first.port}`, {
      resolve: () => {
        resolved++;
        return Promise.resolve([
          ip(resolved === 1 ? "127.0.0.1" : "127.0.0.4"),
        ]);
      },
    });
    await gateway.event("joined");
    const before = await first.connection(0);

    const second = listen({ hostname: "127.0.0.4", port: first.port });
    first.close();
    await gateway.event("joined", 1);

    assert.ok(resolved >= 2);
    const after = await second.connection(0);
    assert.equal(after.requestLine, before.requestLine);
    const join = await after.frame((frame) => frame.kind === "text");
    assert.ok(join.kind === "text" && JSON.parse(join.text).ref === 0);
  },
);

portalTest(
  "[portal 54] connecting again closes the old connection with 1000 first",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");
    const old = await portal.connection(0);

    gateway.connection.reconnect();
    await portal.connection(1);

    assert.deepEqual(old.frames.at(-1), {
      kind: "close",
      code: 1000,
      reason: "",
    });
    await gateway.event("joined", 1);
  },
);

portalTest(
  "[portal 83] stopping sends a close frame with 1000 and ends soon",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");
    const socket = await portal.connection(0);
    const start = performance.now();

    await gateway.connection.stop();

    assert.ok(performance.now() - start < 500);
    await socket.gone;
    assert.deepEqual(socket.frames.at(-1), {
      kind: "close",
      code: 1000,
      reason: "",
    });
  },
);

portalTest(
  "stopping does not wait long for a portal that answers no close frame",
  async ({ listen, client }) => {
    const portal = listen();
    const gateway = client(urlOf(portal));
    await gateway.event("joined");
    const socket = await portal.connection(0);
    portal.isPolite = false;
    const start = performance.now();

    await gateway.connection.stop();

    assert.ok(performance.now() - start < 2_000);
    await socket.gone;
  },
);

portalTest(
  "stopping while connecting or waiting ends at once",
  async ({ listen, client }) => {
    const portal = listen();
    portal.answers = answers("nothing");
    const connecting = client(urlOf(portal));
    await portal.connection(0);
    const waiting = client(`ws://portal.test:${portal.port}`, {
      resolve: () => Promise.resolve([]),
    });
    await waiting.event("disconnected");
    const start = performance.now();

    await connecting.connection.stop();
    await waiting.connection.stop();

    assert.ok(performance.now() - start < 500);
    assert.equal(portal.connections.length, 1);
  },
);

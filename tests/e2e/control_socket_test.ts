import assert from "node:assert/strict";
import { askGateway, ControlError, HttpServer } from "../../lib/io/mod.ts";

const ANSWER = () => Promise.resolve(new Response("here"));

Deno.test("[ops 6] a control socket is for its user and group only, and gone when its server ends", async () => {
  await using directory = await Directory.create();
  const path = `${directory.path}/new/gateway.sock`;

  const server = await HttpServer.listenOnSocket(path, ANSWER);
  const answer = await askGateway(path, "/");
  const mode = (Deno.statSync(path).mode ?? 0) & 0o777;
  await server.close();

  assert.deepEqual(answer, { status: 200, text: "here" });
  assert.equal(mode, 0o660);
  assert.deepEqual([...Deno.readDirSync(`${directory.path}/new`)], []);
});

Deno.test("[ops 6] a socket that somebody left behind is replaced", async () => {
  await using directory = await Directory.create();
  const path = `${directory.path}/gateway.sock`;
  await new Deno.Command("python3", {
    args: ["-c", `import socket; socket.socket(1).bind("${path}")`],
  }).output();
  assert.ok(Deno.lstatSync(path).isSocket);
  await assert.rejects(
    () => askGateway(path, "/"),
    (error) => error instanceof ControlError && error.obstacle === "absent",
  );

  const server = await HttpServer.listenOnSocket(path, ANSWER);

  assert.equal((await askGateway(path, "/")).text, "here");
  await server.close();
});

Deno.test("[ops 6] a socket that somebody serves on is refused and goes on serving", async () => {
  await using directory = await Directory.create();
  const path = `${directory.path}/gateway.sock`;
  const first = await HttpServer.listenOnSocket(path, ANSWER);

  await assert.rejects(
    () => HttpServer.listenOnSocket(path, ANSWER),
    { name: "ListenError", obstacle: "taken" },
  );

  assert.equal((await askGateway(path, "/")).text, "here");
  await first.close();
});

Deno.test("[ops 6] a file that is no socket is left alone", async () => {
  await using directory = await Directory.create();
  const path = `${directory.path}/gateway.sock`;
  await Deno.writeTextFile(path, "mine");

  await assert.rejects(
    () => HttpServer.listenOnSocket(path, ANSWER),
    { name: "ListenError", obstacle: "unusable" },
  );

  assert.equal(await Deno.readTextFile(path), "mine");
});

class Directory implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<Directory> {
    return new Directory(await Deno.makeTempDir({ prefix: "firezone-sock-" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

import { dirname } from "node:path";
import { formatSocketAddress, type SocketAddress } from "../base/mod.ts";
import { serveHttp } from "./http_stream.ts";
import { settlesWithin } from "./settles_within.ts";
import { StreamServer } from "./stream_server.ts";

/** Answers a request. */
export type HttpHandler = (request: Request) => Promise<Response>;

/** Why a server cannot serve: the address is taken, we may not, or something else is wrong with it. */
export type ListenObstacle = "taken" | "forbidden" | "unusable";

/** Thrown when a server cannot serve. */
export class ListenError extends Error {
  /** Names the class in messages. */
  override readonly name = "ListenError";
  /** What kind of obstacle it is. */
  readonly obstacle: ListenObstacle;

  /** `where`: what could not be listened on. */
  constructor(where: string, obstacle: ListenObstacle, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Cannot serve on ${where}: ${reason}`, { cause });
    this.obstacle = obstacle;
  }
}

/** Longest wait for requests under way when a server ends, in ms. */
const CLOSE_LIMIT_MS = 500;

/** Mode of a control socket: for its user and group only. */
const SOCKET_MODE = 0o660;
const DIRECTORY_MODE = 0o755;

/** A small HTTP server of the main thread. */
export class HttpServer {
  /** The TCP port that it has; `undefined` on a Unix socket. */
  readonly port: number | undefined;
  readonly #stop: () => Promise<void>;

  private constructor(stop: () => Promise<void>, port?: number) {
    this.#stop = stop;
    this.port = port;
  }

  /**
   * Serves on a TCP address: a few requests of each peer at a time, none of
   * them for long. Throws `ListenError`.
   *
   * Clients reach it by the gateway's own address, so the runtime's server,
   * which lets everybody hold any number of connections, will not do.
   */
  static listen(address: SocketAddress, handler: HttpHandler): HttpServer {
    const answer = guarded(handler);
    const server = new StreamServer((stream) => serveHttp(stream, answer));
    try {
      return new HttpServer(() => server.close(), server.listen(address));
    } catch (error) {
      throw listenError(formatSocketAddress(address), error);
    }
  }

  /**
   * Serves on a Unix socket that only our user and group may use.
   *
   * A socket that somebody left behind is replaced; one that somebody serves
   * on is not. Throws `ListenError`.
   */
  static async listenOnSocket(
    path: string,
    handler: HttpHandler,
  ): Promise<HttpServer> {
    try {
      Deno.mkdirSync(dirname(path), {
        recursive: true,
        mode: DIRECTORY_MODE,
      });
      await removeStale(path);
      const server = Deno.serve(
        { path, onListen: () => {} },
        guarded(handler),
      );
      Deno.chmodSync(path, SOCKET_MODE);
      return new HttpServer(() => server.shutdown());
    } catch (error) {
      throw error instanceof ListenError ? error : listenError(path, error);
    }
  }

  /** Ends. What is under way on a Unix socket is answered, but not waited for for ever. */
  async close(): Promise<void> {
    await settlesWithin(this.#stop(), CLOSE_LIMIT_MS);
  }
}

/** A fault of ours in one answer must not end the program. */
function guarded(handler: HttpHandler): HttpHandler {
  return async (request) => {
    try {
      return await handler(request);
    } catch {
      return new Response("Internal error\n", { status: 500 });
    }
  };
}

async function removeStale(path: string): Promise<void> {
  const info = statOf(path);
  if (!info) return;
  if (!info.isSocket) {
    throw new ListenError(path, "unusable", "something else has this name");
  }
  if (await isServed(path)) {
    throw new ListenError(path, "taken", "another gateway serves there");
  }
  Deno.removeSync(path);
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function isServed(path: string): Promise<boolean> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

function listenError(where: string, error: unknown): ListenError {
  return new ListenError(where, obstacleOf(error), error);
}

function obstacleOf(error: unknown): ListenObstacle {
  if (error instanceof Deno.errors.AddrInUse) return "taken";
  const isForbidden = error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable;
  return isForbidden ? "forbidden" : "unusable";
}

/** What a gateway answered. */
export interface ControlAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Body. */
  readonly text: string;
}

/** Why a gateway cannot be asked: nobody serves there, we may not, or something else is wrong. */
export type ControlObstacle = "absent" | "forbidden" | "broken";

/** Thrown when a gateway cannot be asked. */
export class ControlError extends Error {
  /** Names the class in messages. */
  override readonly name = "ControlError";
  /** What kind of obstacle it is. */
  readonly obstacle: ControlObstacle;

  /** `path`: of the socket. */
  constructor(path: string, obstacle: ControlObstacle, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Cannot talk to the gateway at ${path}: ${reason}`, { cause });
    this.obstacle = obstacle;
  }
}

/** Longest wait for an answer, in ms. */
const ANSWER_LIMIT_MS = 5_000;

/** Asks the gateway that serves on a Unix socket. Throws `ControlError`. */
export async function askGateway(
  path: string,
  target: string,
  request: { readonly method?: string; readonly body?: string } = {},
): Promise<ControlAnswer> {
  await probe(path);
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  try {
    const response = await fetch(`http://gateway${target}`, {
      ...request,
      client,
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw new ControlError(path, "broken", error);
  } finally {
    client.close();
  }
}

/** Finds out why a socket cannot be used: `fetch` would not say. */
async function probe(path: string): Promise<void> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
  } catch (error) {
    throw new ControlError(path, obstacleOf(error), error);
  }
}

function obstacleOf(error: unknown): ControlObstacle {
  const isAbsent = error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.ConnectionRefused;
  if (isAbsent) return "absent";
  const isForbidden = error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable;
  return isForbidden ? "forbidden" : "broken";
}

import { requireTools } from "./tools.ts";
import type { IceCredentials } from "../../lib/ice/mod.ts";
import { linesOf } from "../../scripts/lab/lines.ts";
import { until } from "./udp_shell.ts";

/** Debian's interpreter, which finds Debian's packages whatever else is installed. */
const PYTHON = "/usr/bin/python3";

const AIOICE = "/usr/lib/python3/dist-packages/aioice/__init__.py";

const DRIVER = new URL("./aioice_agent.py", import.meta.url).pathname;

/** What aioice is told at its start. */
export interface AioiceOptions {
  readonly controlling: boolean;
  readonly localCredentials: IceCredentials;
  readonly remoteCredentials: IceCredentials;
  /** The addresses to open sockets on. 127.0.0.1 by default. */
  readonly addresses?: readonly string[];
  /** A relay on 127.0.0.1. */
  readonly relay?: {
    readonly port: number;
    readonly username: string;
    readonly password: string;
  };
}

/** What aioice reports. Which fields there are depends on the event. */
export interface AioiceEvent {
  readonly event:
    | "gathered"
    | "checking"
    | "connected"
    | "failed"
    | "data"
    | "closed";
  readonly candidates?: readonly string[];
  readonly remote?: string;
  readonly remoteKind?: string;
  readonly text?: string;
}

/** aioice, an ICE agent that shares no code with ours, in a process of its own. */
export class Aioice {
  readonly events: AioiceEvent[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#input = process.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Starts it and waits until it has gathered its candidates. */
  static async start(options: AioiceOptions): Promise<Aioice> {
    requireTools(PYTHON, AIOICE);
    const { localCredentials, remoteCredentials, ...others } = options;
    const process = new Deno.Command(PYTHON, {
      args: [
        DRIVER,
        JSON.stringify({
          addresses: ["127.0.0.1"],
          consentSeconds: 0.2,
          retrySeconds: 0.25,
          ...others,
          username: localCredentials.username,
          password: localCredentials.password,
          remoteUsername: remoteCredentials.username,
          remotePassword: remoteCredentials.password,
        }),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const aioice = new Aioice(process);
    await until(() => aioice.has("gathered"), 20_000, "aioice's candidates");
    return aioice;
  }

  /** The lines of its candidates, without the prefix `candidate:`. */
  get candidates(): readonly string[] {
    return this.of("gathered")[0]?.candidates ?? [];
  }

  /** Returns the events of one kind. */
  of(event: AioiceEvent["event"]): AioiceEvent[] {
    return this.events.filter((e) => e.event === event);
  }

  /** Tells whether there was such an event. */
  has(event: AioiceEvent["event"]): boolean {
    return this.of(event).length > 0;
  }

  /** Gives a command: a candidate to add, the start of checks, or data to send. */
  async tell(
    command:
      | { readonly candidate: string }
      | { readonly connect: true }
      | { readonly send: string },
  ): Promise<void> {
    await this.#input.write(
      new TextEncoder().encode(`${JSON.stringify(command)}\n`),
    );
  }

  async #read(): Promise<void> {
    for await (const line of linesOf(this.#process.stdout)) {
      this.events.push(JSON.parse(line));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#process.status;
    await this.#reading;
    await this.#input.abort().catch(() => {});
  }
}

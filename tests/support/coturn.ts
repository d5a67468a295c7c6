import type { SocketAddress } from "../../lib/base/mod.ts";
import { freePort, LOOPBACK } from "./udp_shell.ts";

/** Debian's coturn on 127.0.0.1, with the realm `firezone` and one long-term user. */
export class Coturn {
  readonly address: SocketAddress;
  readonly #process: Deno.ChildProcess;

  private constructor(process: Deno.ChildProcess, port: number) {
    this.#process = process;
    this.address = { ip: LOOPBACK, port };
  }

  /** Starts it. `more` are further options of turnserver. */
  static async start(
    username: string,
    password: string,
    ...more: readonly string[]
  ): Promise<Coturn> {
    const port = await freePort();
    const args = [
      "-n",
      ...["--no-tls", "--no-dtls", "--no-tcp", "--no-cli"],
      ...["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"],
      `--listening-port=${port}`,
      ...["--min-port=49152", "--max-port=49999", "--allow-loopback-peers"],
      ...["--lt-cred-mech", "--realm=firezone"],
      `--user=${username}:${password}`,
      ...["--log-file=stdout", "--pidfile=/dev/null"],
      ...more,
    ];
    const process = new Deno.Command("turnserver", {
      args,
      stdout: "null",
      stderr: "null",
    }).spawn();
    return new Coturn(process, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }
}

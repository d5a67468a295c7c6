import { LabProcess } from "../../scripts/lab/lab_process.ts";

/** How long it may take to come up, in ms. */
const START_MS = 10_000;

/** Runs a command where it shall run, such as in a namespace. */
type Spawn = (label: string, command: readonly string[]) => LabProcess;

/**
 * Debian's dnsmasq on one address and port, with records of its own alone:
 * no file of the host, no other nameserver. Ended when disposed.
 */
export class Dnsmasq implements AsyncDisposable {
  readonly #process: LabProcess;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  /** Starts it with `records`, which are options such as `--host-record=a.example,192.0.2.1`. */
  static async start(
    hostname: string,
    port: number,
    records: readonly string[],
    spawn: Spawn = (label, command) => new LabProcess(label, command, {}),
  ): Promise<Dnsmasq> {
    const process = spawn("dnsmasq", [
      "dnsmasq",
      "--no-daemon",
      "--user=root",
      "--conf-file=/dev/null",
      "--no-resolv",
      "--no-hosts",
      "--pid-file=",
      "--bind-interfaces",
      "--local-ttl=60",
      `--listen-address=${hostname}`,
      `--port=${port}`,
      // Everything is its own: it asks nobody.
      "--local=//",
      ...records,
    ]);
    await process.waitFor(/started|cleared cache/, START_MS);
    return new Dnsmasq(process);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }
}

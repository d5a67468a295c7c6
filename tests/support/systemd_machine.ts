import type { CommandResult, Lab } from "../../scripts/lab/lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";

/** How long systemd may take to come up, in ms. It takes a second. */
const BOOT_MS = 20_000;

/**
 * A machine that Debian's systemd runs on, in a namespace of a lab.
 *
 * Its file system is that of the host with a layer above that takes all
 * changes: packages can be installed and purged, and the host never sees it.
 */
export class SystemdMachine implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #box: string;
  readonly #init: LabProcess;
  readonly #layer: string;
  #pid = 0;

  private constructor(lab: Lab, box: string, layer: string) {
    this.#lab = lab;
    this.#box = box;
    this.#layer = layer;
    const script = new URL("./boot_systemd.sh", import.meta.url).pathname;
    const namespaces = ["--pid", "--mount", "--uts", "--ipc", "--cgroup"];
    this.#init = lab.spawn(box, `systemd-${box}`, [
      ...["unshare", "--fork", "--kill-child", ...namespaces],
      ...["sh", script, layer],
    ]);
  }

  /** Boots systemd in a box of a lab. */
  static async boot(lab: Lab, box: string): Promise<SystemdMachine> {
    const layer = await Deno.makeTempDir({ prefix: "firezone-systemd-" });
    const machine = new SystemdMachine(lab, box, layer);
    try {
      await machine.#init.waitFor(/^Booting/, BOOT_MS);
      machine.#pid = await childOf(machine.#init.pid);
      await machine.#until("running or degraded", async () => {
        const state = await machine.run("systemctl", "is-system-running");
        return /^(running|degraded)$/m.test(state.stdout);
      });
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs a command on the machine to its end. */
  run(...command: readonly string[]): Promise<CommandResult> {
    return this.#lab.run(this.#box, ...this.#enter(command));
  }

  /** Runs a command that must succeed and returns its standard output. */
  must(...command: readonly string[]): Promise<string> {
    return this.#lab.must(this.#box, ...this.#enter(command));
  }

  /** Brings a file of the host to a path on the machine. */
  async copyIn(from: string, to: string): Promise<void> {
    await Deno.copyFile(from, `/proc/${this.#pid}/root${to}`);
  }

  /** Returns what the journal has of a unit. */
  journal(unit: string): Promise<string> {
    return this.must("journalctl", "--no-pager", "-o", "cat", "-u", unit);
  }

  /** Powers it off and forgets all that was changed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#init.signal("SIGKILL");
    await this.#init.ended;
    await Deno.remove(this.#layer, { recursive: true });
  }

  #enter(command: readonly string[]): string[] {
    const pid = this.#pid;
    return [
      ...["nsenter", `--target=${pid}`, "--mount", "--pid", "--uts"],
      ...["--ipc", "--cgroup", `--root=/proc/${pid}/root`, "--wd=/"],
      ...command,
    ];
  }

  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + BOOT_MS;
    while (!await isSo()) {
      if (performance.now() > deadline) {
        throw new Error(`systemd is not ${what}\n${this.#init.tail()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function childOf(pid: number): Promise<number> {
  const path = `/proc/${pid}/task/${pid}/children`;
  return Number((await Deno.readTextFile(path)).trim().split(" ")[0]);
}

import { LabProcess } from "./lab_process.ts";

/** One end of a link: the namespace, its interface, and its addresses with prefix length. */
export interface LinkEnd {
  /** Name of the namespace within the lab. */
  readonly box: string;
  /** Interface name. */
  readonly device: string;
  /** Addresses such as `192.0.2.1/24`. */
  readonly addresses: readonly string[];
}

/** What a finished command printed and how it ended. */
export interface CommandResult {
  /** Exit code. */
  readonly code: number;
  /** Standard output. */
  readonly stdout: string;
  /** Standard error. */
  readonly stderr: string;
}

/**
 * A network of namespaces on this machine, gone without a trace when disposed.
 *
 * Needs root. All names carry the lab's prefix and our process id, so that
 * several labs can run beside each other and nothing else is touched.
 */
export class Lab implements AsyncDisposable {
  readonly #prefix: string;
  readonly #boxes: string[] = [];
  readonly #processes: LabProcess[] = [];
  readonly #configured = new Set<string>();

  /** Names the lab; `prefix` starts the name of each namespace. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** A directory of this lab for what programs share by path, such as sockets: namespaces do not part it. Gone with the lab. */
  get runDirectory(): string {
    return `/run/${this.#prefix}${Deno.pid}`;
  }

  /** Makes a namespace with its loopback up. A leftover of the same name is removed first. */
  async addBox(box: string): Promise<void> {
    const name = this.#nameOf(box);
    await capture(["ip", "netns", "delete", name]);
    await must(["ip", "netns", "add", name]);
    this.#boxes.push(box);
    await this.must(box, "ip", "link", "set", "lo", "up");
    // Addresses are usable at once instead of after duplicate detection.
    await this.sysctl(box, "net.ipv6.conf.default.accept_dad=0");
  }

  /** Joins two namespaces by a veth pair. */
  async addLink(a: LinkEnd, b: LinkEnd): Promise<void> {
    await must([
      ...[
        "ip",
        "link",
        "add",
        a.device,
        "netns",
        this.#nameOf(a.box),
        "type",
        "veth",
      ],
      ...["peer", "name", b.device, "netns", this.#nameOf(b.box)],
    ]);
    for (const { box, device, addresses } of [a, b]) {
      for (const address of addresses) {
        await this.must(box, "ip", "address", "add", address, "dev", device);
      }
      await this.must(box, "ip", "link", "set", device, "up");
    }
  }

  /** Adds a route such as `default` through a neighbour. */
  async addRoute(box: string, network: string, via: string): Promise<void> {
    await this.must(box, "ip", "route", "add", network, "via", via);
  }

  /** Writes kernel settings such as `net.ipv4.ip_forward=1` of a namespace. */
  async sysctl(box: string, ...settings: readonly string[]): Promise<void> {
    for (const setting of settings) {
      const [key = "", value = ""] = setting.split("=");
      const path = `/proc/sys/${key.replaceAll(".", "/")}`;
      await this.must(box, "sh", "-c", `echo ${value} > ${path}`);
    }
  }

  /** Loads an nftables ruleset into a namespace. */
  async nft(box: string, ruleset: string): Promise<void> {
    await this.must(box, "nft", ruleset);
  }

  /** Gives programs of a namespace that start from here on a file of their own in `/etc`, such as `resolv.conf`; a second call changes it for those that run. */
  async configure(box: string, file: string, text: string): Promise<void> {
    const directory = `/etc/netns/${this.#nameOf(box)}`;
    this.#configured.add(directory);
    await Deno.mkdir(directory, { recursive: true });
    await Deno.writeTextFile(`${directory}/${file}`, text);
  }

  /** Runs a command in a namespace to its end. */
  run(box: string, ...command: readonly string[]): Promise<CommandResult> {
    return capture(this.commandIn(box, command));
  }

  /** Runs a command that must succeed and returns its standard output. */
  must(box: string, ...command: readonly string[]): Promise<string> {
    return must(this.commandIn(box, command));
  }

  /** Starts a program that goes on; it is ended with the lab at the latest. */
  spawn(
    box: string,
    label: string,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): LabProcess {
    const started = new LabProcess(label, this.commandIn(box, command), env);
    this.#processes.push(started);
    return started;
  }

  /** Ends all programs and removes all namespaces. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.toReversed().map((it) => it.stop()));
    for (const box of this.#boxes.toReversed()) {
      await capture(["ip", "netns", "delete", this.#nameOf(box)]);
    }
    for (const directory of this.#configured) {
      await Deno.remove(directory, { recursive: true });
    }
    await Deno.remove(this.runDirectory, { recursive: true }).catch(() => {});
  }

  /** Returns the command line that runs `command` in a namespace. */
  commandIn(box: string, command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.#nameOf(box), ...command];
  }

  #nameOf(box: string): string {
    return `${this.#prefix}${Deno.pid}-${box}`;
  }
}

async function capture(command: readonly string[]): Promise<CommandResult> {
  const [program = "", ...args] = command;
  const { code, stdout, stderr } = await new Deno.Command(program, { args })
    .output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

async function must(command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await capture(command);
  if (code !== 0) {
    throw new Error(
      `Command failed (${code}): ${command.join(" ")}\n${stdout}${stderr}`,
    );
  }
  return stdout;
}

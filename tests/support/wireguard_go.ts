import { createConnection } from "node:net";
import { toHex } from "../../lib/base/mod.ts";

const DEADLINE_MS = 8_000;
const POLL_MS = 20;
const SOCKET_FOLDER = "/var/run/wireguard";

/** How `wireguard-go` is set up. */
export interface WireguardGoOptions {
  readonly privateKey: Uint8Array;
  readonly peerPublicKey: Uint8Array;
  /** 32 bytes; all zero when there is none. */
  readonly presharedKey: Uint8Array;
  /** UDP port on the loopback where the peer listens. */
  readonly peerPort: number;
  /** Address of its TUN interface, with prefix. */
  readonly address: string;
  /** Address of the peer inside the tunnel, with prefix. */
  readonly allowedIp: string;
}

/**
 * A `wireguard-go` whose TUN interface lives in a network namespace of its own.
 *
 * Its UDP socket stays outside, on the loopback, where the test is its peer.
 */
export class WireguardGo implements AsyncDisposable {
  /** UDP port that it listens on. */
  readonly port: number;
  readonly #name: string;
  readonly #process: Deno.ChildProcess;

  private constructor(name: string, process: Deno.ChildProcess, port: number) {
    this.#name = name;
    this.#process = process;
    this.port = port;
  }

  /** Starts it and waits until it can be reached. */
  static async start(options: WireguardGoOptions): Promise<WireguardGo> {
    const name = `fzwg${Deno.pid}`;
    const process = spawn(name);
    try {
      await must("ip", "netns", "add", name);
      await until("wireguard-go opens its socket", () => isListening(name));
      await must("ip", "link", "set", name, "netns", name);
      await must(
        "ip",
        "-n",
        name,
        "address",
        "add",
        options.address,
        "dev",
        name,
      );
      await must("ip", "-n", name, "link", "set", name, "mtu", "1280", "up");
      await configure(name, options);
      const { listen_port } = await ask(name, "get=1\n\n");
      return new WireguardGo(name, process, Number(listen_port));
    } catch (error) {
      await end(name, process);
      throw error;
    }
  }

  /** Starts `ping` in its namespace: `count` packets, done when all are answered. */
  ping(address: string, count: number): Promise<string> {
    const args = ["-c", `${count}`, "-i", "0.2", "-w", "12", address];
    return must("ip", "netns", "exec", this.#name, "ping", ...args);
  }

  /** Removes the peer and adds it again, so that it has no session any more. */
  async forgetPeer(options: WireguardGoOptions): Promise<void> {
    const peer = `public_key=${toHex(options.peerPublicKey)}\n`;
    await ask(this.#name, `set=1\n${peer}remove=true\n\n`);
    await configure(this.#name, options);
  }

  /** Stops it and removes the namespace. */
  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#name, this.#process);
  }
}

/** Waits for a condition and fails, naming it, when it takes too long. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`Timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function spawn(name: string): Deno.ChildProcess {
  try {
    return new Deno.Command("wireguard-go", {
      args: ["-f", name],
      env: { LOG_LEVEL: "error", WG_PROCESS_FOREGROUND: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  } catch (cause) {
    const advice = "install it by scripts/setup_tests.ts";
    throw new Error(`Cannot start wireguard-go: ${advice}`, { cause });
  }
}

async function isListening(name: string): Promise<boolean> {
  try {
    await ask(name, "get=1\n\n");
    return true;
  } catch {
    return false;
  }
}

async function configure(
  name: string,
  options: WireguardGoOptions,
): Promise<void> {
  const { errno } = await ask(
    name,
    `set=1
private_key=${toHex(options.privateKey)}
public_key=${toHex(options.peerPublicKey)}
preshared_key=${toHex(options.presharedKey)}
endpoint=127.0.0.1:${options.peerPort}
allowed_ip=${options.allowedIp}

`,
  );
  if (errno !== "0") throw new Error(`Cannot set up wireguard-go: ${errno}`);
}

/** Speaks WireGuard's configuration protocol over its Unix socket: one request, one answer of `key=value` lines. */
function ask(name: string, request: string): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(`${SOCKET_FOLDER}/${name}.sock`);
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("error", reject);
    socket.on("connect", () => socket.write(request));
    socket.on("data", (text: string) => {
      answer += text;
      if (!answer.endsWith("\n\n")) return;
      socket.destroy();
      resolve(Object.fromEntries(
        answer.trim().split("\n").map((line) => line.split("=", 2)),
      ));
    });
  });
}

async function end(name: string, process: Deno.ChildProcess): Promise<void> {
  try {
    process.kill("SIGTERM");
  } catch {
    // It has ended already.
  }
  await process.status;
  await run("ip", "netns", "delete", name);
}

async function must(command: string, ...args: string[]): Promise<string> {
  const { code, output } = await run(command, ...args);
  if (code !== 0) {
    throw new Error(`Cannot ${command} ${args.join(" ")}: ${output}`);
  }
  return output;
}

async function run(
  command: string,
  ...args: string[]
): Promise<{ readonly code: number; readonly output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

import type { Lab } from "./lab.ts";

const READY_MS = 5_000;

/** An OpenSSH server of its own in a box, with keys of its own. */
export class SshServer implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Starts the server on port 22 of `box`. It sees a `/run` and a list of passwords of its own, and ends with the lab. */
  static async start(lab: Lab, box: string): Promise<SshServer> {
    const directory = await Deno.makeTempDir({ prefix: "firezone-ssh-" });
    const server = new SshServer(directory);
    try {
      await server.#write(lab, box);
      const script = `mount -t tmpfs tmpfs /run && mkdir /run/sshd && ` +
        `mount --bind ${directory}/shadow /etc/shadow && ` +
        `exec /usr/sbin/sshd -D -e -f ${directory}/config`;
      await lab.spawn(box, "sshd", ["sh", "-c", script])
        .waitFor(/Server listening on ::/, READY_MS);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** The command line that runs `command` on the server under the name `host`, with options of `ssh` such as `-6`. */
  command(host: string, command: string, ...options: string[]): string[] {
    return [
      ...["ssh", "-F", "none", "-i", `${this.#directory}/client`],
      ...["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"],
      ...["-o", `UserKnownHostsFile=${this.#directory}/known_hosts`],
      ...["-o", "HostKeyAlias=lab", ...options, `root@${host}`, command],
    ];
  }

  /** Removes the keys. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #write(lab: Lab, box: string): Promise<void> {
    const directory = this.#directory;
    for (const name of ["host", "client"]) {
      const to = ["-f", `${directory}/${name}`];
      await lab.must(
        box,
        ...["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, ...to],
      );
    }
    const hostKey = await Deno.readTextFile(`${directory}/host.pub`);
    const files = {
      // Without a password but not locked, whatever this machine thinks.
      shadow: "root:*:19000:0:99999:7:::\n",
      known_hosts: `lab ${hostKey}`,
      config: [
        `HostKey ${directory}/host`,
        `AuthorizedKeysFile ${directory}/client.pub`,
        "PermitRootLogin prohibit-password",
        "PasswordAuthentication no",
        "StrictModes no",
        "UsePAM no",
        "PidFile none",
      ].join("\n"),
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${directory}/${name}`, text, { mode: 0o600 });
    }
  }
}

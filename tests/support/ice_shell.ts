import { NO_LOG, type SocketAddress } from "../../lib/base/mod.ts";
import {
  Agent,
  type AgentOptions,
  type CheckVerdict,
  type IceRole,
  TransactionTable,
} from "../../lib/ice/mod.ts";
import { peerFormat, StunView } from "../../lib/wire/mod.ts";
import { LoopbackSocket, realNow } from "./udp_shell.ts";

/** What an `IceShell` is made of. */
export interface IceShellOptions extends
  Pick<
    AgentOptions,
    "role" | "localCredentials" | "remoteCredentials" | "timing"
  > {
  readonly role: IceRole;
  /** 127.0.0.1 by default. */
  readonly host?: string;
}

/** Our ICE agent with a real socket and clock. */
export class IceShell {
  readonly agent: Agent;
  /** The lines of our candidates, as signalled. */
  readonly lines: string[] = [];
  /** What came that is not STUN, as text. */
  readonly data: string[] = [];
  /** The remote ends of the paths selected so far. */
  readonly paths: SocketAddress[] = [];
  /** What became of the checks and answers so far. */
  readonly verdicts: (CheckVerdict | "unknown-transaction")[] = [];
  /** How many of our checks the peer has answered. */
  answers = 0;
  /** While mute, nothing is sent. */
  isMute = false;
  readonly #transactions = new TransactionTable();
  readonly #stun = new StunView();
  #socket!: LoopbackSocket;
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(options: IceShellOptions) {
    this.agent = new Agent({
      ...options,
      transactions: this.#transactions,
      random: { fill: (bytes) => void crypto.getRandomValues(bytes) },
      log: NO_LOG,
    });
  }

  /** Opens a socket, which is the agent's only candidate. */
  static async open(options: IceShellOptions): Promise<IceShell> {
    const shell = new IceShell(options);
    shell.#socket = await LoopbackSocket.open(
      0,
      (bytes, from) => shell.#receive(bytes, from),
      options.host,
    );
    const { address } = shell.#socket;
    shell.agent.addLocalCandidate(
      { kind: "host", address, base: address },
      realNow(),
    );
    shell.#timer = setInterval(() => {
      shell.agent.handleTimeout(realNow());
      shell.#drain();
    }, 10);
    shell.#drain();
    return shell;
  }

  /** The socket. */
  get address(): SocketAddress {
    return this.#socket.address;
  }

  /** Takes a candidate line of the peer. */
  addRemoteCandidate(line: string): void {
    const added = this.agent.addRemoteCandidate(line, realNow());
    if (!added.ok) throw new Error(`Refused ${line}: ${added.error}`);
    this.#drain();
  }

  /** Sends text on the selected path. */
  send(text: string): void {
    const destination = this.paths.at(-1);
    if (!destination) throw new Error("There is no path yet");
    this.#socket.send(new TextEncoder().encode(text), destination);
  }

  #receive(bytes: Uint8Array, source: SocketAddress): void {
    const now = realNow();
    const stun = this.#stun;
    switch (peerFormat(bytes, 0, bytes.length, stun)) {
      case "check-request":
        this.verdicts.push(
          this.agent.handleRequest(stun, source, this.address, now),
        );
        break;
      case "check-response": {
        const check = this.#transactions.find(stun.transactionId(), now);
        const verdict = check
          ? this.agent.handleResponse(stun, check, now)
          : "unknown-transaction";
        if (verdict === "accepted") this.answers++;
        this.verdicts.push(verdict);
        break;
      }
      case "ignored-stun":
        return;
      default:
        this.data.push(new TextDecoder().decode(bytes));
    }
    this.#drain();
  }

  #drain(): void {
    const { agent } = this;
    for (let e = agent.pollEvent(); e; e = agent.pollEvent()) {
      if (e.kind === "path-selected") this.paths.push(e.remote.address);
      if (e.kind === "local-candidate-added") {
        this.lines.push(agent.formatAddition(e.candidate));
      }
    }
    for (let t = agent.pollTransmit(); t; t = agent.pollTransmit()) {
      if (!this.isMute) this.#socket.send(t.payload, t.destination);
    }
    if (agent.pollTimeout() <= realNow()) {
      agent.handleTimeout(realNow());
      this.#drain();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#socket.close();
  }
}

import assert from "node:assert/strict";
import { FirezoneLab, type LabPolicy } from "../../scripts/lab/firezone_lab.ts";
import type { CommandResult } from "../../scripts/lab/lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";
import {
  type CapturePoint,
  ChecksumCapture,
} from "../support/checksum_capture.ts";
import { requireTools } from "../support/tools.ts";
import { expectNoWarnings } from "./recovery_support.ts";

/** Names the namespaces of these tests. */
const PREFIX = "fzpol";

/** Everything that these tests run. */
const TOOLS = [
  ...["ip", "nft", "ping", "curl", "tracepath", "dnsmasq", "dig"],
  ...["ssh", "sshd", "ssh-keygen", "iperf3", "tshark", "python3"],
];

/** Where packets come out of the tunnel, at both ends, and where the servers get them. */
export const POINTS = {
  client: { box: "client", device: "tun-firezone" },
  gateway: { box: "gateway", device: "tun-firezone" },
  server: { box: "web", device: "eth0" },
} as const satisfies Record<string, CapturePoint>;

/** What a user does not wait longer for than for a working answer, in ms: set-up of the connection included. */
export const CONNECT_MS = 15_000;

/** A refusal that comes within this time has not been a time-out, in s. Every TCP handshake would go on for longer. */
export const AT_ONCE_S = 2;

/** Both families, as flags of programs call them. */
export const FAMILIES = [
  { family: "IPv4", flag: "-4", record: "A" },
  { family: "IPv6", flag: "-6", record: "AAAA" },
] as const;

/** A flag that makes a program use one family. */
export type FamilyFlag = typeof FAMILIES[number]["flag"];

const RECORDS: Readonly<Record<FamilyFlag, string>> = {
  "-4": "A",
  "-6": "AAAA",
};

/** How to start a lab. */
export interface PolicyLabOptions {
  /** What differs from the lab's policy. */
  readonly policy?: Partial<LabPolicy>;
  /** Makes the network what the test wants. */
  readonly prepare?: (demo: FirezoneLab) => Promise<void>;
  /** More variables in the client's environment. */
  readonly clientEnv?: Readonly<Record<string, string>>;
}

/** A lab with everything running and captured, from a user's seat at the client. */
export class PolicyLab implements AsyncDisposable {
  readonly demo: FirezoneLab;
  readonly portal: LabProcess;
  readonly gateway: LabProcess;
  readonly client: LabProcess;
  readonly capture: ChecksumCapture;

  private constructor(
    demo: FirezoneLab,
    capture: ChecksumCapture,
    { portal, gateway, client }: Record<
      "portal" | "gateway" | "client",
      LabProcess
    >,
  ) {
    this.demo = demo;
    this.capture = capture;
    this.portal = portal;
    this.gateway = gateway;
    this.client = client;
  }

  /** Starts a lab. */
  static async start(
    { policy = {}, prepare, clientEnv = {} }: PolicyLabOptions = {},
  ): Promise<PolicyLab> {
    requireTools(...TOOLS);
    const demo = new FirezoneLab(PREFIX);
    try {
      await demo.build(undefined, policy);
      await prepare?.(demo);
      const portal = await demo.startPortal();
      await demo.startRelay();
      const gateway = await demo.startGateway();
      const client = await demo.startClient(clientEnv);
      const capture = await ChecksumCapture.start(
        demo.lab,
        Object.values(POINTS),
      );
      return new PolicyLab(demo, capture, { portal, gateway, client });
    } catch (error) {
      await demo[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Fails when gateway or client have warned, or when a packet had a wrong checksum. To be called last. */
  async expectHealth(): Promise<void> {
    expectNoWarnings(this.gateway, this.client);
    await this.capture.expectOnlyValid();
  }

  /** Runs a command at the client that must succeed, and returns what it printed. */
  async must(...command: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...command);
    if (code === 0) return stdout;
    const logs = [this.client.tail(30), this.gateway.tail(30)].join("\n");
    throw new Error(
      `Command failed (${code}): ${
        command.join(" ")
      }\n${stdout}${stderr}${logs}`,
    );
  }

  /** Runs a command at the client to its end. */
  run(...command: readonly string[]): Promise<CommandResult> {
    return this.demo.lab.run("client", ...command);
  }

  /** Fetches the greeting of a server and fails if there is none. */
  async expectGreeting(host: string, ...flags: string[]): Promise<void> {
    const text = await this.must("curl", ...CURL, ...flags, `http://${host}/`);
    assert.equal(text, "Hello from the resource\n");
  }

  /** Tries to fetch from a port of the first address of a host; fails if that works, or takes a time-out to fail. */
  async expectRefusal(
    host: string,
    flag: FamilyFlag = "-4",
    port = 80,
  ): Promise<void> {
    // Several addresses would not do: curl rests for up to a second between them.
    const isName = !/^[\d.]+$|^\[/.test(host);
    const [first] = isName ? await this.dig(host, RECORDS[flag]) : [];
    const ip = first?.includes(":") ? `[${first}]` : first;
    const resolve = ip ? ["--resolve", `${host}:${port}:${ip}`] : [];
    const startedAt = performance.now();
    const { code, stderr } = await this.run(
      ...["curl", ...CURL, ...resolve, `http://${host}:${port}/`],
    );
    const tookS = (performance.now() - startedAt) / 1_000;
    assert.notEqual(code, 0, `${host} answered`);
    assert.ok(tookS < AT_ONCE_S, `took ${tookS.toFixed(1)} s: ${stderr}`);
  }

  /** Asks for a record and returns the data of the answers. */
  async dig(...query: readonly string[]): Promise<string[]> {
    const text = await this.must("dig", "+short", "+tries=2", ...query);
    return text.split("\n").filter((line) => line !== "");
  }

  /** Pings once and returns what came of it. */
  async ping(host: string, ...flags: string[]): Promise<PingResult> {
    const { code, stdout, stderr } = await this.run(
      ...["ping", "-n", "-c", "1", "-W", String(AT_ONCE_S), ...flags, host],
    );
    if (code === 0) return "answered";
    const isFiltered = /Packet filtered|Administratively prohibited/;
    if (isFiltered.test(stdout)) return "prohibited";
    const isUnreachable = /Net Unreachable|Address unreachable/i;
    if (isUnreachable.test(stdout)) return "unreachable";
    return /100% packet loss/.test(stdout) ? "silent" : `failed: ${stderr}`;
  }

  /** Pings until the result is `wanted`, and returns how long that took in ms. */
  async pingUntil(
    wanted: PingResult,
    host: string,
    limitMs: number,
  ): Promise<number> {
    const startedAt = performance.now();
    let last: PingResult = "silent";
    for (;;) {
      last = await this.ping(host);
      const tookMs = performance.now() - startedAt;
      if (last === wanted) return tookMs;
      if (tookMs > limitMs) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const logs = [this.client.tail(20), this.gateway.tail(20)].join("\n");
    throw new Error(`${host} is ${last}, not ${wanted}\n${logs}`);
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.capture[Symbol.asyncDispose]();
    await this.demo[Symbol.asyncDispose]();
  }
}

/** What became of a ping: who it was answered by, or that nobody did. */
export type PingResult =
  | "answered"
  | "prohibited"
  | "unreachable"
  | "silent"
  | `failed: ${string}`;

/** Fails on an HTTP error, and when there is no connection after 10 s. */
export const CURL = ["-sSf", "--connect-timeout", "10", "-m", "60"];

/** A flow that ended, as the gateway's flow log tells it: fields by name, `rx` and `tx` as the client sees them. */
export type CompletedFlow = Readonly<Record<string, string>>;

/** Waits until the gateway has told of `count` selected flows with payload that have ended, and returns them. */
export async function completedFlows(
  gateway: LabProcess,
  isSelected: (flow: CompletedFlow) => boolean,
  count: number,
): Promise<CompletedFlow[]> {
  const deadline = performance.now() + FLOW_MS;
  for (;;) {
    const flows = gateway.lines.filter((line) => /flow completed/.test(line))
      .map(fieldsOf)
      .filter(({ rx_bytes, tx_bytes }) => rx_bytes !== "0" || tx_bytes !== "0")
      .filter(isSelected);
    if (flows.length >= count) return flows;
    if (performance.now() > deadline) {
      throw new Error(
        `${flows.length} flows completed, not ${count}\n${gateway.tail()}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A flow whose ends have both finished is told of at once, others when their NAT entry goes. */
const FLOW_MS = 10_000;

function fieldsOf(line: string): CompletedFlow {
  const fields = line.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S+)/g);
  return Object.fromEntries(fields.map(([, name, value]) => [name, value]));
}

import type { Lab } from "../../scripts/lab/lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";

/** An interface of a box. */
export interface CapturePoint {
  readonly box: string;
  readonly device: string;
}

/** A capture ends by itself after this time in s, or this size in bytes, so that a forgotten one does no harm. */
const MAX_SECONDS = 600;
const MAX_BYTES = 200_000_000;

/** What tshark shall verify; some of it is off by default. */
const VERIFY = ["ip", "tcp", "udp"].flatMap((protocol) => [
  "-o",
  `${protocol}.check_checksum:TRUE`,
]);

/** tshark's word for a checksum that is wrong. */
const BAD = "0";

const READY_MS = 10_000;

const SCRIPT = new URL("./capture.py", import.meta.url).pathname;

interface Capture {
  readonly point: CapturePoint;
  readonly process: LabProcess;
  readonly path: string;
}

/** What one capture showed. */
export interface CaptureReport {
  readonly point: CapturePoint;
  /** How many IP packets passed. */
  readonly packets: number;
  /** Those with a wrong checksum, as tshark sums them up. */
  readonly bad: readonly string[];
}

/** Captures interfaces of a lab and finds packets with wrong checksums. */
export class ChecksumCapture implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #directory: string;
  readonly #captures: Capture[] = [];

  private constructor(lab: Lab, directory: string) {
    this.#lab = lab;
    this.#directory = directory;
  }

  /** Starts to capture, and waits until all captures run. */
  static async start(
    lab: Lab,
    points: readonly CapturePoint[],
  ): Promise<ChecksumCapture> {
    const directory = await Deno.makeTempDir({ prefix: "firezone-capture-" });
    const capture = new ChecksumCapture(lab, directory);
    try {
      await Promise.all(points.map((point) => capture.#begin(point)));
    } catch (error) {
      await capture[Symbol.asyncDispose]();
      throw error;
    }
    return capture;
  }

  /** Ends the captures and returns what they showed. */
  async finish(): Promise<CaptureReport[]> {
    await this.#stop();
    return Promise.all(this.#captures.map((it) => this.#read(it)));
  }

  /** Ends the captures and fails when one of them is empty or has a wrong checksum. */
  async expectOnlyValid(): Promise<void> {
    const reports = await this.finish();
    const problems = reports.flatMap(({ point, packets, bad }) => {
      const where = `${point.device} of ${point.box}`;
      if (packets === 0) return [`No packet on ${where}`];
      if (bad.length === 0) return [];
      return [`${bad.length} wrong checksums on ${where}:`, ...bad];
    });
    if (problems.length > 0) throw new Error(problems.join("\n"));
    for (const { point, packets } of reports) {
      console.log(`    ${point.box} ${point.device}: ${packets} packets valid`);
    }
  }

  /** Ends the captures and returns how many packets of one of them a display filter of Wireshark selects. */
  async count(point: CapturePoint, filter: string): Promise<number> {
    await this.#stop();
    const { box, device } = point;
    const path = `${this.#directory}/${box}-${device}.pcap`;
    return (await this.#tshark(path, "-Y", filter)).length;
  }

  /** Ends the captures and removes them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #begin(point: CapturePoint): Promise<void> {
    const { box, device } = point;
    const path = `${this.#directory}/${box}-${device}.pcap`;
    const process = this.#lab.spawn(box, `capture-${box}-${device}`, [
      ...["python3", SCRIPT, device, path],
      ...[MAX_SECONDS, MAX_BYTES].map(String),
    ]);
    this.#captures.push({ point, process, path });
    await process.waitFor(/^Capturing/, READY_MS);
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#captures.map(({ process }) => process.stop()));
  }

  async #read({ point, path }: Capture): Promise<CaptureReport> {
    const table = await this.#tshark(
      path,
      ...["-Y", "ip || ipv6", "-T", "fields", "-E", "occurrence=f"],
      ...FIELDS.flatMap((field) => ["-e", field]),
    );
    const rows = table.map((line) => line.split("\t"));
    const numbers = rows.filter(isBad).map(([number]) => number ?? "");
    const bad = numbers.length === 0 ? [] : await this.#tshark(
      path,
      ...["-Y", `frame.number in {${numbers.slice(0, SHOWN).join(",")}}`],
    );
    return { point, packets: rows.length, bad };
  }

  async #tshark(path: string, ...options: string[]): Promise<string[]> {
    const text = await this.#lab.must(
      ANYWHERE,
      ...["tshark", "-n", "-r", path, ...VERIFY, ...options],
    );
    return text.split("\n").filter((line) => line !== "");
  }
}

/** How many packets with wrong checksums are shown. */
const SHOWN = 20;

/** A box of every lab, for programs that need no network. */
const ANYWHERE = "gateway";

/** Of each the first occurrence counts: what an ICMP error quotes comes later, and was changed on its way. */
const FIELDS = [
  "frame.number",
  "tcp.checksum.ffff",
  "icmp.type",
  "icmpv6.type",
  "ip.checksum.status",
  "icmp.checksum.status",
  "icmpv6.checksum.status",
  "tcp.checksum.status",
  "udp.checksum.status",
];

/** tshark calls 0xFFFF wrong for TCP where a sum from scratch is 0. It verifies, and is what data-plane spec §13.2 wants. */
function isBad(row: readonly string[]): boolean {
  const [, otherZero = "", icmp = "", icmpv6 = "", ...statuses] = row;
  if (otherZero !== "") return false;
  const [ip, icmpStatus, icmpv6Status, ...transport] = statuses;
  const own = [ip, icmpStatus, icmpv6Status];
  const isIcmp = icmp !== "" || icmpv6 !== "";
  return (isIcmp ? own : [...own, ...transport]).includes(BAD);
}

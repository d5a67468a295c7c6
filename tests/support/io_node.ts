/**
 * Runs a pass-through data plane in a process of its own, so that it can live in a namespace.
 *
 * Takes its options as JSON, prints what happens line by line, prints a
 * snapshot on SIGUSR2, applies `reconfigured` on SIGHUP, breaks the core on
 * SIGINT and stops on SIGTERM.
 */
import { NO_LOG } from "../../lib/base/mod.ts";
import { DataPlane } from "../../lib/io/mod.ts";
import type {
  PassThroughMessage,
  PassThroughSettings,
} from "./io_pass_through.ts";

/** What the process is told. */
export interface IoNodeOptions {
  readonly settings: PassThroughSettings;
  readonly reconfigured?: PassThroughSettings;
  readonly tunName?: string;
  readonly port: number;
  /** Whether TUN device and sockets move many packets as one; all do unless told. */
  readonly tunOffload?: boolean;
  readonly udpOffload?: boolean;
  /** Whether checksums of packets from the TUN device are looked at; no unless told. */
  readonly validatesChecksums?: boolean;
  /** Send buffer of the sockets. */
  readonly sendBufferBytes?: number;
}

if (import.meta.main) {
  const options = JSON.parse(Deno.args[0] ?? "{}") as IoNodeOptions;
  try {
    await run(options);
  } catch (error) {
    report("refused", error);
    Deno.exit(1);
  }
}

async function run(options: IoNodeOptions): Promise<void> {
  const plane = await DataPlane.start<
    PassThroughSettings,
    PassThroughMessage,
    string
  >({
    role: "pass-through",
    settings: options.settings,
    tunName: options.tunName ?? "tun-firezone",
    tunOffload: options.tunOffload ?? true,
    validatesChecksums: options.validatesChecksums ?? false,
    udp: {
      port: options.port,
      orAny: true,
      mark: 0xfd002021,
      offload: options.udpOffload ?? true,
      sendBufferBytes: options.sendBufferBytes ?? 2 ** 21,
    },
    logThresholds: { fallback: "debug", targets: [] },
    log: () => ({
      ...NO_LOG,
      log: (level, message, fields) =>
        console.log(`log ${level} ${message} ${JSON.stringify(fields)}`),
    }),
    onEvent: (event) => console.log(`event ${event}`),
    onFailure: (error) => {
      report("failed", error);
      Deno.exit(1);
    },
    spawn: () =>
      new Worker(new URL("./io_worker.ts", import.meta.url), {
        type: "module",
      }),
  });
  Deno.addSignalListener("SIGUSR2", async () => {
    console.log(`snapshot ${JSON.stringify(await plane.snapshot(1_000))}`);
  });
  Deno.addSignalListener("SIGHUP", () => {
    const settings = options.reconfigured ?? options.settings;
    plane.send({ kind: "configure", settings });
  });
  Deno.addSignalListener("SIGINT", () => plane.send({ kind: "break" }));
  Deno.addSignalListener("SIGTERM", async () => {
    console.log(`ended ${await plane.stop(2_000) ? "cleanly" : "late"}`);
    Deno.exit(0);
  });
  console.log(`started ${JSON.stringify(plane.ports)}`);
}

function report(what: string, error: unknown): void {
  const { name, message } = error as Error;
  console.log(`${what} ${name}: ${message}`);
}

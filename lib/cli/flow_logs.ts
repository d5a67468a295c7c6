import { type IngestToken, type Logger, unixMs } from "../base/mod.ts";
import {
  FLOW_LOG_TARGET,
  flowJson,
  flowLine,
  type FlowReport,
  type UploadConfig,
} from "../flow_log/mod.ts";
import {
  Clock,
  FlowSpool,
  FlowUploader,
  LineFile,
  SYSTEM_RANDOM,
} from "../io/mod.ts";
import type { LogSink } from "./log_sink.ts";
import type { FlowLogSettings } from "./settings.ts";

/** Takes the lines about flows for machines. */
interface LineSink {
  write(line: string): void;
  reopen(): void;
  close(): Promise<void>;
}

/**
 * Brings what is told of flows to where it is wanted: the log, a file of
 * lines, and the spool that the portal's copy waits in.
 */
export class FlowLogs {
  readonly #log: Logger;
  readonly #lines: LineSink | undefined;
  readonly #spool: FlowSpool;
  readonly #uploader: FlowUploader;
  readonly #reopen = () => this.#lines?.reopen();
  #isConfigured = false;

  /** Starts to deliver what the last run left. */
  constructor({ file, spool }: FlowLogSettings, sink: LogSink) {
    const clock = new Clock();
    const log = sink.logger("flow_upload");
    this.#log = sink.logger(FLOW_LOG_TARGET);
    this.#lines = file === undefined ? undefined : lineSinkOf(file, sink, log);
    this.#spool = new FlowSpool(spool, log);
    this.#uploader = new FlowUploader({
      root: spool,
      log,
      random: SYSTEM_RANDOM,
      now: () => clock.now(),
      unixNow: () => unixMs(Date.now()),
    });
    Deno.addSignalListener("SIGHUP", this.#reopen);
    this.#uploader.start();
    this.#resume();
  }

  /** Puts the portal's upload settings in force, also for the next start. */
  configure(config: UploadConfig): void {
    this.#isConfigured = true;
    this.#spool.keepConfig(config);
    this.#uploader.configure(config);
  }

  /** Takes the token of an authorization, before anything is told of its flows. */
  handleToken(token: IngestToken): void {
    this.#spool.keepToken(token);
  }

  /** Takes reports. */
  handleReports(reports: readonly FlowReport[]): void {
    const isLogged = this.#log.enabled("trace");
    for (const report of reports) {
      if (isLogged) {
        const { message, fields } = flowLine(report);
        this.#log.log("trace", message, fields);
      }
      this.#lines?.write(flowJson(report));
      this.#spool.keepReport(report);
    }
  }

  /** Writes what waits. What is not delivered by then is delivered after the next start. */
  async stop(): Promise<void> {
    Deno.removeSignalListener("SIGHUP", this.#reopen);
    await Promise.all([
      this.#lines?.close(),
      this.#spool.close(),
      this.#uploader.stop(),
    ]);
  }

  /** The portal's word may come first. */
  async #resume(): Promise<void> {
    const config = await this.#spool.lastConfig();
    if (config && !this.#isConfigured) this.#uploader.configure(config);
  }
}

/** `-` stands for standard output. */
function lineSinkOf(file: string, sink: LogSink, log: Logger): LineSink {
  if (file !== "-") return new LineFile(file, log);
  return {
    write: (line) => sink.writeLine(line),
    reopen: () => {},
    close: () => Promise.resolve(),
  };
}

import type { Logger } from "../base/mod.ts";
import { checksumDefect, TransportView } from "../wire/mod.ts";

/** Warns of packets of this host with wrong checksums (operations spec §1.1). They go on as they are. */
export class ChecksumAudit {
  readonly #bytes: Uint8Array;
  readonly #log: Logger;
  readonly #view = new TransportView();

  /** Looks at packets that lie in `bytes`. */
  constructor(bytes: Uint8Array, log: Logger) {
    this.#bytes = bytes;
    this.#log = log;
  }

  /** Looks at one packet. */
  inspect(start: number, end: number): void {
    const checksum = checksumDefect(this.#view, this.#bytes, start, end);
    if (checksum === undefined) return;
    this.#log.log("warn", "Packet from this host has a wrong checksum", {
      checksum,
      length: end - start,
    });
  }
}

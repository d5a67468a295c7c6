/** Floods a gateway until SIGTERM, in a process of its own. Takes its options as JSON, prints when a tenth of a second's worth is sent, and at the end how much it was. */
import { fromBase64, NO_LOG } from "../../lib/base/mod.ts";
import { DataPlane, FIREZONE_MARK } from "../../lib/io/mod.ts";
import type { FloodKind, FloodSettings, FloodSnapshot } from "./flood_core.ts";

/** What the process is told. */
export interface FloodOptions {
  readonly kind: FloodKind;
  readonly target: string;
  readonly perSecond: number;
  /** In base64. */
  readonly publicKey: string;
}

const LOOK_AGAIN_MS = 10;

if (import.meta.main) {
  const options = JSON.parse(Deno.args[0] ?? "{}") as FloodOptions;
  const publicKey = fromBase64(options.publicKey) ?? new Uint8Array(32);
  const plane = await DataPlane.start<FloodSettings, never, never>({
    role: "flood",
    settings: { ...options, publicKey },
    udp: { port: 0, orAny: true, mark: FIREZONE_MARK },
    logThresholds: { fallback: "error", targets: [] },
    log: () => NO_LOG,
    onEvent: () => {},
    onFailure: (error) => {
      console.log(`Flood failed: ${error.message}`);
      Deno.exit(1);
    },
    spawn: () =>
      new Worker(new URL("./swarm_worker.ts", import.meta.url), {
        type: "module",
      }),
  });
  const sent = async () => {
    const { core } = await plane.snapshot(2_000);
    return (core as FloodSnapshot).sent;
  };
  while (await sent() < options.perSecond / 10) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  console.log("Flooding");
  Deno.addSignalListener("SIGTERM", async () => {
    console.log(JSON.stringify({ sent: await sent() }));
    await plane.stop(2_000);
    Deno.exit(0);
  });
}

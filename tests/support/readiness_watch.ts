import type { Lab } from "../../scripts/lab/lab.ts";
import type { LabProcess } from "../../scripts/lab/lab_process.ts";

/** Time between two questions, in ms. */
const INTERVAL_MS = 50;

/** Asks a gateway again and again whether it is ready, from its own host, and keeps what it said when. */
export class ReadinessWatch {
  readonly #loop: LabProcess;

  /** Starts to ask the gateway in a box of the lab. */
  constructor(lab: Lab, box: string) {
    const ask =
      "curl -s -o /dev/null -m 3 -w '%{http_code}' http://127.0.0.1:8080/readyz";
    const loop = `while true; do now=$(date +%s%3N); ` +
      `echo "$now $(${ask})"; sleep ${INTERVAL_MS / 1_000}; done`;
    this.#loop = lab.spawn(box, "readyz", ["bash", "-c", loop]);
  }

  /** Waits for the first answer with this status to a question after `since`, in Unix ms, and returns how long that took, in ms. 000: nobody answers. */
  async tookUntil(
    status: "200" | "503" | "000",
    since: number,
    limitMs: number,
  ): Promise<number> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const answer = this.#answers().find((it) =>
        it.at >= since && it.status === status
      );
      if (answer) return answer.at - since;
      if (Date.now() > deadline) {
        throw new Error(
          `/readyz did not answer ${status} within ${limitMs} ms\n${this.#loop.tail()}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }

  #answers(): { readonly at: number; readonly status: string }[] {
    return this.#loop.lines.map((line) => {
      const [at = "", status = ""] = line.split(" ");
      return { at: Number(at), status };
    });
  }
}

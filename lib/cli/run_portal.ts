import { formatSocketAddress } from "../base/mod.ts";
import { parsePolicy, type Policy } from "../control/mod.ts";
import { Clock, PortalServer, SYSTEM_RANDOM } from "../io/mod.ts";
import { EXIT_FAILED, EXIT_STOPPED } from "./exit_code.ts";
import type { Process } from "./node_runner.ts";
import type { PortalServerSettings } from "./settings.ts";

/** Serves a portal from a policy file until asked to stop, and returns the exit code. */
export async function runPortal(
  { policyPath, listen }: PortalServerSettings,
  { sink, complain, stopRequested, crashed }: Process,
): Promise<number> {
  const log = sink.logger("portal");
  const policy = readPolicy(policyPath, complain);
  if (!policy) return EXIT_FAILED;
  let server: PortalServer;
  try {
    const clock = new Clock();
    server = await PortalServer.listen({
      listen,
      policy,
      clock,
      random: SYSTEM_RANDOM,
      log,
    });
  } catch (error) {
    const where = listen.map(formatSocketAddress).join(", ");
    complain(
      `Cannot serve on ${where}: ${
        error instanceof Error ? error.message : error
      }; ` +
        "choose another address with --listen",
    );
    return EXIT_FAILED;
  }
  for (const address of server.addresses) {
    log.log("info", "Serving", { url: `ws://${formatSocketAddress(address)}` });
  }
  Deno.addSignalListener("SIGHUP", () => {
    const fresh = readPolicy(policyPath, complain);
    if (!fresh) return;
    server.setPolicy(fresh);
    log.log("info", "Policy file read again");
  });

  const outcome = await Promise.race([
    stopRequested.then((signal) => ({ signal })),
    crashed.then((sentence) => ({ sentence })),
  ]);
  if ("signal" in outcome) log.log("info", "Stopping", outcome);
  else complain(outcome.sentence);
  await server.close();
  return "signal" in outcome ? EXIT_STOPPED : EXIT_FAILED;
}

/** Reads the policy file, or says what is wrong with it. */
function readPolicy(
  path: string,
  complain: (sentence: string) => void,
): Policy | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    complain(
      `Cannot read the policy file ${path}: ${
        error instanceof Error ? error.message : error
      }`,
    );
    return undefined;
  }
  const policy = parsePolicy(text);
  if (policy.ok) return policy.value;
  for (const problem of policy.error) {
    complain(`Cannot use the policy file ${path}: ${problem}`);
  }
  return undefined;
}

/**
 * Shows the whole product at work in under a minute: builds two NATed sites and
 * an internet in network namespaces, starts portal, relay, gateway and client,
 * reaches a web server through the tunnel, by address and by name, and prints
 * what happened.
 *
 * Usage: deno task demo            (as root)
 *        deno task demo PROGRAM    (the compiled binary instead of the source)
 */
import { NAMES } from "./lab/dns_server.ts";
import { FirezoneLab, PROGRAM_FROM_SOURCE } from "./lab/firezone_lab.ts";
import type { LabProcess } from "./lab/lab_process.ts";
import { SITES } from "./lab/sites.ts";

const DOWNLOAD_BYTES = 200_000_000;
const CONNECT_MS = 15_000;

const startedAt = performance.now();
const program = Deno.args.length > 0 ? Deno.args : PROGRAM_FROM_SOURCE;
const interrupted = Promise.withResolvers<never>();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(
    signal,
    () => interrupted.reject(new Error("Interrupted")),
  );
}

if (Deno.uid() !== 0) {
  console.error(
    "Cannot build network namespaces: run the demo as root, such as by sudo",
  );
  Deno.exit(1);
}
const demo = new FirezoneLab("fzdemo", program);
let code = 0;
try {
  await Promise.race([show(demo), interrupted.promise]);
} catch (error) {
  console.error(
    `\nThe demo failed: ${error instanceof Error ? error.message : error}`,
  );
  code = 1;
} finally {
  say("Cleaning up");
  await demo[Symbol.asyncDispose]();
}
say(code === 0 ? "Done, nothing left behind" : "Nothing left behind");
Deno.exit(code);

async function show(demo: FirezoneLab): Promise<void> {
  say(
    "Building two sites behind NAT routers, an internet, and servers and a resolver behind the gateway",
  );
  await demo.build();
  say("Starting the portal");
  await demo.startPortal();
  say("Starting the relay");
  await demo.startRelay();
  say("Starting the gateway");
  const gateway = await demo.startGateway();
  say("Starting the client");
  const client = await demo.startClient();
  say(`Pinging ${SITES.web} through the tunnel`);
  const firstPingMs = await firstPing(demo, client, gateway);
  const ping = await demo.lab.must(
    "client",
    "ping",
    "-c",
    "10",
    "-i",
    "0.05",
    "-q",
    SITES.web,
  );
  const ping6 = await demo.lab.must(
    "client",
    "ping",
    "-c",
    "3",
    "-i",
    "0.1",
    "-q",
    SITES.webIpv6,
  );
  say(`Fetching http://${SITES.web}/`);
  const greeting = await demo.lab.must(
    "client",
    "curl",
    "-sS",
    "-m",
    "10",
    `http://${SITES.web}/`,
  );
  say(`Fetching http://${NAMES.app}/`);
  const named = await showName(demo, NAMES.app);
  say(`Downloading ${DOWNLOAD_BYTES / 1e6} MB`);
  const speed = await demo.lab.must(
    "client",
    ...[
      "curl",
      "-sS",
      "-m",
      "30",
      "-o",
      "/dev/null",
      "-w",
      "%{speed_download}",
    ],
    `http://${SITES.web}/bytes/${DOWNLOAD_BYTES}`,
  );
  const established = await client.waitFor(/Connection established/, 1_000);
  const paths = client.lines.filter((line) =>
    /Connection (?:established|moved)/.test(line)
  );

  console.log(`
What happened
  path            ${paths.map((line) => fieldOf(line, "path")).join(", then ")}
  handshake       ${
    fieldOf(established, "tookMs")
  } ms from the request to an established connection
  first ping      answered after ${
    firstPingMs.toFixed(0)
  } ms, connection set-up included
  round trip      ${roundTrip(ping)} (IPv4), ${roundTrip(ping6)} (IPv6)
  resource said   ${greeting.trim()}
  ${named}
  download        ${(Number(speed) * 8 / 1e6).toFixed(0)} Mbit/s
`);
}

/** Reaches a server by a name that only the gateway can resolve, and tells which address stands for which. */
async function showName({ lab }: FirezoneLab, name: string): Promise<string> {
  const dig = ["dig", "+short", name];
  const [proxy = "?"] = (await lab.must("client", ...dig)).split("\n");
  const real = (await lab.must("gateway", ...dig)).trim();
  const curl = ["curl", "-sSf", "-m", "10", `http://${name}/`];
  await lab.must("client", ...curl);
  return `${name}    is ${proxy} at the client and ${real} behind the gateway`;
}

async function firstPing(
  demo: FirezoneLab,
  ...witnesses: readonly LabProcess[]
): Promise<number> {
  const begin = performance.now();
  const { code } = await demo.lab.run(
    "client",
    ...["ping", "-c", "1", "-W", String(CONNECT_MS / 1000), SITES.web],
  );
  if (code === 0) return performance.now() - begin;
  const logs = witnesses.map((it) => it.tail()).join("\n");
  throw new Error(
    `no answer from ${SITES.web} within ${CONNECT_MS} ms\n${logs}`,
  );
}

function roundTrip(ping: string): string {
  const [, average] = /= [\d.]+\/([\d.]+)\//.exec(ping) ?? [];
  return `${average ?? "?"} ms`;
}

function fieldOf(line: string, name: string): string {
  return new RegExp(`${name}="?([^" ]+)`).exec(line)?.[1] ?? "?";
}

function say(text: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(
    5,
  );
  console.log(`[${seconds} s] ${text}`);
}

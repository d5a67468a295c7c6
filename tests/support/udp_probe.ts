/**
 * Finds out how the NAT between here and an echo server behaves, by UDP.
 *
 * Usage: udp_probe.ts serve ADDR:PORT...     answers from the socket that a datagram names
 *        udp_probe.ts probe ADDR:PORT...     prints a `NatReport` as one line of JSON
 *
 * The probe takes three sockets of the server: one to talk to, another port of
 * the same address, and another address.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";

/** What a probe sees. */
export interface NatReport {
  /** Which of the server's sockets got an answer through, after the first was sent to. */
  readonly admitted: readonly boolean[];
  /** As what each of them saw the same socket of ours. */
  readonly seenAs: readonly string[];
  /** As what another socket of ours was seen by that one, through the outside address; `null` if it did not get there. */
  readonly hairpinSource: string | null;
}

/** How long an answer is waited for, in ms. The lab's links have no delay. */
const ANSWER_MS = 250;

const PROBE_PORT = 6_000;

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

if (import.meta.main) {
  const [mode, ...targets] = Deno.args;
  const endpoints = targets.map(endpointOf);
  if (mode === "serve") await serve(endpoints);
  else {
    console.log(JSON.stringify(await probe(endpoints)));
    Deno.exit(0);
  }
}

async function serve(endpoints: readonly Endpoint[]): Promise<void> {
  const sockets = new Map<string, Socket>();
  for (const endpoint of endpoints) {
    const socket = await open(endpoint);
    sockets.set(textOf(endpoint), socket);
    socket.on("message", (request: Uint8Array, source: Endpoint) => {
      const answerer = sockets.get(new TextDecoder().decode(request));
      answerer?.send(textOf(source), source.port, source.address);
    });
  }
  console.log("Listening");
}

async function probe(endpoints: readonly Endpoint[]): Promise<NatReport> {
  const [first] = endpoints;
  if (!first) throw new Error("Cannot probe without a server");
  const any = isIPv6(first.address) ? "::" : "0.0.0.0";
  const socket = await open({ address: any, port: PROBE_PORT });
  const answers = inboxOf(socket);

  const admitted: boolean[] = [];
  for (const answerer of endpoints) {
    socket.send(textOf(answerer), first.port, first.address);
    admitted.push(await answers.from(answerer) !== undefined);
  }
  const seenAs: string[] = [];
  for (const target of endpoints) {
    socket.send(textOf(target), target.port, target.address);
    seenAs.push(await answers.from(target) ?? "");
  }

  const other = await open({ address: any, port: PROBE_PORT + 1 });
  const outside = endpointOf(seenAs[0] ?? "");
  other.send("hairpin", outside.port, outside.address);
  const hairpinSource = await answers.sourceOf("hairpin") ?? null;
  return { admitted, seenAs, hairpinSource };
}

/** What a socket has received. */
function inboxOf(socket: Socket): {
  from: (sender: Endpoint) => Promise<string | undefined>;
  sourceOf: (text: string) => Promise<string | undefined>;
} {
  let received: { text: string; source: string }[] = [];
  let wake = () => {};
  socket.on("message", (bytes: Uint8Array, source: Endpoint) => {
    const text = new TextDecoder().decode(bytes);
    received.push({ text, source: textOf(source) });
    wake();
  });
  const next = async (
    matches: (it: { text: string; source: string }) => boolean,
  ) => {
    const deadline = performance.now() + ANSWER_MS;
    for (;;) {
      const found = received.find(matches);
      const leftMs = deadline - performance.now();
      if (found || leftMs <= 0) {
        received = received.filter((it) => it !== found);
        return found;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  return {
    from: async (sender) =>
      (await next(({ source }) => source === textOf(sender)))?.text,
    sourceOf: async (text) => (await next((it) => it.text === text))?.source,
  };
}

async function open({ address, port }: Endpoint): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  socket.bind(port, address);
  await once(socket, "listening");
  return socket;
}

function endpointOf(text: string): Endpoint {
  const at = text.lastIndexOf(":");
  const address = text.slice(0, at).replace(/^\[|\]$/g, "");
  return { address, port: Number(text.slice(at + 1)) };
}

function textOf({ address, port }: Endpoint): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

import {
  type Datagram,
  equalSocketAddresses,
  type IpFamily,
  NO_LOG,
  parseIp,
  type SocketAddress,
  unixMs,
} from "../../lib/base/mod.ts";
import { RelayServer } from "../../lib/relay/mod.ts";
import { formatRelayUsername, relayPassword } from "../../lib/stun/mod.ts";
import { freePort, LoopbackSocket, realNow } from "./udp_shell.ts";

const STAMP_SECRET =
  "4c98bf59c99b3e467ecd7cf9d6b3e5279645fca59be67bc5bb4af3cf653761ab";

/** Below the ports that the kernel gives to sockets without one: those of the very clients under test would be taken. */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 29_999;

const HOSTS: Readonly<Record<IpFamily, string>> = { 4: "127.0.0.1", 6: "::1" };

type Sockets = readonly LoopbackSocket[];

/** A `RelayServer` with real clock and sockets, on 127.0.0.1 and perhaps on ::1. */
export class RelayShell {
  readonly server: RelayServer;
  readonly #families: readonly IpFamily[];
  #main: Sockets = [];
  readonly #allocated = new Map<number, Promise<Sockets>>();
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(port: number, families: readonly IpFamily[]) {
    this.#families = families;
    this.server = new RelayServer({
      stampSecret: STAMP_SECRET,
      publicIpv4: parseIp(HOSTS[4]),
      publicIpv6: families.includes(6) ? parseIp(HOSTS[6]) : undefined,
      port,
      lowestPort: LOWEST_PORT,
      highestPort: HIGHEST_PORT,
      epoch: { instant: realNow(), unix: unixMs(Date.now()) },
      random: { fill: (bytes) => void crypto.getRandomValues(bytes) },
      log: NO_LOG,
    });
  }

  static async start(
    families: readonly IpFamily[] = [4],
  ): Promise<RelayShell> {
    const port = await freePort();
    const shell = new RelayShell(port, families);
    shell.#main = await shell.#open(port);
    shell.#timer = setInterval(() => {
      shell.server.handleTimeout(realNow());
      shell.#drain();
    }, 20);
    return shell;
  }

  /** Where clients talk to it over IPv4. */
  get address(): SocketAddress {
    return this.#main[0]!.address;
  }

  /** What the relay has counted. */
  get counters(): ReturnType<RelayServer["snapshot"]>["counters"] {
    return this.server.snapshot().counters;
  }

  /** Returns credentials that the relay accepts. */
  credentials(salt: string): { username: string; password: string } {
    const user = { expiresAtUnixSeconds: 2_145_916_800, salt };
    return {
      username: formatRelayUsername(user),
      password: relayPassword(STAMP_SECRET, user),
    };
  }

  #open(port: number): Promise<Sockets> {
    return Promise.all(this.#families.map(async (family) => {
      const socket: LoopbackSocket = await LoopbackSocket.open(
        port,
        (bytes, from) => this.#receive(bytes, from, socket.address),
        HOSTS[family],
      );
      return socket;
    }));
  }

  #receive(
    bytes: Uint8Array,
    source: SocketAddress,
    local: SocketAddress,
  ): void {
    const room = new Uint8Array(2_048);
    this.server.handleDatagram(datagramOf(bytes, source, local), realNow(), {
      bytes: room,
      reserve: () => 0,
      commit: (length, _source, port, destination) =>
        this.#send(port, room.slice(0, length), destination),
    });
    this.#drain();
  }

  #drain(): void {
    const { server } = this;
    for (let e = server.pollEvent(); e; e = server.pollEvent()) {
      if (e.kind === "open-port") {
        this.#allocated.set(e.port, this.#open(e.port));
      } else {
        this.#allocated.get(e.port)?.then(closeAll);
        this.#allocated.delete(e.port);
      }
    }
    for (let t = server.pollTransmit(); t; t = server.pollTransmit()) {
      this.#send(t.localPort, t.payload, t.destination);
    }
  }

  #send(
    localPort: number,
    payload: Uint8Array,
    destination: SocketAddress,
  ): void {
    const send = (sockets: Sockets) =>
      sockets.find(({ address }) => address.ip.family === destination.ip.family)
        ?.send(payload, destination);
    if (localPort === 0) send(this.#main);
    else this.#allocated.get(localPort)?.then(send);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const allocated = [...this.#allocated.values()];
    this.server.stop();
    this.#drain();
    await Promise.all(allocated);
    await closeAll(this.#main);
  }
}

async function closeAll(sockets: Sockets): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()));
}

function datagramOf(
  bytes: Uint8Array,
  source: SocketAddress,
  local: SocketAddress,
): Datagram {
  return {
    bytes,
    start: 0,
    end: bytes.length,
    sourcePort: source.port,
    localPort: local.port,
    ecn: 0,
    isFrom: (address) => equalSocketAddresses(source, address),
    isTo: (address) => equalSocketAddresses(local, address),
    copySourceIp: (target) => {
      target.set(source.ip.bytes);
      return source.ip.family;
    },
    source: () => source,
    local: () => local,
  };
}

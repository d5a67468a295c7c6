import { equalIps, type IpAddress, type IpFamily } from "../base/mod.ts";
import { libc } from "./libc.ts";
import {
  readSockaddr,
  SOCKADDR_ROOM_BYTES,
  writeSockaddr,
} from "./sockaddr.ts";
import {
  closeUdpSocket,
  openUdpSocket,
  type UdpOptions,
  type UdpSocket,
} from "./udp_socket.ts";

/** How often the routing table is asked, in ms. Our own choice: a fraction of what reconnecting takes. */
const INTERVAL_MS = 1_000;

/** Any port will do: nothing is sent. */
const DISCARD_PORT = 9;

/** What is watched, and who is told. */
export interface NetworkWatchOptions {
  /** Returns an address outside to look towards; `undefined` while none is known. */
  readonly target: () => IpAddress | undefined;
  /** How the sockets are made whose addresses matter. */
  readonly udp: UdpOptions;
  /** Called when packets leave from another address of ours than before. */
  readonly onChange: (address: IpAddress) => void;
}

/**
 * Watches which of our addresses packets to the outside leave from.
 *
 * Addresses that come and go beside that one, such as those of containers, do
 * not matter. A network that goes away and comes back the same does not either.
 */
export class NetworkWatch {
  readonly #options: NetworkWatchOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #address: IpAddress | undefined;

  /** Starts to watch. */
  constructor(options: NetworkWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS);
  }

  /** Ends it. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Takes the present address for granted: whoever would be told knows. */
  acknowledge(): void {
    this.#address = this.#present() ?? this.#address;
  }

  #look(): void {
    const address = this.#present();
    if (!address) return;
    const known = this.#address;
    this.#address = address;
    const isOther = known !== undefined &&
      known.family === address.family && !equalIps(known, address);
    if (isOther) this.#options.onChange(address);
  }

  #present(): IpAddress | undefined {
    const { target, udp } = this.#options;
    const remote = target();
    return remote && localAddressTowards(remote, udp);
  }
}

/** Returns the address of ours that packets to `remote` leave from, or `undefined` without a route. Sends nothing. */
export function localAddressTowards(
  remote: IpAddress,
  udp: UdpOptions,
): IpAddress | undefined {
  const { family } = remote;
  const socket = probeSocket(family, udp);
  if (!socket) return undefined;
  const name = new Uint8Array(SOCKADDR_ROOM_BYTES);
  const length = writeSockaddr(name, 0, { ip: remote, port: DISCARD_PORT });
  const room = new Uint32Array([SOCKADDR_ROOM_BYTES]);
  const isRouted = libc().connect(socket.fd, name, length) === 0 &&
    libc().getsockname(socket.fd, name, room) === 0;
  closeUdpSocket(socket);
  return isRouted ? readSockaddr(name, 0).ip : undefined;
}

/** A socket that is routed as the main ones are, with the least buffers. */
function probeSocket(
  family: IpFamily,
  { mark }: UdpOptions,
): UdpSocket | undefined {
  try {
    return openUdpSocket(family, 0, {
      ...(mark === undefined ? {} : { mark }),
      receiveBufferBytes: 0,
      sendBufferBytes: 0,
    });
  } catch {
    return undefined; // The family is not to be had, or the process has no descriptor left.
  }
}

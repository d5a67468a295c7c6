import {
  type Datagram,
  type Ecn,
  equalSocketAddresses,
  parseSocketAddress,
  type SocketAddress,
} from "../../lib/base/mod.ts";

/** Builds a `Datagram` from text addresses such as `192.0.2.1:3478`. */
export function datagramOf(
  source: string,
  local: string,
  payload: Uint8Array,
  ecn: Ecn = 0,
): Datagram {
  const from = addressOf(source);
  const to = addressOf(local);
  return {
    bytes: payload,
    start: 0,
    end: payload.length,
    sourcePort: from.port,
    localPort: to.port,
    ecn,
    isFrom: (address) => equalSocketAddresses(from, address),
    isTo: (address) => equalSocketAddresses(to, address),
    copySourceIp: (target) => {
      target.set(from.ip.bytes);
      return from.ip.family;
    },
    source: () => from,
    local: () => to,
  };
}

/** Reads a socket address that the test wrote down, so it must be valid. */
export function addressOf(text: string): SocketAddress {
  const address = parseSocketAddress(text);
  if (!address) throw new Error(`Not a socket address: ${text}`);
  return address;
}

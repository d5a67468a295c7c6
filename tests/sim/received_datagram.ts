import { type Datagram, equalSocketAddresses } from "../../lib/base/mod.ts";
import type { SimDatagram } from "./world.ts";

/** Puts a datagram into the memory of a host, as a socket would. */
export function receivedDatagram(
  { source, destination, payload, ecn }: SimDatagram,
  bytes: Uint8Array,
  start: number,
): Datagram {
  bytes.set(payload, start);
  return {
    bytes,
    start,
    end: start + payload.length,
    sourcePort: source.port,
    localPort: destination.port,
    ecn,
    isFrom: (address) => equalSocketAddresses(source, address),
    isTo: (address) => equalSocketAddresses(destination, address),
    copySourceIp: (target) => {
      target.set(source.ip.bytes);
      return source.ip.family;
    },
    source: () => source,
    local: () => destination,
  };
}

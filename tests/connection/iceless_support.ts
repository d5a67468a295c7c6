import { Site } from "../sim/site.ts";
import type { SimDatagram } from "../sim/world.ts";

/** A site whose connections do without ICE, with relays announced. */
export function icelessSite(
  options: ConstructorParameters<typeof Site>[0] = {},
): Site {
  const site = new Site({ ...options, useIceless: true });
  site.announceRelays();
  return site;
}

/** A site without ICE whose client and gateway are connected. */
export function connectedIcelessSite(
  options: ConstructorParameters<typeof Site>[0] = {},
): Site {
  const site = new Site({ ...options, useIceless: true });
  if (site.connect() === undefined) throw new Error("No connection came about");
  site.world.advance(2_000);
  return site;
}

/** The message in a datagram, without the framing of a relay. */
export function messageOf({ payload }: SimDatagram): Uint8Array {
  const isChannelData = (payload[0] ?? 0) >>> 4 === 4;
  return isChannelData ? payload.subarray(4) : payload;
}

export function isInitiation(datagram: SimDatagram): boolean {
  const message = messageOf(datagram);
  return message.length === 148 && message[0] === 1;
}

export function isResponse(datagram: SimDatagram): boolean {
  const message = messageOf(datagram);
  return message.length === 92 && message[0] === 2;
}

/** A probe: 48 bytes inside, 32 around. */
export function isProbe(datagram: SimDatagram): boolean {
  const message = messageOf(datagram);
  return message.length === 80 && message[0] === 4;
}

/** Whether a datagram is STUN between peers, which relays never see: a check has a USERNAME and is not for port 3478. */
export function isPeerStun(
  { destination, source, payload }: SimDatagram,
): boolean {
  const isRelay = destination.port === 3478 || source.port === 3478;
  return !isRelay && payload.length >= 20 && payload[4] === 0x21 &&
    payload[5] === 0x12;
}

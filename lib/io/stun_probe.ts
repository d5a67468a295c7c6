import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { formatIp, type SocketAddress, toHex } from "../base/mod.ts";
import { newTransactionId } from "../stun/mod.ts";
import { encodeStun, STUN_METHOD, StunView } from "../wire/mod.ts";
import { SYSTEM_RANDOM } from "./clock.ts";

/** RFC 8489 §6.2.1. */
const RETRANSMIT_MS = 500;

/** A message without attributes, and the header of one attribute. */
const HEADER_BYTES = 20;
const ATTRIBUTE_HEADER_BYTES = 4;

/** Longest SOFTWARE, RFC 8489 §14.14, as a multiple of four. */
const SOFTWARE_LIMIT_BYTES = 760;

/** A question to STUN servers of one address family. */
export interface StunQuestion {
  /** Who is asked. */
  readonly servers: readonly SocketAddress[];
  /** Length that the requests are brought to, if they shall be long. A multiple of four. */
  readonly lengthBytes?: number;
  /** Longest wait for answers, in ms. */
  readonly limitMs: number;
}

/** Asks servers from one socket under which address they see it; `undefined` for those that do not answer. */
export async function askStun(
  { servers, lengthBytes = HEADER_BYTES, limitMs }: StunQuestion,
): Promise<readonly (SocketAddress | undefined)[]> {
  const [first] = servers;
  if (!first) return [];
  const socket = createSocket(first.ip.family === 4 ? "udp4" : "udp6");
  const { promise: allAnswered, resolve } = Promise.withResolvers<void>();
  const requests = servers.map(() => requestOf(lengthBytes));
  const answers: (SocketAddress | undefined)[] = servers.map(() => undefined);
  const view = new StunView();
  socket.on("message", (bytes) => {
    if (!view.attach(bytes, 0, bytes.length) || view.class !== "success") {
      return;
    }
    const id = toHex(view.transactionId());
    const at = requests.findIndex((it) => it.id === id);
    if (at >= 0) answers[at] = view.xorMapped();
    if (answers.every((it) => it !== undefined)) resolve();
  });
  socket.on("error", () => resolve());
  const send = () =>
    requests.forEach(({ bytes }, i) => {
      const server = servers[i];
      if (server && !answers[i]) sendTo(socket, bytes, server);
    });
  const again = setInterval(send, RETRANSMIT_MS);
  const end = setTimeout(resolve, limitMs);
  send();
  await allAnswered;
  clearInterval(again);
  clearTimeout(end);
  socket.close();
  return answers;
}

/** Tells whether a UDP port is free for us on all addresses of a family. Takes it for a moment. */
export async function isUdpPortFree(
  port: number,
  family: 4 | 6,
): Promise<boolean> {
  const socket = family === 4
    ? createSocket("udp4")
    : createSocket({ type: "udp6", ipv6Only: true });
  try {
    socket.bind(port);
    await once(socket, "listening");
    socket.close();
    return true;
  } catch {
    return false;
  }
}

/** What cannot be sent is not answered either. */
function sendTo(
  socket: Socket,
  bytes: Uint8Array,
  { ip, port }: SocketAddress,
): void {
  socket.send(bytes, port, formatIp(ip), () => {});
}

function requestOf(
  lengthBytes: number,
): { readonly id: string; readonly bytes: Uint8Array } {
  const transactionId = newTransactionId(SYSTEM_RANDOM);
  const attributes: { kind: "software"; text: string }[] = [];
  let left = lengthBytes - HEADER_BYTES;
  while (left > ATTRIBUTE_HEADER_BYTES) {
    const length = Math.min(
      left - ATTRIBUTE_HEADER_BYTES,
      SOFTWARE_LIMIT_BYTES,
    );
    attributes.push({ kind: "software", text: "x".repeat(length) });
    left -= ATTRIBUTE_HEADER_BYTES + length;
  }
  const bytes = encodeStun({
    class: "request",
    method: STUN_METHOD.binding,
    transactionId,
    attributes,
  });
  return { id: toHex(transactionId), bytes };
}

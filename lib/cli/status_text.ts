import type { DropCount, GatewayStatus } from "../status/mod.ts";
import {
  formatBytes,
  formatDuration,
  formatMilliseconds,
} from "./quantities.ts";

type Peer = GatewayStatus["peers"][number];
type Authorization = Peer["authorizations"][number];

/** Longest line. */
const WIDTH = 100;
const LABEL_WIDTH = 11;

/** Reasons for drops that are shown. */
const SHOWN_DROPS = 5;

/** Width of each column of the table of clients; the last takes what is left. */
const COLUMNS = [36, 19, 7, 8, 9, 8, 7] as const;
const HEADINGS: readonly string[] = [
  ...["CLIENT", "USER", "PATH", "RTT", "HANDSHAKE", "RECEIVED", "SENT"],
];

/** Renders a status for people, in lines of at most 100 columns. */
export function renderStatus(status: GatewayStatus): string {
  const { peers } = status;
  const lines = [
    ...overview(status),
    "",
    ...(peers.length === 0
      ? ["No clients"]
      : [row(HEADINGS), ...peers.flatMap((peer) => describePeer(peer))]),
  ];
  return lines.map((line) => cut(line, WIDTH).trimEnd()).join("\n");
}

function overview(status: GatewayStatus): string[] {
  const { version, uptimeMs, readiness, drain, now } = status;
  const missing = readiness.checks.filter(({ ok }) => !ok)
    .map(({ name, detail }) => `${name} ${detail}`);
  const state = readiness.ready ? "ready" : `not ready: ${missing.join(", ")}`;
  const lines = [
    labelled("Gateway", `${version}, up ${formatDuration(uptimeMs)}, ${state}`),
    labelled("Portal", describePortal(status)),
    labelled("Interface", describeInterface(status)),
    ...describeRelays(status),
    labelled("Load", describeLoad(status)),
    labelled("Traffic", describeTraffic(status)),
    ...describeDrops(status.drops),
  ];
  if (drain) {
    const leftMs = Math.max(0, drain.until - now);
    lines.push(
      labelled(
        "Drain",
        `${drain.clientsLeft} clients left, at most ${formatDuration(leftMs)}`,
      ),
    );
  }
  return lines;
}

function describePortal({ portal, now }: GatewayStatus): string {
  const { joined, since, joins, lastFailure } = portal;
  const state = joined ? "joined" : "not joined";
  const failure = !joined && lastFailure ? `: ${printable(lastFailure)}` : "";
  return `${state} since ${
    formatDuration(now - since)
  } (joins: ${joins})${failure}`;
}

function describeInterface(status: GatewayStatus): string {
  const { name, state, addresses } = status.interface;
  return [`${name} ${state}`, ...addresses].join(", ");
}

function describeRelays({ relays }: GatewayStatus): string[] {
  if (relays.length === 0) return [labelled("Relays", "none")];
  return relays.map(({ id, addresses, state, roundTripMs }, i) =>
    labelled(
      i === 0 ? "Relays" : "",
      `${id} ${addresses[0] ?? ""} ${state} ${formatMilliseconds(roundTripMs)}`,
    )
  );
}

function describeLoad({ load }: GatewayStatus): string {
  const { saturation, cpuShare, residentBytes, socketQueueBytes } = load;
  return [
    `saturation ${Math.round(saturation * 100)} %`,
    `${cpuShare.toFixed(2)} processors`,
    `memory ${formatBytes(residentBytes)}`,
    `socket queue ${formatBytes(socketQueueBytes)}`,
  ].join(", ");
}

function describeTraffic({ traffic }: GatewayStatus): string {
  const { packetsReceived, bytesReceived, packetsSent, bytesSent } = traffic;
  return `from clients ${
    formatBytes(bytesReceived)
  } in ${packetsReceived} packets, ` +
    `to clients ${formatBytes(bytesSent)} in ${packetsSent} packets`;
}

function describeDrops(drops: readonly DropCount[]): string[] {
  const shown = drops.slice(0, SHOWN_DROPS).map((
    { source, reason, count },
    i,
  ) => labelled(i === 0 ? "Drops" : "", `${count} ${source} ${reason}`));
  const others = drops.slice(SHOWN_DROPS);
  if (others.length === 0) return shown;
  const count = others.reduce((sum, it) => sum + it.count, 0);
  return [
    ...shown,
    labelled("", `${count} for ${others.length} other reasons (--json)`),
  ];
}

function describePeer(peer: Peer): string[] {
  const { client, user, connection, authorizations, lastDrop, drops } = peer;
  const lines = [row([
    client,
    printable(user ?? "-"),
    connection?.path ?? connection?.stage ?? "-",
    formatMilliseconds(connection?.roundTripMs ?? null),
    describeHandshake(connection?.handshakeAgeMs ?? null),
    formatBytes(connection?.traffic.bytesReceived ?? 0),
    formatBytes(connection?.traffic.bytesSent ?? 0),
  ])];
  if (connection?.remote) {
    const relay = connection.relay ? ` by relay ${connection.relay}` : "";
    lines.push(`  at ${connection.remote}${relay}`);
  }
  lines.push(...authorizations.map(describeAuthorization));
  if (lastDrop) {
    lines.push(
      `  last drop ${
        formatDuration(lastDrop.ageMs)
      } ago: ${lastDrop.reason}, ` +
        `from the ${lastDrop.from} (${drops} in all)`,
    );
  }
  return lines;
}

function describeHandshake(ageMs: number | null): string {
  return ageMs === null ? "-" : formatDuration(ageMs);
}

function describeAuthorization(
  { kind, name, address, expiresAt }: Authorization,
): string {
  const end = expiresAt === null
    ? "no end"
    : `until ${new Date(expiresAt).toISOString().replace(/\.000Z$/, "Z")}`;
  const ending = `, ${end}`;
  const what = `  may reach ${printable(name)} (${kind}${
    address === null ? "" : ` ${printable(address)}`
  })`;
  return cut(what, WIDTH - ending.length) + ending;
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => {
    const width = COLUMNS[i] ?? 0;
    return cut(cell, width).padEnd(width);
  }).join(" ");
}

function labelled(label: string, text: string): string {
  return label.padEnd(LABEL_WIDTH) + text;
}

/** Names come from people: what would move the cursor or hide text is shown as a question mark. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, "?");
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width
    ? text
    : `${characters.slice(0, width - 1).join("")}…`;
}

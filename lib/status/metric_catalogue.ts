import { dropCounts } from "./drop_counts.ts";
import {
  eachOfWorker,
  type MetricDefinition,
  one,
  oneOfWorker,
} from "./metric_definition.ts";

const PREFIX = "firezone_gateway_";

const PROCESS: readonly MetricDefinition[] = [
  {
    name: "process_cpu_seconds_total",
    kind: "counter",
    help: "Processor time of all threads.",
    labels: [],
    read: one(({ processorMs }) => processorMs / 1_000),
  },
  {
    name: "process_resident_memory_bytes",
    kind: "gauge",
    help: "Memory in use.",
    labels: [],
    read: one(({ residentBytes }) => residentBytes),
  },
  {
    name: "process_start_time_seconds",
    kind: "gauge",
    help: "When the process started, in Unix time.",
    labels: [],
    read: one(({ startedAt }) => startedAt / 1_000),
  },
  {
    name: `${PREFIX}info`,
    kind: "gauge",
    help: "Always 1; the labels say what runs.",
    labels: ["version"],
    read: ({ version }) => [{ value: 1, labels: { version } }],
  },
];

const STATE: readonly MetricDefinition[] = [
  {
    name: `${PREFIX}ready`,
    kind: "gauge",
    help: "Whether clients can be served: 1 or 0, as /readyz says.",
    labels: [],
    read: one(({ readiness }) => Number(readiness.ready)),
  },
  {
    name: `${PREFIX}ready_condition`,
    kind: "gauge",
    help: "Whether one condition of readiness is met: 1 or 0.",
    labels: ["condition"],
    read: ({ readiness }) =>
      readiness.checks.map(({ name, ok }) => ({
        value: Number(ok),
        labels: { condition: name },
      })),
  },
  {
    name: `${PREFIX}draining`,
    kind: "gauge",
    help: "Whether the gateway is about to leave: 1 or 0.",
    labels: [],
    read: one(({ isDraining }) => Number(isDraining)),
  },
  {
    name: `${PREFIX}portal_joined`,
    kind: "gauge",
    help: "Whether the gateway is connected to the portal: 1 or 0.",
    labels: [],
    read: one(({ portal }) => Number(portal.joined)),
  },
  {
    name: `${PREFIX}portal_joins_total`,
    kind: "counter",
    help: "How often the gateway joined the portal, the first time included.",
    labels: [],
    read: one(({ portal }) => portal.joins),
  },
  {
    name: `${PREFIX}interface_up`,
    kind: "gauge",
    help: "Whether the TUN interface is up: 1 or 0.",
    labels: ["interface"],
    read: ({ interface: { name, state } }) => [
      { value: Number(state === "up"), labels: { interface: name } },
    ],
  },
  {
    name: `${PREFIX}relays`,
    kind: "gauge",
    help:
      "Relays by state: asking (no answer yet), answered, allocated (usable by clients).",
    labels: ["state"],
    read: ({ data }) =>
      ["asking", "answered", "allocated"].map((state) => ({
        value: data?.core.node.relays
          .filter((relay) => relay.state === state).length ?? 0,
        labels: { state },
      })),
  },
  {
    name: `${PREFIX}relay_round_trip_seconds`,
    kind: "gauge",
    help: "Smoothed round-trip time to each relay that has answered.",
    labels: ["relay"],
    read: ({ data }) =>
      (data?.core.node.relays ?? []).flatMap(({ id, roundTripMs }) =>
        roundTripMs === null
          ? []
          : [{ value: roundTripMs / 1_000, labels: { relay: id } }]
      ),
  },
];

const CLIENTS: readonly MetricDefinition[] = [
  {
    name: `${PREFIX}clients`,
    kind: "gauge",
    help: "Clients that may reach something.",
    labels: [],
    read: oneOfWorker(({ core }) => core.clients),
  },
  {
    name: `${PREFIX}authorizations`,
    kind: "gauge",
    help: "Resources that clients may reach, counted for each client.",
    labels: [],
    read: oneOfWorker(({ core }) => core.authorizations),
  },
  {
    name: `${PREFIX}peers`,
    kind: "gauge",
    help: "Connections by kind of path: direct, relayed, or none (yet).",
    labels: ["path"],
    read: eachOfWorker("path", ({ core: { node } }) => {
      const { PeerToPeer: direct, ...others } = node.routes;
      const relayed = Object.values(others).reduce((sum, it) => sum + it, 0);
      const none = node.connections - direct - relayed;
      return { direct, relayed, none };
    }),
  },
  {
    name: `${PREFIX}connection_setup_seconds`,
    kind: "histogram",
    help: "Time from the authorization until packets could pass.",
    labels: [],
    read: ({ connectionSetups }) => connectionSetups,
  },
  {
    name: `${PREFIX}handshake_seconds`,
    kind: "histogram",
    help: "Time from our WireGuard handshake message to the answer.",
    labels: [],
    read: ({ data }) => data?.core.node.handshakes,
  },
  {
    name: `${PREFIX}dns_lookup_seconds`,
    kind: "histogram",
    help: "Time to look up the name of a DNS resource.",
    labels: [],
    read: ({ lookups }) => lookups,
  },
];

const TRAFFIC: readonly MetricDefinition[] = [
  {
    name: `${PREFIX}tunnel_bytes_total`,
    kind: "counter",
    help:
      "Length of the packets in all tunnels, from clients (received) and to them (sent).",
    labels: ["direction"],
    read: eachOfWorker("direction", ({ core: { node: { traffic } } }) => ({
      received: traffic.bytesReceived,
      sent: traffic.bytesSent,
    })),
  },
  {
    name: `${PREFIX}tunnel_packets_total`,
    kind: "counter",
    help: "Packets in all tunnels, from clients (received) and to them (sent).",
    labels: ["direction"],
    read: eachOfWorker("direction", ({ core: { node: { traffic } } }) => ({
      received: traffic.packetsReceived,
      sent: traffic.packetsSent,
    })),
  },
  {
    name: `${PREFIX}datagrams_total`,
    kind: "counter",
    help: "UDP datagrams from the network (received) and to it (sent).",
    labels: ["direction"],
    read: eachOfWorker("direction", ({ plane: { io } }) => ({
      received: io["datagrams-received"],
      sent: io["datagrams-sent"],
    })),
  },
  {
    name: `${PREFIX}interface_packets_total`,
    kind: "counter",
    help: "Packets read from the TUN interface (read) and written to it.",
    labels: ["direction"],
    read: eachOfWorker("direction", ({ plane: { io } }) => ({
      read: io["packets-read"],
      written: io["packets-written"],
    })),
  },
  {
    name: `${PREFIX}drops_total`,
    kind: "counter",
    help:
      "What was not forwarded, by source (client, resource, datagram, signal, io, kernel) and reason.",
    labels: ["source", "reason"],
    read: ({ data, interface: { drops } }) =>
      (data ? dropCounts(data.plane, data.core, drops) : [])
        .map(({ source, reason, count }) => ({
          value: count,
          labels: { source, reason },
        })),
  },
  {
    name: `${PREFIX}icmp_replies_total`,
    kind: "counter",
    help: "ICMP errors that clients were owed, by what became of them.",
    labels: ["outcome"],
    read: eachOfWorker("outcome", ({ core }) => core.icmpReplies),
  },
  {
    name: `${PREFIX}domain_messages_total`,
    kind: "counter",
    help:
      "In-tunnel messages of clients about names, by what became of them and of the names in them.",
    labels: ["outcome"],
    read: eachOfWorker("outcome", ({ core }) => core.control),
  },
];

const LOAD: readonly MetricDefinition[] = [
  {
    name: `${PREFIX}saturation_ratio`,
    kind: "gauge",
    help:
      "Share of the last ten seconds in which the data worker worked or waited for a processor, 0 to 1. Above 0.8 for long: add a gateway.",
    labels: [],
    read: oneOfWorker(({ plane }) => plane.loop.busyShare),
  },
  {
    name: `${PREFIX}cpu_processors`,
    kind: "gauge",
    help: "Processor time over the last seconds, in processors.",
    labels: [],
    read: one(({ cpuShare }) => cpuShare),
  },
  {
    name: `${PREFIX}socket_queue_bytes`,
    kind: "gauge",
    help: "Memory of the datagrams that wait to be read.",
    labels: [],
    read: oneOfWorker(({ plane }) => plane.loop.waitingBytes),
  },
  {
    name: `${PREFIX}dns_questions`,
    kind: "gauge",
    help: "Names that are being looked up for clients.",
    labels: [],
    read: oneOfWorker(({ core }) => core.questions),
  },
  {
    name: `${PREFIX}proxy_addresses`,
    kind: "gauge",
    help: "Proxy addresses that stand for names, of all clients.",
    labels: [],
    read: oneOfWorker(({ core }) => core.translations),
  },
  {
    name: `${PREFIX}nat_sessions`,
    kind: "gauge",
    help: "Flows through proxy addresses, of all clients.",
    labels: [],
    read: oneOfWorker(({ core }) => core.natSessions),
  },
  {
    name: `${PREFIX}open_flows`,
    kind: "gauge",
    help: "Flows that are tracked for flow logs.",
    labels: [],
    read: oneOfWorker(({ core }) => core.flows.open),
  },
  {
    name: `${PREFIX}flow_reports_waiting`,
    kind: "gauge",
    help: "Flow reports that wait to be handed out.",
    labels: [],
    read: oneOfWorker(({ core }) => core.flows.waiting),
  },
  {
    name: `${PREFIX}lost_events_total`,
    kind: "counter",
    help: "Events of the data worker that were lost for want of room.",
    labels: [],
    read: oneOfWorker(({ core }) => core.lostEvents),
  },
];

/** All metrics, in the order of their documentation. */
export const METRICS: readonly MetricDefinition[] = [
  ...STATE,
  ...LOAD,
  ...TRAFFIC,
  ...CLIENTS,
  ...PROCESS,
];

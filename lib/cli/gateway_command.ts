import { FLOW_SPOOL_ROOT } from "../io/mod.ts";
import {
  API_URL,
  CONTROL_SOCKET,
  CRYPTO_WORKERS,
  ID,
  LOG_FILTER,
  LOG_FORMAT,
  MASQUERADE,
  NAME,
  NO_CHECK,
  TOKEN,
  TUN,
} from "./common_options.ts";
import { TELEMETRY } from "./metrics_settings.ts";
import type { CommandSpec, OptionGroup, OptionSpec } from "./options.ts";

const PORTAL: OptionGroup = {
  title: "Portal and identity",
  options: [
    API_URL,
    NAME,
    ID,
    {
      name: "max-partition-time",
      short: "m",
      env: "FIREZONE_MAX_PARTITION_TIME",
      value: "DURATION",
      help:
        "How long to go on without the portal after having been connected, such as 90m, 1h 30m or 30d",
      fallback: "24h",
    },
  ],
};

const HOST: OptionGroup = {
  title: "This host",
  options: [
    TUN,
    MASQUERADE,
    {
      name: "no-inc-buf",
      env: "FIREZONE_NO_INC_BUF",
      help:
        "Leave the host's limits for socket buffers alone; otherwise they are raised to 16 MiB for receiving and 2 MiB for sending while the gateway runs",
    },
    {
      name: "udp-recv-buffer-size",
      env: "FIREZONE_UDP_RECV_BUFFER_SIZE",
      value: "BYTES",
      help: "Receive buffer asked for, each UDP socket",
      fallback: "16777216",
    },
    {
      name: "udp-send-buffer-size",
      env: "FIREZONE_UDP_SEND_BUFFER_SIZE",
      value: "BYTES",
      help: "Send buffer asked for, each UDP socket",
      fallback: "2097152",
    },
    {
      name: "check",
      help:
        "Validate the settings and this host, print a short list and exit: 0 if the gateway can start, 1 or 2 if not. Changes nothing",
    },
    CRYPTO_WORKERS,
    NO_CHECK,
  ],
};

const HEALTH: OptionGroup = {
  title: "Health and control",
  options: [
    {
      name: "health-check-addr",
      env: "HEALTH_CHECK_ADDR",
      value: "ADDR:PORT",
      help: "Where /healthz, /readyz and /metrics are served",
      fallback: "0.0.0.0:8080",
    },
    {
      name: "status-page",
      env: "FIREZONE_STATUS_PAGE",
      value: "ADDR:PORT|off",
      help:
        "Where a web page shows what `firezone-gateway status` does, and charts. It changes nothing, and whoever reaches the address can read it",
      fallback: "127.0.0.1:8090",
    },
    CONTROL_SOCKET,
  ],
};

const FLOW_LOGS: readonly OptionSpec[] = [
  {
    name: "flow-logs",
    env: "FIREZONE_FLOW_LOGS",
    help:
      "Log each TCP and UDP flow, also when the account has flow logs disabled",
  },
  {
    name: "flow-log-file",
    env: "FIREZONE_FLOW_LOG_FILE",
    value: "PATH",
    help:
      "Append each flow to a file as one line of JSON; - for standard output. Rotate it by renaming, or send SIGHUP",
  },
  {
    name: "flow-log-spool",
    env: "FIREZONE_FLOW_LOG_SPOOL",
    value: "DIR",
    help: "Where flow records for the portal wait for their upload",
    fallback: FLOW_SPOOL_ROOT,
  },
];

const LOGS: OptionGroup = {
  title: "Logs",
  options: [
    LOG_FORMAT,
    LOG_FILTER,
    ...FLOW_LOGS,
    {
      name: "validate-checksums",
      env: "FIREZONE_VALIDATE_CHECKSUMS",
      help:
        "Warn of packets from this host with a wrong IPv4, TCP or UDP checksum. For finding faults: it costs speed",
    },
  ],
};

/** The gateway, the reason for this program. */
export const GATEWAY_COMMAND: CommandSpec = {
  command: "",
  summary: "Firezone-compatible zero-trust WireGuard gateway",
  positional: TOKEN,
  groups: [PORTAL, HOST, HEALTH, LOGS, TELEMETRY],
  guide: [
    "First steps:",
    "  1. Create a gateway token in the portal: Sites, your site, Deploy a gateway.",
    "  2. Allow the program to manage the network, again after each update:",
    "       sudo setcap cap_net_admin+eip ./firezone-gateway",
    "  3. See whether this host is ready:",
    "       FIREZONE_TOKEN=... ./firezone-gateway --check",
    "  4. Run it:",
    "       FIREZONE_TOKEN=... ./firezone-gateway",
    "  Variables are safer than the argument for the token: all users of the host",
    "  see the arguments of programs. Under systemd, neither is needed:",
    "       LoadCredential=FIREZONE_TOKEN:/etc/firezone/gateway-token",
    "       AmbientCapabilities=CAP_NET_ADMIN",
    "",
    "A flag beats its variable, and an empty variable counts as unset. Switches take",
    "true, yes, on, 1 or false, no, off, 0: --flow-logs=no, FIREZONE_FLOW_LOGS=yes.",
    "Feature overrides FZFF_... of Firezone's own gateway are accepted; none of them",
    "concerns what this gateway does.",
    "",
    "Signals: SIGTERM and SIGINT take leave of all clients and end the program.",
    "SIGHUP opens the flow log file anew and looks for changes of the network.",
    "SIGUSR2 switches the log to debug, and back to what is configured.",
    "Exit codes: 0 stopped on request, 1 cannot start or go on, 2 wrong usage.",
  ],
  examples: [
    "FIREZONE_ID=edge-1 FIREZONE_TOKEN=... firezone-gateway",
    "FIREZONE_TOKEN=... firezone-gateway --api-url wss://portal.example --log-format json",
    "RUST_LOG=info,ice=debug FIREZONE_TOKEN=... firezone-gateway",
    "FIREZONE_ID=edge-2 FIREZONE_TOKEN=... firezone-gateway --tun-name fz-edge2 \\",
    "    --health-check-addr 127.0.0.1:8082   # a second gateway on one host",
  ],
};

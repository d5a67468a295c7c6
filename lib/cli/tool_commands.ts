import {
  API_URL,
  CONTROL_SOCKET,
  ID,
  MASQUERADE,
  TOKEN,
  TUN,
} from "./common_options.ts";
import type { CommandSpec, OptionSpec } from "./options.ts";

const GATEWAY: readonly OptionSpec[] = [
  CONTROL_SOCKET,
  {
    ...TUN,
    help: "Interface of the gateway that is meant, where a host has several",
  },
];

/** Shows what a gateway is doing. */
export const STATUS_COMMAND: CommandSpec = {
  command: "status",
  summary:
    "Show clients, paths, authorizations, drops and load of the gateway on this host",
  groups: [{
    title: "Options",
    options: [
      { name: "json", help: "Print JSON" },
      { name: "watch", short: "w", help: "Print anew every second" },
      ...GATEWAY,
    ],
  }],
  examples: [
    "firezone-gateway status",
    "firezone-gateway status --watch",
    "firezone-gateway status --json | jq '.peers[].connection.path'",
  ],
};

/** Ends a gateway without its clients noticing. */
export const DRAIN_COMMAND: CommandSpec = {
  command: "drain",
  summary:
    "Send the clients of the gateway on this host to others of its site, then end it",
  groups: [{
    title: "Options",
    options: [
      {
        name: "timeout",
        short: "t",
        value: "DURATION",
        help:
          "How long clients that are never silent may stay. Until then the portal cannot withdraw what they may reach; what expires, expires",
        fallback: "5m",
      },
      ...GATEWAY,
    ],
  }],
  examples: [
    "firezone-gateway drain",
    "firezone-gateway drain --timeout 30s && apt-get upgrade firezone-gateway",
  ],
};

/** Changes which log lines a gateway prints. */
export const LOG_LEVEL_COMMAND: CommandSpec = {
  command: "log-level",
  summary: "Change which log lines the gateway on this host prints",
  positional: {
    name: "directives",
    help:
      "As in RUST_LOG: a level, or target=level directives. Without any, what is configured is restored",
  },
  groups: [{ title: "Options", options: GATEWAY }],
  examples: [
    "firezone-gateway log-level debug",
    "firezone-gateway log-level info,ice=trace",
    "firezone-gateway log-level   # what is configured",
  ],
};

/** Examines host and network for what keeps a gateway from serving. */
export const DOCTOR_COMMAND: CommandSpec = {
  command: "doctor",
  summary:
    "Examine this host and its network for what keeps a gateway from serving, and say what to do",
  positional: TOKEN,
  groups: [{
    title: "Options",
    options: [
      { name: "json", help: "Print JSON" },
      {
        name: "stun",
        value: "HOST:PORT",
        help:
          "STUN servers to tell the kind of NAT by, separated by commas; otherwise the relays of the gateway that runs here",
      },
      API_URL,
      ID,
      MASQUERADE,
      ...GATEWAY,
    ],
  }],
  guide: [
    "Run it as the gateway runs: as its user, with its capability and variables. It",
    "needs no token, changes nothing, and takes a few seconds.",
    "Exit codes: 0 nothing failed, 1 something did, 2 wrong usage.",
  ],
  examples: [
    "firezone-gateway doctor",
    "firezone-gateway doctor --json | jq '.diagnoses[] | select(.verdict == \"failed\")'",
    "firezone-gateway doctor --stun relay-1.example:3478,relay-2.example:3478",
  ],
};

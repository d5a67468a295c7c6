import { FLOW_SPOOL_ROOT } from "../io/mod.ts";
import type { CommandSpec, OptionSpec } from "./options.ts";

const API_URL: OptionSpec = {
  name: "api-url",
  short: "u",
  env: "FIREZONE_API_URL",
  value: "URL",
  help:
    "Portal to connect to: wss://, ws://, https:// or http://, port 443 unless given",
  fallback: "wss://api.firezone.dev",
};
const NAME: OptionSpec = {
  name: "firezone-name",
  short: "n",
  env: "FIREZONE_NAME",
  value: "NAME",
  help: "Display name in the portal",
  fallback: "host name",
};
const ID: OptionSpec = {
  name: "firezone-id",
  short: "i",
  env: "FIREZONE_ID",
  value: "ID",
  help:
    "Identity of this installation; must be unique and stay the same across restarts",
  fallback: "kept in /var/lib/firezone, else derived from /etc/machine-id",
};
const TOKEN: OptionSpec = {
  name: "token",
  env: "FIREZONE_TOKEN",
  value: "TOKEN",
  help:
    "Token from the portal; the systemd credential FIREZONE_TOKEN is read when it is absent",
};
const LOG_FORMAT: OptionSpec = {
  name: "log-format",
  env: "FIREZONE_LOG_FORMAT",
  value: "FORMAT",
  help: "human or json",
  fallback: "human",
};
const LOG_FILTER: OptionSpec = {
  name: "log-filter",
  env: "RUST_LOG",
  value: "DIRECTIVES",
  help:
    "Log level, or comma-separated target=level directives such as info,ice=debug",
  fallback: "info",
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
      "Append each flow to a file as one line of JSON; - for standard output. " +
      "Rotate it by renaming, or send SIGHUP",
  },
  {
    name: "flow-log-spool",
    env: "FIREZONE_FLOW_LOG_SPOOL",
    value: "DIR",
    help: "Where flow records for the portal wait for their upload",
    fallback: FLOW_SPOOL_ROOT,
  },
];
const CRYPTO_WORKERS: OptionSpec = {
  name: "crypto-workers",
  env: "FIREZONE_CRYPTO_WORKERS",
  value: "COUNT",
  help:
    "Threads that help to encrypt and decrypt packets, up to 16. Of use only on a host whose other cores are idle while the gateway keeps one busy",
  fallback: "0",
};
const NO_CHECK: OptionSpec = {
  name: "no-check",
  help: "Skip the check for the CAP_NET_ADMIN capability at start",
};

/** The gateway, the reason for this program. */
export const GATEWAY_COMMAND: CommandSpec = {
  command: "",
  summary: "Firezone-compatible zero-trust WireGuard gateway",
  positional: TOKEN,
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
        "How long to go on without the portal after having been connected, such as 1h or 30d",
      fallback: "24h",
    },
    LOG_FORMAT,
    LOG_FILTER,
    ...FLOW_LOGS,
    CRYPTO_WORKERS,
    NO_CHECK,
  ],
  examples: [
    "sudo setcap cap_net_admin+eip ./firezone-gateway   # once per download",
    "FIREZONE_ID=edge-1 FIREZONE_TOKEN=... ./firezone-gateway",
    "RUST_LOG=info,ice=debug FIREZONE_TOKEN=... ./firezone-gateway --api-url wss://portal.example",
  ],
};

/** The lab client. */
export const CLIENT_COMMAND: CommandSpec = {
  command: "client",
  summary:
    "Headless client for labs and tests: connects to resources through gateways",
  positional: TOKEN,
  options: [
    API_URL,
    NAME,
    ID,
    {
      name: "max-partition-time",
      short: "m",
      env: "MAX_PARTITION_TIME",
      value: "DURATION",
      help: "How long to go on without the portal after having been connected",
      fallback: "unlimited",
    },
    {
      name: "dns-control",
      env: "FIREZONE_DNS_CONTROL",
      value: "METHOD",
      help:
        "disabled: names of resources are answered at 100.100.111.1 and fd00:2021:1111:8000:100:100:111:1, port 53, for whoever asks there, such as `dig @100.100.111.1 NAME` or a resolver that you point there; etc-resolv-conf: /etc/resolv.conf names these addresses for as long as the client runs",
      fallback: "disabled",
    },
    {
      name: "activate-internet-resource",
      env: "FIREZONE_ACTIVATE_INTERNET_RESOURCE",
      help:
        "Send all traffic through the Internet resource, if the portal offers one",
    },
    LOG_FORMAT,
    LOG_FILTER,
    CRYPTO_WORKERS,
    NO_CHECK,
  ],
  examples: [
    "FIREZONE_ID=laptop FIREZONE_TOKEN=... firezone-gateway client --api-url ws://portal.lab:8081",
  ],
};

/** The relay. */
export const RELAY_COMMAND: CommandSpec = {
  command: "relay",
  summary:
    "STUN and TURN relay that gateways and clients reach each other through",
  positional: TOKEN,
  options: [
    API_URL,
    NAME,
    {
      name: "public-ip4-addr",
      env: "PUBLIC_IP4_ADDR",
      value: "IP",
      help:
        "IPv4 address that peers reach this relay at; at least one family is needed",
    },
    {
      name: "public-ip6-addr",
      env: "PUBLIC_IP6_ADDR",
      value: "IP",
      help: "IPv6 address that peers reach this relay at",
    },
    {
      name: "listen-port",
      env: "LISTEN_PORT",
      value: "PORT",
      help: "UDP port; Firezone clients and gateways know relays on 3478 only",
      fallback: "3478",
    },
    {
      name: "lowest-port",
      env: "LOWEST_PORT",
      value: "PORT",
      help: "First port for allocations",
      fallback: "49152",
    },
    {
      name: "highest-port",
      env: "HIGHEST_PORT",
      value: "PORT",
      help: "Last port for allocations",
      fallback: "65535",
    },
    LOG_FORMAT,
    LOG_FILTER,
  ],
  examples: [
    "PUBLIC_IP4_ADDR=203.0.113.7 FIREZONE_TOKEN=... firezone-gateway relay --api-url wss://portal.example",
  ],
};

/** The lab portal. */
export const PORTAL_COMMAND: CommandSpec = {
  command: "portal",
  summary:
    "Portal for labs and tests: serves gateways, clients and relays from a policy file",
  options: [
    {
      name: "policy",
      short: "p",
      env: "FIREZONE_POLICY",
      value: "FILE",
      help:
        "JSON policy file; read again on SIGHUP. With a control_token in it, POST /control/revoke-access?client=NAME&gateway=NAME&resource=NAME revokes access",
    },
    {
      name: "listen",
      short: "l",
      env: "FIREZONE_LISTEN",
      value: "ADDR:PORT",
      help: "Where to serve ws://; several, separated by commas",
      fallback: "127.0.0.1:8081",
    },
    LOG_FORMAT,
    LOG_FILTER,
  ],
  examples: [
    "firezone-gateway portal --policy policy.json --listen 127.0.0.1:8081",
    "curl -X POST -H 'Authorization: Bearer ...' 'http://127.0.0.1:8081/control/revoke-access?client=laptop&gateway=gateway-1&resource=Database'",
  ],
};

/** All roles; the first is what runs without a sub-command. */
export const COMMANDS: readonly CommandSpec[] = [
  GATEWAY_COMMAND,
  CLIENT_COMMAND,
  RELAY_COMMAND,
  PORTAL_COMMAND,
];

import {
  API_URL,
  CRYPTO_WORKERS,
  ID,
  LOG_FILTER,
  LOG_FORMAT,
  NAME,
  NO_CHECK,
  TOKEN,
} from "./common_options.ts";
import { GATEWAY_COMMAND } from "./gateway_command.ts";
import type { CommandSpec } from "./options.ts";
import {
  DOCTOR_COMMAND,
  DRAIN_COMMAND,
  LOG_LEVEL_COMMAND,
  STATUS_COMMAND,
} from "./tool_commands.ts";

/** The lab client. */
export const CLIENT_COMMAND: CommandSpec = {
  command: "client",
  summary:
    "Headless client for labs and tests: connects to resources through gateways",
  positional: TOKEN,
  groups: [{
    title: "Options",
    options: [
      API_URL,
      NAME,
      ID,
      {
        name: "max-partition-time",
        short: "m",
        env: "MAX_PARTITION_TIME",
        value: "DURATION",
        help:
          "How long to go on without the portal after having been connected",
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
  }],
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
  groups: [{
    title: "Options",
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
        help:
          "UDP port; Firezone clients and gateways know relays on 3478 only",
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
  }],
  examples: [
    "PUBLIC_IP4_ADDR=203.0.113.7 FIREZONE_TOKEN=... firezone-gateway relay --api-url wss://portal.example",
  ],
};

/** The lab portal. */
export const PORTAL_COMMAND: CommandSpec = {
  command: "portal",
  summary:
    "Portal for labs and tests: serves gateways, clients and relays from a policy file",
  groups: [{
    title: "Options",
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
  }],
  examples: [
    "firezone-gateway portal --policy policy.json --listen 127.0.0.1:8081",
    "curl -X POST -H 'Authorization: Bearer ...' 'http://127.0.0.1:8081/control/revoke-access?client=laptop&gateway=gateway-1&resource=Database'",
  ],
};

/** All commands; the first is what runs without a sub-command. */
export const COMMANDS: readonly CommandSpec[] = [
  GATEWAY_COMMAND,
  STATUS_COMMAND,
  DOCTOR_COMMAND,
  DRAIN_COMMAND,
  LOG_LEVEL_COMMAND,
  CLIENT_COMMAND,
  RELAY_COMMAND,
  PORTAL_COMMAND,
];

import type { OptionSpec } from "./options.ts";

/** The portal. */
export const API_URL: OptionSpec = {
  name: "api-url",
  short: "u",
  env: "FIREZONE_API_URL",
  value: "URL",
  help:
    "Portal to connect to: wss://, ws://, https:// or http://, port 443 unless given",
  fallback: "wss://api.firezone.dev",
};
/** What people call this installation. */
export const NAME: OptionSpec = {
  name: "firezone-name",
  short: "n",
  env: "FIREZONE_NAME",
  value: "NAME",
  help: "Display name in the portal",
  fallback: "host name",
};
/** What the portal knows this installation by. */
export const ID: OptionSpec = {
  name: "firezone-id",
  short: "i",
  env: "FIREZONE_ID",
  value: "ID",
  help:
    "Identity of this installation; must be unique and stay the same across restarts",
  fallback: "kept in /var/lib/firezone, else derived from /etc/machine-id",
};
/** The permission to join. */
export const TOKEN: OptionSpec = {
  name: "token",
  env: "FIREZONE_TOKEN",
  value: "TOKEN",
  help:
    "Token from the portal; blanks and line breaks in it are ignored. When it is absent, the systemd credential FIREZONE_TOKEN is read",
};
/** How log lines look. */
export const LOG_FORMAT: OptionSpec = {
  name: "log-format",
  env: "FIREZONE_LOG_FORMAT",
  value: "FORMAT",
  help: "human or json",
  fallback: "human",
};
/** Which log lines there are. */
export const LOG_FILTER: OptionSpec = {
  name: "log-filter",
  env: "RUST_LOG",
  value: "DIRECTIVES",
  help:
    "Log level (off, error, warn, info, debug, trace), or comma-separated target=level directives such as info,ice=debug",
  fallback: "info",
};
/** Help of other cores. */
export const CRYPTO_WORKERS: OptionSpec = {
  name: "crypto-workers",
  env: "FIREZONE_CRYPTO_WORKERS",
  value: "COUNT",
  help:
    "Threads that help to encrypt and decrypt packets, up to 16. Of use only on a host whose other cores are idle while this program keeps one busy",
  fallback: "0",
};
/** For hosts where the check is wrong. */
export const NO_CHECK: OptionSpec = {
  name: "no-check",
  help: "Skip the check for the CAP_NET_ADMIN capability at start",
};
/** Which gateway of a host is meant. */
export const TUN: OptionSpec = {
  name: "tun-name",
  env: "FIREZONE_TUN_NAME",
  value: "NAME",
  help:
    "Name of the tunnel's interface. Several gateways share a host when each has a name of its own here; identity, control socket and routes are then each gateway's own, too",
  fallback: "tun-firezone",
};
/** Where a gateway takes orders. */
export const CONTROL_SOCKET: OptionSpec = {
  name: "control-socket",
  env: "FIREZONE_CONTROL_SOCKET",
  value: "PATH",
  help:
    "Unix socket for the commands status, drain and log-level; for the user and the group of the gateway only",
  fallback: "gateway.sock in $RUNTIME_DIRECTORY, else in /run/firezone",
};
/** What resources see. */
export const MASQUERADE: OptionSpec = {
  name: "masquerade",
  env: "FIREZONE_MASQUERADE",
  value: "on|off",
  help:
    "Whether resources see the gateway's address. With off they see the client's, and your network has to route it back",
  fallback: "on",
};
